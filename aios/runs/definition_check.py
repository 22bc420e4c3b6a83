"""Checking a workflow as a whole, before anything runs: every finding at once, each with its place.

Expressions are typed by what is declared (inputs, agents' outputs), so that an unknown name or a wrong type is found
here and not in the middle of a run.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from aios.domain.agent import Contract
from aios.domain.effect import Capability
from aios.domain.finding import Finding, Severity
from aios.domain.globs import matches
from aios.domain.names import RESERVED_WORKFLOWS
from aios.domain.record import Document, Where
from aios.domain.slug import is_slug
from aios.domain.workflow import Step, StepKind, Workflow
from aios.expressions import ExpressionError, Scope, compile_bool, compile_value, declare, holes

# CEL's name of a type -> JSON Schema types that it can stand for.
_FITS = {
    "STRING": {"string"},
    "BOOL": {"boolean"},
    "INT": {"integer", "number"},
    "UINT": {"integer", "number"},
    "DOUBLE": {"number"},
    "LIST": {"array"},
    "MAP": {"object"},
    "NULL": {"null"},
}
MAX_PARALLEL, MAX_ATTEMPTS = 32, 20


@dataclass(slots=True)
class _Check:
    document: Document
    workflow: Workflow
    agents: Mapping[str, Contract]
    capabilities: Mapping[str, Capability]
    findings: list[Finding] = field(default_factory=list)

    def add(self, where: Where, rule: str, message: str, hint: str = "", severity: Severity = Severity.ERROR) -> None:
        line, column = self.document.position(where)
        self.findings.append(Finding(self.document.path, line, column, f"workflow-{rule}", message, hint, severity))


def check(
    document: Document, workflow: Workflow, agents: Mapping[str, Contract], capabilities: Mapping[str, Capability]
) -> list[Finding]:
    """Everything that is wrong with a workflow whose steps could be read."""
    told = _Check(document, workflow, agents, capabilities)
    _name(told)
    _triggers(told)
    _subject(told)
    for step in workflow.steps.values():
        _step(told, step)
    _unreachable(told)
    return sorted(told.findings)


def _name(told: _Check) -> None:
    workflow = told.workflow
    stem = told.document.path.rpartition("/")[2].removesuffix(".yaml")
    if workflow.name != stem:
        told.add(("name",), "name", f"`name` is `{workflow.name}` in a file named `{stem}`", "make them equal")
    if not is_slug(workflow.name):
        told.add(
            ("name",), "name", f"`{workflow.name}` cannot be part of a branch name", "small letters, digits, dashes"
        )
    if workflow.name in RESERVED_WORKFLOWS:
        told.add(("name",), "name", f"`{workflow.name}` is reserved", "choose another name")


def _triggers(told: _Check) -> None:
    from cronsim import CronSim, CronSimError

    for trigger in told.workflow.triggers:
        if trigger.kind != "schedule":
            continue
        where: Where = ("on", "schedule", "cron")
        try:
            from datetime import UTC, datetime

            CronSim(str(trigger.spec.get("cron", "")), datetime(2026, 1, 1, tzinfo=UTC))
        except CronSimError as error:
            told.add(
                where, "cron", f"`{trigger.spec.get('cron')}` is no schedule: {error}", "minute hour day month weekday"
            )
        try:
            ZoneInfo(str(trigger.spec.get("timezone", "UTC")))
        except (KeyError, ValueError, OSError):
            zone = trigger.spec.get("timezone")
            told.add(("on", "schedule", "timezone"), "timezone", f"unknown time zone `{zone}`", "e.g. Europe/Berlin")
        _unfilled(told, trigger.spec.get("inputs") or {}, ("on", "schedule"))


def _unfilled(told: _Check, given: Mapping[str, Any], where: Where) -> None:
    """A schedule must fill every input that has no default: nobody is there to give it."""
    for name, schema in told.workflow.inputs.items():
        if name not in given and "default" not in schema and schema.get("required", True):
            told.add(
                where,
                "input",
                f"nothing gives the input `{name}` on a schedule",
                f"add `inputs: {{{name}: …}}` or a default",
            )


def _subject(told: _Check) -> None:
    scope = Scope(_inputs(told))
    for text in holes(told.workflow.subject):
        _typed(told, text, scope, ("subject",), {"string"})
    if not any(holes(told.workflow.subject)) and told.workflow.subject and not is_slug(told.workflow.subject):
        told.add(("subject",), "subject", f"`{told.workflow.subject}` is no slug", "use slug(…)")


def _inputs(told: _Check) -> dict[str, Mapping[str, Any]]:
    from jsonschema import Draft7Validator
    from jsonschema.exceptions import SchemaError

    names: dict[str, Mapping[str, Any]] = {}
    for name, schema in told.workflow.inputs.items():
        bare = {key: value for key, value in schema.items() if key not in {"default", "required"}}
        names |= declare(f"inputs.{name}", bare)
        try:
            Draft7Validator.check_schema(bare)
            problem = (
                next(iter(Draft7Validator(bare).iter_errors(schema["default"])), None) if "default" in schema else None
            )
        except SchemaError as error:
            told.add(("inputs", name), "input", f"`{name}` is no JSON Schema: {error.message[:120]}")
            continue
        if problem is not None:
            told.add(
                ("inputs", name, "default"), "input", f"the default of `{name}` does not fit: {problem.message[:120]}"
            )
    return names


def _step(told: _Check, step: Step) -> None:
    where: Where = ("steps", step.name)
    _uses(told, step, where)
    _needs(told, step, where)
    _bounds(told, step, where)
    scope = scope_of(told.workflow, told.agents, step)
    if step.when:
        _boolean(told, step.when, scope, (*where, "when"))
    if step.for_each:
        _typed(
            told,
            step.for_each,
            Scope({k: v for k, v in scope.names.items() if not k.startswith("item")}),
            (*where, "for_each"),
            {"array"},
        )
    _with(told, step, scope, (*where, "with"))
    if step.kind is StepKind.EFFECT and not told.workflow.gate_before(step.name):
        told.add(
            where, "gate", f"the effect `{step.uses}` has no gate before it", "add a step `gate: operator` and need it"
        )


def _uses(told: _Check, step: Step, where: Where) -> None:
    known: Mapping[str, Any] = {
        StepKind.AGENT: told.agents,
        StepKind.GATE: {"operator": None},
        StepKind.COLLECT: {name: c for name, c in told.capabilities.items() if not c.writes},
        StepKind.EFFECT: {name: c for name, c in told.capabilities.items() if c.writes},
    }[step.kind]
    if step.uses not in known:
        what = {StepKind.AGENT: "agent", StepKind.GATE: "approver"}.get(step.kind, "capability")
        close = difflib.get_close_matches(step.uses, known, 1)
        hint = f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(sorted(known)) or 'none'}"
        told.add((*where, step.kind.value), "uses", f"unknown {what} `{step.uses}`", hint)
    if step.compensate and step.compensate not in told.capabilities:
        told.add(
            (*where, "compensate"), "compensate", f"unknown capability `{step.compensate}`", "see state/connectors/"
        )
    elif step.compensate and step.kind is not StepKind.EFFECT:
        told.add((*where, "compensate"), "compensate", f"`{step.name}` has no effect to undo", "drop `compensate`")


def _needs(told: _Check, step: Step, where: Where) -> None:
    for need in step.needs:
        if need not in told.workflow.steps:
            close = difflib.get_close_matches(need, told.workflow.steps, 1)
            hint = f"did you mean `{close[0]}`?" if close else f"the steps: {', '.join(told.workflow.steps)}"
            told.add((*where, "needs"), "needs", f"`{step.name}` needs `{need}`, which is no step", hint)


def _bounds(told: _Check, step: Step, where: Where) -> None:
    if not 1 <= step.parallel <= MAX_PARALLEL:
        told.add((*where, "parallel"), "parallel", f"`parallel` is {step.parallel}", f"1 to {MAX_PARALLEL}")
    if not 1 <= step.retry.attempts <= MAX_ATTEMPTS:
        told.add((*where, "retry"), "retry", f"`attempts` is {step.retry.attempts}", f"1 to {MAX_ATTEMPTS}")
    if step.timeout <= 0:
        told.add((*where, "timeout"), "timeout", "`timeout` must be longer than nothing", "e.g. 60s")


def _with(told: _Check, step: Step, scope: Scope, where: Where) -> None:
    contract = told.agents.get(step.uses) if step.kind is StepKind.AGENT else None
    properties: Mapping[str, Any] = (contract.input.get("properties") or {}) if contract else {}
    for name, value in step.with_.items():
        place = (*where, name)
        if contract and contract.input.get("additionalProperties") is False and name not in properties:
            close = difflib.get_close_matches(name, properties, 1)
            hint = f"did you mean `{close[0]}`?" if close else f"it takes {', '.join(properties) or 'nothing'}"
            told.add(place, "with", f"the agent {step.uses} takes no `{name}`", hint)
        wanted = _types(properties.get(name))
        whole = isinstance(value, str) and value.strip().startswith("${{") and value.strip().endswith("}}")
        for text in holes(value):
            _typed(told, text, scope, place, wanted if whole else set())
    for name in (contract.input.get("required") or ()) if contract else ():
        if name not in step.with_:
            told.add(where, "with", f"the agent {step.uses} needs `{name}`", f"add `{name}:` to `with`")
    if contract:
        _writes(told, step, contract)


def _writes(told: _Check, step: Step, contract: Contract) -> None:
    """An agent must be allowed to write the record that it is asked to work on."""
    record = "record" in (contract.output.get("required") or ()) and "record" in (
        contract.input.get("properties") or {}
    )
    if not record:
        return
    fixed = [pattern.split("${{", maxsplit=1)[0] for pattern in contract.writes]
    if not any(prefix.startswith("state/") or matches("state/content/x.md", (prefix,)) for prefix in fixed):
        told.add(
            ("steps", step.name),
            "permission",
            f"`{step.name}` works on a record, and the agent {contract.name} may write none",
            f"grant it in `writes` of state/agents/{contract.name}.yaml",
        )


def _types(schema: Any) -> set[str]:
    if not isinstance(schema, Mapping):
        return set()
    kind = schema.get("type")
    return {kind} if isinstance(kind, str) else set(kind or ())


def _typed(told: _Check, text: str, scope: Scope, where: Where, wanted: set[str]) -> None:
    """`wanted` are JSON types, empty where any will do."""
    try:
        found = compile_value(text, scope)
    except ExpressionError as error:
        told.add(where, "expression", error.message, error.hint)
        return
    fits = _FITS.get(found.partition("<")[0])
    if wanted and fits is not None and not fits & wanted:
        told.add(
            where, "type", f"`{text.strip()}` is {'/'.join(sorted(fits))}, where {'/'.join(sorted(wanted))} is wanted"
        )


def _boolean(told: _Check, text: str, scope: Scope, where: Where) -> None:
    try:
        compile_bool(text, scope)
    except ExpressionError as error:
        told.add(where, "expression", error.message, error.hint)


def scope_of(workflow: Workflow, agents: Mapping[str, Contract], step: Step) -> Scope:
    """What a step's expressions may name: inputs, outputs of the steps before it, and `item` in a `for_each`."""
    names: dict[str, Mapping[str, Any]] = {}
    for name, schema in workflow.inputs.items():
        names |= declare(f"inputs.{name}", {k: v for k, v in schema.items() if k not in {"default", "required"}})
    for other in workflow.steps.values():
        if other.name != step.name and other.kind is not StepKind.GATE:
            names |= declare(f"steps.{other.name}", _output(agents, other))
    if step.for_each:
        names |= declare("item", _item(step, names))
    return Scope(names)


