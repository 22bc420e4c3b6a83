"""Orders: which runs are worked on in a round of jobs, and which stages each needs.

Planning writes nothing but a file. A run that is due is only described: whoever works on it starts it, and the same
trigger gives the same run wherever that happens. Asked twice, or by two at once, it plans the same; what was done
meanwhile shows in the branches, and is then planned no more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aios.domain.agent import Tier
from aios.domain.event import one_line
from aios.domain.handoff import Order, Stage
from aios.domain.names import branch_of
from aios.domain.run import Finish, RunState, RunStatus, Start, Wait
from aios.domain.workflow import StepKind, Workflow
from aios.errors import AiosError, InvalidError, RefusedError
from aios.runs.context import Context
from aios.runs.decide import decide
from aios.runs.definitions import Definitions, check_workflows, load
from aios.runs.gate import open_gate
from aios.runs.inbox import open_runs
from aios.runs.schedule import Firing, upcoming
from aios.runs.session import read_state
from aios.runs.stages import needed
from aios.runs.start import open_run_of, plan_run
from aios.runs.tick import due_now
from aios.store.catalog import Catalog
from aios.store.trees import CommitTree

FILE = "orders.json"
SCHEMA = "orders.v1"
MOST = 20  # orders of one round
LARGEST = 4 * 1024 * 1024  # bytes of the file

_OID = {"type": "string", "pattern": "^([0-9a-f]{40}|[0-9a-f]{64})$"}
_NAME = "[a-z0-9](?:-?[a-z0-9]){0,63}"
_ORDER = {
    "type": "object",
    "additionalProperties": False,
    "required": ["schema", "id", "run", "main", "tip", "stages", "start", "at"],
    "properties": {
        "schema": {"const": "order.v1"},
        "id": {"type": "string", "pattern": "^(0|[1-9][0-9]{0,4})$"},
        "run": {"type": "string", "pattern": f"^{_NAME}/{_NAME}/[0-9a-hjkmnp-tv-z]{{26}}$"},
        "main": _OID,
        "tip": {"type": "string", "pattern": "^(|[0-9a-f]{40}|[0-9a-f]{64})$"},
        "stages": {
            "type": "array",
            "minItems": 1,
            "maxItems": 3,
            "uniqueItems": True,
            "items": {"enum": [Stage.COLLECT.value, Stage.AGENT.value, Stage.PROPOSE.value]},
        },
        "at": {"type": "string", "pattern": "^(|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)$"},
        "start": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "workflow": {"type": "string", "pattern": f"^{_NAME}$"},
                "inputs": {"type": "object"},
                "trigger": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["kind", "key", "at"],
                    "properties": {
                        "kind": {"enum": ["schedule", "event", "signal", "manual"]},
                        "key": {"type": "string", "minLength": 1, "maxLength": 200},
                        "at": {"type": "string", "format": "date-time"},
                        "why": {"type": "string", "maxLength": 2000},
                    },
                },
            },
            "dependencies": {"workflow": ["inputs", "trigger"], "inputs": ["workflow"], "trigger": ["workflow"]},
        },
    },
}
_FILE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["schema", "main", "orders"],
    "properties": {
        "schema": {"const": SCHEMA},
        "main": _OID,
        "orders": {"type": "array", "maxItems": 1000, "items": _ORDER},
    },
}


@dataclass(frozen=True, slots=True)
class Plan:
    """`told` says, one line each, what was due or open and is not ordered, and why; `why` says of each order, by its
    id, what it is for; `next` is when the next schedule is due (ISO 8601, empty: there is none)."""

    main: str
    at: str
    orders: tuple[Order, ...]
    why: Mapping[str, str]
    told: tuple[str, ...]
    next: str

    @property
    def collects(self) -> bool:
        return any(Stage.COLLECT.value in order.stages for order in self.orders)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order to be: what `Order` needs beside its number."""

    run: str
    tip: str
    stages: tuple[str, ...]
    why: str
    start: Mapping[str, Any]


