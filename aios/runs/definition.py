"""Reading a workflow from its YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from aios.domain.agent import Contract
from aios.domain.effect import Capability
from aios.domain.finding import Finding, errors
from aios.domain.keys import key_of
from aios.domain.names import WORKFLOWS
from aios.domain.record import Document
from aios.domain.tree import Tree
from aios.domain.workflow import Budget, Escalate, Retry, Step, StepKind, Trigger, Workflow
from aios.expressions import holes
from aios.runs.definition_check import check, empty_output
from aios.runs.duration import seconds
from aios.store.documents import parse

_STEP = re.compile(r"\bsteps\.([A-Za-z_][\w-]*)")


def load(
    tree: Tree, name: str, agents: Mapping[str, Contract], capabilities: Mapping[str, Capability]
) -> tuple[Workflow | None, list[Finding]]:
    """The workflow `name`, or None and the findings that say why not."""
    path = f"{WORKFLOWS}{name}.yaml"
    content = tree.read(path)
    if content is None:
        return None, [Finding(path, 0, 0, "workflow-missing", f"there is no workflow `{name}`")]
    document, findings = parse(path, content)
    if document is None:
        return None, findings
    workflow, found = build(document, agents, capabilities)
    return (None if errors(found) else workflow), [*findings, *found]


def build(
    document: Document, agents: Mapping[str, Contract], capabilities: Mapping[str, Capability]
) -> tuple[Workflow | None, list[Finding]]:
    data = document.data
    findings: list[Finding] = []
    name = str(data.get("name", ""))
    steps: dict[str, Step] = {}
    for step_name, raw in _mapping(data.get("steps")).items():
        step = _step(document, step_name, raw, findings)
        if step:
            contract = agents.get(step.uses) if step.kind is StepKind.AGENT else None
            steps[step_name] = replace(step, empty=dict(empty_output(contract.output))) if contract else step
    try:
        order = list(TopologicalSorter({n: set(s.needs) & set(steps) for n, s in steps.items()}).static_order())
    except CycleError as error:
        circle = " → ".join(str(each) for each in error.args[1])
        findings.append(
            Finding(document.path, *document.position(("steps",)), "workflow-cycle", f"steps need each other: {circle}")
        )
        return None, findings
    place = list(steps)
    ordered = {n: steps[n] for n in sorted(steps, key=lambda n: (order.index(n), place.index(n)))}
    budget = _mapping(data.get("budget"))
    workflow = Workflow(
        name=name,
        summary=str(data.get("summary", "")),
        triggers=tuple(Trigger(kind, _mapping(spec)) for kind, spec in _mapping(data.get("on")).items()),
        inputs={name: _mapping(schema) for name, schema in _mapping(data.get("inputs")).items()},
        subject=str(data.get("subject") or name),
        steps=ordered,
        budget=Budget(float(budget.get("usd", 0)), int(budget.get("tokens", 0)), float(budget.get("minutes", 0))),
        hash=key_of("workflow", dict(data)),
        path=document.path,
    )
    if errors(findings):
        return None, findings
    return workflow, [*findings, *check(document, workflow, agents, capabilities)]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _step(document: Document, name: str, raw: Any, findings: list[Finding]) -> Step | None:
    if not isinstance(raw, Mapping):
        return None
    kinds = [kind for kind in StepKind if kind.value in raw]
    if len(kinds) != 1:
        where = document.position(("steps", name))
        findings.append(
            Finding(document.path, *where, "step-kind", f"`{name}` needs exactly one of agent, collect, gate, effect")
        )
        return None
    texts = [*holes(raw.get("with") or {}), str(raw.get("when", "")), *holes(raw.get("for_each", ""))]
    implied = [found for text in texts for found in _STEP.findall(text)]
    retry, escalate = raw.get("retry") or {}, raw.get("escalate")
    try:
        return Step(
            name=name,
            kind=kinds[0],
            uses=str(raw[kinds[0].value]),
            needs=tuple(dict.fromkeys([*(raw.get("needs") or ()), *implied])),
            with_=raw.get("with") or {},
            when=str(raw.get("when", "")),
            for_each=next(iter(holes(raw["for_each"])), str(raw["for_each"])).strip() if raw.get("for_each") else "",
            parallel=int(raw.get("parallel", 1)),
            retry=Retry(int(retry.get("attempts", 1)), seconds(str(retry.get("backoff", "2s")))),
            timeout=seconds(str(raw.get("timeout", "300s"))),
            after=seconds(str(raw.get("after", "0s"))),
            compensate=str(raw.get("compensate", "")),
            escalate=Escalate(float(escalate["below"]), tuple(escalate.get("to") or ())) if escalate else None,
        )
    except (ValueError, KeyError, TypeError) as error:
        findings.append(Finding(document.path, *document.position(("steps", name)), "step", str(error)))
        return None
