"""Checking a workflow as a whole, before anything runs: every finding at once, each with its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.domain.agent import Contract
from aios.domain.effect import Capability
from aios.domain.finding import Finding, Severity
from aios.domain.names import RESERVED_WORKFLOWS
from aios.domain.record import Document, Where
from aios.domain.slug import is_slug
from aios.domain.vocabulary import VOCABULARY
from aios.domain.workflow import Step, StepKind, Workflow
from aios.expressions import ExpressionError, Scope, compile_value, evaluate, holes, is_name
from aios.runs.definition_findings import Check, suggestion
from aios.runs.definition_triggers import check_trigger, triggers
from aios.runs.definition_types import check_types, inputs_scope
from aios.runs.inputs import UNUSABLE, bare, problem_of

MAX_PARALLEL, MAX_ATTEMPTS = 64, 20
UNCONNECTED = "unconnected"


def check(
    document: Document, workflow: Workflow, agents: Mapping[str, Contract], capabilities: Mapping[str, Capability]
) -> list[Finding]:
    """Everything that is wrong with a workflow whose steps could be read, sorted by place."""
    told = Check(document, workflow=workflow, agents=agents, capabilities=capabilities)
    _name(told)
    _inputs(told)
    for kind, where, spec in triggers(document.data):
        check_trigger(told, kind, where, spec)
    _subject(told)
    for step in workflow.steps.values():
        _step(told, step)
    _unconnected(told)
    return sorted(told.findings)


def _name(told: Check) -> None:
    name, stem = told.workflow.name, told.document.path.rpartition("/")[2].removesuffix(".yaml")
    if name != stem:
        told.add(("name",), "name", f"`name` is `{name}` in a file named `{stem}`", "make them equal")
    if not is_slug(name):
        told.add(("name",), "name", f"`{name}` cannot be part of a branch name", "small letters, digits, dashes")
    if name in RESERVED_WORKFLOWS:
        told.add(("name",), "name", f"`{name}` is reserved", "choose another name")


def _subject(told: Check) -> None:
    subject, scope = told.workflow.subject, Scope(inputs_scope(told.workflow))
    try:
        texts = list(holes(subject))
        for text in texts:
            kind = compile_value(text, scope)
            if kind not in {"STRING", "INT", "DYN"}:
                message = f"`{text.strip()}` is {kind.lower()}, where text is wanted"
                told.add(("subject",), "type", message, "turn it into text: slug(…)")
    except ExpressionError as error:
        told.add(("subject",), "expression", error.message, error.hint)
        return
    if not texts and subject and not is_slug(subject):
        told.add(("subject",), "subject", f"`{subject}` is no slug", "small letters, digits, dashes, or slug(…)")


def _inputs(told: Check) -> None:
    for name, schema in told.workflow.inputs.items():
        where: Where = ("inputs", name)
        if not is_name(name):
            message = f"no expression can name the input `{name}`"
            told.add(where, "name", message, "letters, digits and underscores; no word of the language")
        problem = _schema_problem(schema)
        if problem:
            told.add(where, "input", f"`{name}` is no JSON Schema: {problem}", "e.g. {type: string, minLength: 3}")
        elif "default" in schema:
            problem = problem_of(schema["default"], bare(schema))
            if problem:
                told.add((*where, "default"), "input", f"the default of `{name}` does not fit: {problem}")


def _schema_problem(schema: Mapping[str, Any]) -> str:
    if _refers(schema):
        return "`$ref` leads outside of the workflow"
    problem = problem_of("", bare(schema))
    return problem.removeprefix(UNUSABLE) if problem.startswith(UNUSABLE) else ""


def _refers(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        return "$ref" in schema or any(_refers(each) for each in schema.values())
    return isinstance(schema, list) and any(_refers(each) for each in schema)


def _step(told: Check, step: Step) -> None:
    where: Where = ("steps", step.name)
    if not is_name(step.name):
        message = f"no expression can name the step `{step.name}`"
        told.add(where, "name", message, "letters, digits and underscores; no word of the language")
    _uses(told, step, where)
    _compensation(told, step, where)
    for need in step.needs:
        if need not in told.workflow.steps:
            message = f"`{step.name}` needs `{need}`, which is no step"
            told.add((*where, "needs"), "needs", message, suggestion(need, told.workflow.steps, "the steps"))
    _bounds(told, step, where)
    check_types(told, step, where)
    if step.kind is StepKind.EFFECT and not _gated(told.workflow, step.name):
        message = f"the effect `{step.uses}` has no gate before it"
        told.add(where, "gate", message, "add a step `gate: operator` and need it")
    _reachable(told, step, where)


def _gated(workflow: Workflow, name: str) -> bool:
    """Does a gate stand before the step? Whatever else it needs may be no step at all."""
    waiting, seen = [name], {name}
    while waiting:
        for need in workflow.steps[waiting.pop()].needs:
            if need in workflow.steps and need not in seen:
                if workflow.steps[need].kind is StepKind.GATE:
                    return True
                seen.add(need)
                waiting.append(need)
    return False


def _uses(told: Check, step: Step, where: Where) -> None:
    known: Mapping[str, Any] = {
        StepKind.AGENT: told.agents,
        StepKind.GATE: {"operator": None},
        StepKind.COLLECT: {name: each for name, each in told.capabilities.items() if not each.writes},
        StepKind.EFFECT: {name: each for name, each in told.capabilities.items() if each.writes},
    }[step.kind]
    if step.uses not in known:
        what = {StepKind.AGENT: "agent", StepKind.GATE: "approver"}.get(step.kind, "capability")
        where = (*where, step.kind.value)
        capability = told.capabilities.get(step.uses)
        if capability is not None and step.kind in {StepKind.COLLECT, StepKind.EFFECT}:
            does, kind = ("acts", "effect") if capability.writes else ("reads", "collect")
            told.add(where, "uses", f"`{step.uses}` {does}", f"write `{kind}: {step.uses}`")
            return
        if VOCABULARY.get(step.uses) is (step.kind is StepKind.EFFECT):
            return  # in order, and told for the whole workflow
        told.add(where, "uses", f"unknown {what} `{step.uses}`", suggestion(step.uses, sorted(known)))


def _unconnected(told: Check) -> None:
    """What nothing offers yet. That is no mistake in a workflow that only a person starts: it waits for a connector."""
    acts = {StepKind.EFFECT: True, StepKind.COLLECT: False}
    wanting = [
        step
        for step in told.workflow.steps.values()
        if step.kind in acts and step.uses not in told.capabilities and VOCABULARY.get(step.uses) is acts[step.kind]
    ]
    if not wanting:
        return
    by_itself = any(trigger.kind != "manual" for trigger in told.workflow.triggers)
    names = ", ".join(dict.fromkeys(step.uses for step in wanting))
    message = f"it waits for a connector that offers {names}" + ("; nothing starts it before" if by_itself else "")
    hint = "`aios connectors example` shows how to declare one; or delete the workflow"
    where: Where = ("steps", wanting[0].name)
    told.add(where, UNCONNECTED, message, hint, Severity.WARNING if by_itself else Severity.INFO)


def is_unconnected(finding: Finding) -> bool:
    """Does it say that a workflow, in order otherwise, waits for a connector?"""
    return finding.rule == f"workflow-{UNCONNECTED}"


def _compensation(told: Check, step: Step, where: Where) -> None:
    where = (*where, "compensate")
    if not step.compensate:
        return
    capability = told.capabilities.get(step.compensate)
    if step.kind is not StepKind.EFFECT:
        told.add(where, "compensate", f"`{step.name}` has no effect to undo", "drop `compensate`")
    elif capability is None and step.uses not in told.capabilities and VOCABULARY.get(step.compensate):
        pass  # whoever offers the one may offer the other: it is said of the step
    elif capability is None:
        acts = sorted(name for name, each in told.capabilities.items() if each.writes)
        told.add(where, "compensate", f"unknown capability `{step.compensate}`", suggestion(step.compensate, acts))
    elif not capability.writes:
        told.add(where, "compensate", f"`{step.compensate}` only reads, it undoes nothing", "name one that acts")


def _bounds(told: Check, step: Step, where: Where) -> None:
    if not 1 <= step.parallel <= MAX_PARALLEL:
        told.add((*where, "parallel"), "parallel", f"`parallel` is {step.parallel}", f"1 to {MAX_PARALLEL}")
    if not 1 <= step.retry.attempts <= MAX_ATTEMPTS:
        message = f"`attempts` is {step.retry.attempts}"
        told.add((*where, "retry", "attempts"), "retry", message, f"1 to {MAX_ATTEMPTS}")
    if step.timeout <= 0:
        told.add((*where, "timeout"), "timeout", "`timeout` must be longer than nothing", "e.g. 60s")
    if step.for_each and step.kind is StepKind.GATE:
        message = f"`{step.name}` is decided once, not for each item"
        told.add((*where, "for_each"), "for-each", message, "one gate stands before all of them")
    if step.when and step.kind is StepKind.GATE:
        told.add(
            (*where, "when"), "when", f"`{step.name}` is a gate, which always asks", "put `when` on what follows it"
        )
    if step.escalate and step.kind in {StepKind.GATE, StepKind.EFFECT}:
        message = f"`{step.name}` has no confidence to escalate"
        told.add((*where, "escalate"), "escalate", message, "only agents and collections do")


def _reachable(told: Check, step: Step, where: Where) -> None:
    """A step whose condition depends on nothing and is false, or whose list is always empty, never runs."""
    for name, text, never in (("when", step.when, False), ("for_each", step.for_each, [])):
        try:
            if not text or evaluate(text, {}) != never:
                continue
        except ExpressionError:
            continue  # it depends on something, as it should
        what = "always false" if name == "when" else "always empty"
        message = f"`{step.name}` can never run: `{text}` is {what}"
        told.add((*where, name), "unreachable", message, f"drop the step or its `{name}`", Severity.WARNING)