def plan(
    context: Context,
    *,
    known: Iterable[str],
    unfinished: Iterable[str] = (),
    asked: Sequence[Firing] = (),
    broke: str = "",
    most: int = MOST,
) -> Plan:
    """What there is to do. `known` are the trigger keys and `unfinished` the runs that main tells of; `asked` is what a
    person wants started beside what is due; `broke` says that no more may be spent on models, and why.

    Work that was begun stands before what would begin something; one order a subject.
    """
    told: list[str] = []
    main, now, keys = context.git.commit(context.main), context.now(), set(known)
    found: dict[str, Wanted] = {}
    for run in dict.fromkeys([*open_runs(context), *unfinished]):
        _add(found, _open(context, run, told), told)
    due = [*(each for each in asked if each.key not in keys), *due_now(context, keys)]
    for firing in due:
        _add(found, _due(context, firing, broke, told), told)
    listed = list(found.values())
    told += [f"{each.run} waits for the next round: {most} orders are all that one gives" for each in listed[most:]]
    orders = tuple(
        Order(str(number), each.run, main, each.tip, each.stages, each.start, now)
        for number, each in enumerate(listed[:most])
    )
    why = {order.id: each.why for order, each in zip(orders, listed, strict=False)}
    return Plan(main, now, orders, why, tuple(told), _next(context, now))


def spent_out(costs: Mapping[str, Any]) -> str:
    """Why nothing more may be spent on models, from what they cost so far; empty where something may."""
    for span, name in (("today", "of the day"), ("month", "of the month")):
        told = costs.get(span) or {}
        for unit, shown in (("usd", "USD"), ("tokens", "tokens")):
            limit = told.get(f"limit_{unit}")
            if limit is not None and told.get(unit, 0) >= limit:
                return f"the limit {name} for models is reached ({told[unit]:,} of {limit:,} {shown})"
    return ""


