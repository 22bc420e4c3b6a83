"""The definitions a run is pinned to: workflow, contracts and capabilities as they were at its base commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aios.agents.contract import load_all as load_contracts
from aios.domain.agent import Contract
from aios.domain.effect import Capability, Connector
from aios.domain.finding import Finding, Severity
from aios.domain.names import WORKFLOWS
from aios.domain.tree import Tree
from aios.domain.workflow import Workflow
from aios.errors import InvalidError, UsageError
from aios.runs.context import Context
from aios.runs.definition import load as load_workflow
from aios.runs.definition_check import is_unconnected
from aios.store.documents import parse
from aios.store.trees import CommitTree


@dataclass(frozen=True, slots=True)
class Definitions:
    """Everything that decides how a run goes, read from one commit."""

    tree: Tree
    workflow: Workflow
    contracts: Mapping[str, Contract]
    connectors: Mapping[str, Connector]

    def connector_for(self, capability: str) -> Connector | None:
        """The first connector, by name, that offers the capability."""
        return next((c for _, c in sorted(self.connectors.items()) if capability in c.capabilities()), None)


def capabilities_of(connectors: Mapping[str, Connector]) -> dict[str, Capability]:
    found: dict[str, Capability] = {}
    for _, connector in sorted(connectors.items()):
        for name, capability in connector.capabilities().items():
            found.setdefault(name, capability)
    return found


def workflow_names(tree: Tree) -> list[str]:
    return [path[len(WORKFLOWS) : -len(".yaml")] for path in tree.paths(WORKFLOWS) if path.endswith(".yaml")]


def check_workflows(tree: Tree, connectors: Mapping[str, Connector]) -> tuple[dict[str, Workflow], list[Finding]]:
    """Every workflow that can run, and what is wrong with workflows and contracts.

    One that only a person starts and that waits for a connector is not wrong: whoever starts it is told.
    """
    contracts, findings = load_contracts(tree, parse=parse)
    capabilities = capabilities_of(connectors)
    workflows: dict[str, Workflow] = {}
    for name in workflow_names(tree):
        workflow, found = load_workflow(tree, name, contracts, capabilities)
        findings += [each for each in found if each.severity is not Severity.INFO or not is_unconnected(each)]
        if workflow is not None and not any(map(is_unconnected, found)):
            workflows[name] = workflow
    return workflows, findings


def waiting_for_connectors(tree: Tree, connectors: Mapping[str, Connector]) -> dict[str, str]:
    """Workflows that are in order but for a connector that nobody declared → what they wait for, in words."""
    contracts, _ = load_contracts(tree, parse=parse)
    capabilities = capabilities_of(connectors)
    found: dict[str, str] = {}
    for name in workflow_names(tree):
        workflow, findings = load_workflow(tree, name, contracts, capabilities)
        waits = next((each.message for each in findings if is_unconnected(each)), "")
        if workflow is not None and waits:
            found[name] = waits
    return found


def load(context: Context, name: str, commit: str) -> Definitions:
    """The definitions at a commit. Raises UsageError for an unknown workflow, InvalidError with its findings."""
    tree = CommitTree(context.git, commit)
    if name not in workflow_names(tree):
        known = ", ".join(workflow_names(tree)) or "none"
        raise UsageError(f"there is no workflow `{name}`", f"the workflows here: {known}")
    contracts, findings = load_contracts(tree, parse=parse)
    connectors = context.connectors(tree)
    workflow, found = load_workflow(tree, name, contracts, capabilities_of(connectors))
    findings += found
    waits = [f for f in found if is_unconnected(f)]
    if workflow is not None and waits:
        raise InvalidError(
            f"the workflow `{name}` cannot run: {waits[0].message}", waits[0].hint, findings=tuple(waits)
        )
    wrong = tuple(f for f in findings if f.severity is Severity.ERROR)
    if workflow is None or wrong:
        raise InvalidError(f"the workflow `{name}` is not in order", "nothing was started", findings=tuple(findings))
    return Definitions(tree, workflow, contracts, connectors)
