"""What compaction would fold, without folding it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aios.agents.contract import load
from aios.agents.offline.archivist import due_now as due_of
from aios.agents.tools import ContractTools
from aios.domain.finding import Finding, errors
from aios.domain.tree import Tree
from aios.errors import InvalidError
from aios.memory.expiry import POLICY
from aios.memory.retention import Group
from aios.runs.context import Context
from aios.runs.inbox import open_runs
from aios.runs.start import start_run
from aios.store.catalog import Catalog
from aios.store.documents import parse
from aios.store.judge import judge
from aios.store.schemas import Schemas
from aios.store.trees import CommitTree

ARCHIVIST = "archivist"
WORKFLOW = "compact-memory"


def begin(context: Context, trigger: Mapping[str, Any]) -> str:
    """The run that compacts: the one that is open, wherever it stands, else a new one. Empty where nothing is due: a
    run that does nothing would be one more commit and one more name on main. Raises as `start_run` and `due_now` do.
    """
    known = next((run for run in open_runs(context) if run.startswith(f"{WORKFLOW}/")), "")
    if known or not due_now(context):
        return known
    return start_run(context, WORKFLOW, {}, trigger=trigger)


def policy_findings(tree: Tree) -> list[Finding]:
    """What is wrong with `memory/policy.yaml`, for which nothing is folded; nothing where there is none."""
    content = tree.read(POLICY)
    return errors(judge(POLICY, content, Schemas.from_tree(tree)[0]).findings) if content is not None else []


def require_policy(context: Context) -> None:
    """Raises InvalidError with the findings where `memory/policy.yaml` of main is not in order."""
    tree = CommitTree(context.git, context.main)
    if tree.blob(POLICY) is None:
        raise InvalidError(f"there is no {POLICY}", "it says what may be folded; without it everything is kept")
    findings = policy_findings(tree)
    if findings:
        hint = "mend it; nothing is folded until then"
        raise InvalidError(f"{POLICY} is not in order", hint, findings=tuple(findings))


def due_now(context: Context, catalog: Catalog | None = None) -> Sequence[Group]:
    """What the policy lets be folded; of what it does not say clearly nothing is. Where main's catalog is at hand, its
    records are not read again.

    Raises InvalidError where the company has no archivist that can be read.
    """
    tree = CommitTree(context.git, context.main)
    contract, findings = load(tree, ARCHIVIST, parse=parse)
    if contract is None:
        raise InvalidError(f"the agent `{ARCHIVIST}` is not in order", "see state/agents/", findings=tuple(findings))
    tools = ContractTools(tree, contract, recall=lambda *_: (), records=(catalog or Catalog(tree)).records)
    return due_of(tools, context.now()).groups