def write(folder: Path, found: Plan) -> Path:
    """Write `orders.json`; it is there whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    data = {"schema": SCHEMA, "main": found.main, "orders": [order.as_dict() for order in found.orders]}
    part = file.with_suffix(".part")
    part.write_text(json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True) + "\n")
    part.replace(file)
    return file


def digest_of(file: Path) -> str:
    """SHA-256 of the file as it is."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def read(folder: Path, *, digest: str | None = None) -> tuple[Order, ...]:
    """The orders in a folder. Raises InvalidError for a file that we could not have written, RefusedError for one that
    is not the one of `digest`, where that is told."""
    file = folder / FILE
    try:
        content = file.read_bytes()
    except OSError as error:
        hint = "`aios github plan --out DIR` writes it"
        raise InvalidError(f"there are no orders in {folder} ({error.strerror})", hint) from error
    if len(content) > LARGEST:
        raise _wrong(file, f"it has {len(content)} bytes, more than {LARGEST}")
    if digest is not None and hashlib.sha256(content).hexdigest() != digest:
        told = f"{file} is not what was planned: it was changed on the way"
        raise RefusedError(told, "nothing of this round is used; look at what its agents did")
    try:
        data = json.loads(content, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _wrong(file, one_line(str(error))) from error
    return _orders(file, data)


def _orders(file: Path, data: Any) -> tuple[Order, ...]:
    from aios.store.validators import compiled, complaints

    valid = compiled(_FILE)
    if valid is None or not valid(data):
        where, message = next(iter(complaints(_FILE, data)), ((), "it is no list of orders"))
        raise _wrong(file, f"{'.'.join(map(str, where)) or 'the file'}: {one_line(message)}")
    orders = tuple(
        Order(**{**{name: each[name] for name in each if name != "schema"}, "stages": tuple(each["stages"])})
        for each in data["orders"]
    )
    for name, values in (
        ("id", [order.id for order in orders]),
        ("subject", [branch_of(order.run) for order in orders]),
    ):
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise _wrong(file, f"two orders have the {name} {twice}")
    odd = next((order.id for order in orders if order.main != data["main"]), None)
    if odd is not None:
        raise _wrong(file, f"the order {odd} was given at another commit than the file")
    return orders


def _add(found: dict[str, Wanted], wanted: Wanted | None, told: list[str]) -> None:
    if wanted is None:
        return
    branch = branch_of(wanted.run)
    if branch in found:
        told.append(f"{wanted.run} waits: there is work on this subject already ({found[branch].run})")
    else:
        found[branch] = wanted


def _open(context: Context, run: str, told: list[str]) -> Wanted | None:
    """A run that was begun, where there is something that a job can do for it now."""
    try:
        state = read_state(context.git, run, main=context.main)
        if state.finished or state.cancelled or state.reverting or open_gate(state):
            return None
        definitions = load(context, state.workflow, state.base)
        if not _can_go_on(definitions.workflow, state, context.now()):
            return None
        tip = _tip(context, branch_of(run))
    except AiosError as error:
        told.append(f"{run} cannot go on: {_with_findings(error)}")
        return None
    return Wanted(run, tip, _stages(definitions.workflow, state, context.now()), "it can go on", {})


def _can_go_on(workflow: Workflow, state: RunState, now: str) -> bool:
    """Is there a step, a gate or an end that is neither an effect (that is for `aios apply`) nor waits?"""
    for command in decide(workflow, state, now):
        match command:
            case Wait() | Finish(status=RunStatus.FAILED | RunStatus.CANCELLED):
                continue
            case Start() if workflow.steps[command.step].kind is StepKind.EFFECT:
                continue
            case _:
                return True
    return False


def _due(context: Context, firing: Firing, broke: str, told: list[str]) -> Wanted | None:
    """A run that is due. One that cannot be started is told and does not hold up the others."""
    what = f"{firing.workflow} ({firing.why})"
    if firing.problem:
        told.append(f"{what} was not ordered: {firing.problem}")
        return None
    start = {"workflow": firing.workflow, "inputs": dict(firing.inputs), "trigger": firing.trigger()}
    try:
        planned = plan_run(context, firing.workflow, dict(firing.inputs), trigger=firing.trigger())
        there = open_run_of(context, planned.run)
        tip = _tip(context, branch_of(planned.run))
    except AiosError as error:
        told.append(f"{what} was not ordered: {_with_findings(error)}")
        return None
    if there == planned.run:
        return None  # it was begun: found among the open ones
    if there or tip:
        told.append(f"{what} waits: a run on this subject is open ({there or branch_of(planned.run)})")
        return None
    if broke and _asks_models(planned.definitions):
        told.append(f"{what} waits: {broke}")
        return None
    state = RunState(id=planned.run, inputs=planned.inputs, started_at=planned.at)
    return Wanted(
        planned.run, "", _stages(planned.definitions.workflow, state, context.now()), firing.why or firing.kind, start
    )


def _stages(workflow: Workflow, state: RunState, now: str) -> tuple[str, ...]:
    """The agent stage takes part always: what it hands over is what is verified, also where no agent had to work."""
    wanted = {*needed(workflow, state, now), Stage.AGENT}
    return tuple(stage.value for stage in (Stage.COLLECT, Stage.AGENT, Stage.PROPOSE) if stage in wanted)


def _asks_models(definitions: Definitions) -> bool:
    agents = (step.uses for step in definitions.workflow.steps.values() if step.kind is StepKind.AGENT)
    return any(definitions.contracts[name].tier is not Tier.OFFLINE for name in agents if name in definitions.contracts)


def _tip(context: Context, branch: str) -> str:
    """The branch's commit at the remote. Raises InvalidError where the one here is another: jobs would not see it."""
    here = context.git.rev(f"refs/heads/{branch}") or ""
    if context.remote is None:
        return here
    there = context.remote.tracked(branch).get(branch, "")
    if there != here:
        raise InvalidError(f"`{branch}` is not the same here and at {context.remote.name}", "`aios sync` first")
    return there


def _with_findings(error: AiosError) -> str:
    findings: Collection[object] = error.findings[:3] if isinstance(error, InvalidError) else ()
    return "; ".join([str(error), *map(str, findings)])


def _next(context: Context, now: str) -> str:
    """When the next schedule of a workflow that is in order is due."""
    tree = CommitTree(context.git, context.main)
    workflows, _ = check_workflows(tree, context.connectors(tree))
    company = Catalog(tree).get("company", "company")
    zone = str(company.get("timezone") or "UTC") if company else "UTC"
    moments = []
    for spec in (each.spec for workflow in workflows.values() for each in workflow.triggers if each.kind == "schedule"):
        try:
            moment = upcoming(
                str(spec.get("cron", "")), str(spec.get("timezone") or zone), now=datetime.fromisoformat(now)
            )
        except ValueError:
            continue  # `aios check` tells
        if moment is not None:
            moments.append(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return min(moments, default="")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands in it twice")
    return found


def _wrong(file: Path, why: str) -> InvalidError:
    return InvalidError(f"{file} is not in order: {why}", "`aios github plan --out DIR` writes it anew")


def only(orders: Sequence[Order], ids: Collection[str]) -> tuple[Order, ...]:
    """The orders with these ids, all where none is told. Raises InvalidError for one that is unknown."""
    unknown = sorted(set(ids) - {order.id for order in orders})
    if unknown:
        raise InvalidError(f"there is no order {unknown[0][:40]}", f"there are {len(orders)}, numbered from 0")
    return tuple(order for order in orders if not ids or order.id in ids)
