"""Reading a workflow from its YAML, in an order of steps that respects their needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from aios.domain.agent import Contract
from aios.domain.effect import Capability
from aios.domain.finding import Finding, errors
from aios.domain.keys import key_of
from aios.domain.names import WORKFLOWS
from aios.domain.record import Document, Where
from aios.domain.tree import Tree
from aios.domain.workflow import Budget, Escalate, Retry, Step, StepKind, Trigger, Workflow
from aios.expressions import ExpressionError, holes, names_under, whole
from aios.runs.definition_check import check
from aios.runs.definition_findings import Told
from aios.runs.definition_triggers import triggers
from aios.runs.definition_types import EFFECT_OUTPUT, empty_output
from aios.runs.duration import seconds
from aios.store.documents import parse
from aios.store.schemas import Schemas


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
    by_schema = Schemas.from_tree(tree)[0].validate(document)
    workflow, found = build(document, agents, capabilities)
    # What the schema says of a line is not said again in other words.
    lines = {finding.line for finding in by_schema}
    findings = sorted([*findings, *by_schema, *(each for each in found if each.line not in lines)])
    return (None if errors(findings) else workflow), findings


def build(
    document: Document, agents: Mapping[str, Contract], capabilities: Mapping[str, Capability]
) -> tuple[Workflow | None, list[Finding]]:
    """The workflow that a document describes, None where it cannot be read, and everything that is wrong with it."""
    data = document.data
    told = Told(document)
    steps: dict[str, Step] = {}
    for name, raw in _mapping(data.get("steps")).items():
        step = _step(told, name, raw)
        if step:
            steps[name] = _with_output(step, agents)
    if not _mapping(data.get("steps")):
        told.add(("steps",), "step", "there are no steps", "add a first one under `steps:`")
    ordered = _ordered(told, steps)
    budget = _mapping(data.get("budget"))
    workflow = Workflow(
        name=str(data.get("name", "")),
        summary=str(data.get("summary", "")),
        triggers=tuple(Trigger(kind, spec) for kind, _, spec in triggers(data)),
        inputs={name: _mapping(schema) for name, schema in _mapping(data.get("inputs")).items()},
        subject=str(data.get("subject") or data.get("name", "")),
        steps=steps if ordered is None else ordered,
        budget=Budget(_number(budget.get("usd")), int(_number(budget.get("tokens"))), _number(budget.get("minutes"))),
        hash=key_of("workflow", dict(data)),
        path=document.path,
    )
    findings = [*told.findings, *check(document, workflow, agents, capabilities)]
    return (None if errors(findings) else workflow), sorted(findings)


def _ordered(told: Told, steps: Mapping[str, Step]) -> dict[str, Step] | None:
    """The steps in an order that respects their needs, the same on every machine; None where there is none."""
    # Lists, not sets: a set's order is another in every process, and the order of steps is that of their commits.
    graph = {name: [need for need in step.needs if need in steps] for name, step in steps.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = [str(each) for each in error.args[1]]
        first = min(circle, key=list(steps).index)
        message = f"steps need each other: {' → '.join(circle)}"
        told.add(
            ("steps", first, "needs"), "cycle", message, "drop one of these needs, or an expression that reads ahead"
        )
        return None
    return {name: steps[name] for name in order}


def _with_output(step: Step, agents: Mapping[str, Contract]) -> Step:
    contract = agents.get(step.uses) if step.kind is StepKind.AGENT else None
    if contract:
        return replace(step, empty=dict(empty_output(contract.output)), output=contract.output)
    if step.kind is StepKind.EFFECT:
        return replace(step, empty=dict(empty_output(EFFECT_OUTPUT)), output=EFFECT_OUTPUT)
    return step


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> float:
    """Zero for what is no number: the schema told of that already."""
    plain = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
    return float(value) if plain else 0.0


def _step(told: Told, name: str, raw: Any) -> Step | None:
    where: Where = ("steps", name)
    kinds = [kind for kind in StepKind if isinstance(raw, Mapping) and kind.value in raw]
    if len(kinds) != 1 or not isinstance(raw[kinds[0].value], str):
        told.add(where, "step", f"`{name}` needs exactly one of agent, collect, gate, effect", "e.g. `agent: writer`")
        return None
    given, when, retry = _mapping(raw.get("with")), str(raw.get("when") or ""), _mapping(raw.get("retry"))
    for_each = _for_each(told, raw.get("for_each"), (*where, "for_each"))
    needs = raw.get("needs")
    explicit = [need for need in needs if isinstance(need, str)] if isinstance(needs, list) else []
    texts = [*_holes(told, given, (*where, "with")), when, for_each]
    implied = [need for text in texts for need in names_under(text, "steps")]
    return Step(
        name=name,
        kind=kinds[0],
        uses=raw[kinds[0].value],
        needs=tuple(dict.fromkeys([*explicit, *implied])),
        with_=given,
        when=when,
        for_each=for_each,
        parallel=int(_number(raw.get("parallel", 1))),
        retry=Retry(
            attempts=int(_number(retry.get("attempts", 1))),
            backoff=_duration(told, retry, "backoff", "2s", (*where, "retry")),
            ceiling=_duration(told, retry, "ceiling", "300s", (*where, "retry")),
        ),
        timeout=_duration(told, raw, "timeout", "300s", where),
        after=_duration(told, raw, "after", "0s", where),
        compensate=str(raw.get("compensate") or ""),
        escalate=_escalate(raw.get("escalate")),
    )


def _duration(told: Told, raw: Mapping[str, Any], name: str, default: str, where: Where) -> float:
    try:
        return seconds(str(raw.get(name, default)))
    except ValueError as error:
        told.add((*where, name), "duration", f"`{name}`: {error}", "write e.g. 90s, 10m, 6h, 7d or 2w")
        return seconds(default)


def _for_each(told: Told, raw: Any, where: Where) -> str:
    """The bare expression of a list, however it is written."""
    text = str(raw or "").strip()
    found = _holes(told, text, where)
    if found and whole(text) is None:
        told.add(
            where, "expression", "`for_each` is more than one expression", "write `${{ … }}` and nothing around it"
        )
        return ""
    return found[0].strip() if found else text


def _holes(told: Told, value: Any, where: Where) -> list[str]:
    try:
        return list(holes(value))
    except ExpressionError as error:
        told.add(where, "expression", error.message, error.hint)
        return []


def _escalate(raw: Any) -> Escalate | None:
    if not isinstance(raw, Mapping):
        return None
    to = raw.get("to")
    return Escalate(_number(raw.get("below")), tuple(str(each) for each in to) if isinstance(to, list) else ())