def _output(agents: Mapping[str, Contract], step: Step) -> Mapping[str, Any]:
    contract = agents.get(step.uses) if step.kind is StepKind.AGENT else None
    schema: Mapping[str, Any] = contract.output if contract else _EFFECT if step.kind is StepKind.EFFECT else {}
    return {"type": "array", "items": schema} if step.for_each else schema


_EFFECT = {"type": "object", "properties": {"key": {"type": "string"}, "url": {"type": "string"}}}


def _item(step: Step, names: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    listed = names.get(step.for_each.strip(), {})
    items = listed.get("items")
    return items if isinstance(items, Mapping) else {}


def _unreachable(told: _Check) -> None:
    """Steps that can never run: their condition is false whatever happens, or one that they need is such a step."""
    never: set[str] = set()
    for step in told.workflow.steps.values():
        if _never(step):
            never.add(step.name)
            told.add(
                ("steps", step.name, "when"),
                "unreachable",
                f"`{step.name}` can never run: `{step.when}` is always false",
                "drop the step or its `when`",
                Severity.WARNING,
            )


def _never(step: Step) -> bool:
    from aios.expressions import evaluate_bool

    if not step.when:
        return False
    try:
        return evaluate_bool(step.when, {}) is False
    except ExpressionError:
        return False  # it depends on something, as a condition should


def empty_output(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The fields of an output with the value each has where the step was skipped: "", 0, false, [] or {}."""
    for name, each in (schema.get("properties") or {}).items():
        kinds = _types(each)
        kind = next(iter(sorted(kinds)), "")
        yield name, {"string": "", "integer": 0, "number": 0.0, "boolean": False, "array": [], "object": {}}.get(kind)
