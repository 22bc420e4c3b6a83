"""What undoing a run would do, effect by effect, latest first: what undoes each, exactly, or why nothing does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from aios.domain.effect import Connector, Effect, Preview, Receipt
from aios.domain.event import one_line
from aios.domain.names import CONNECTORS, run_record_path
from aios.domain.proposal import PlannedEffect
from aios.domain.run import RunState
from aios.domain.tree import Tree
from aios.effects.ledger import Ledger
from aios.errors import AiosError, RefusedError
from aios.proposals.record import effects_of
from aios.runs.acts import acts_of
from aios.runs.context import AIOS_EMAIL, Context
from aios.runs.definitions import load
from aios.runs.effects import run_record
from aios.runs.session import read_state
from aios.store.documents import parse
from aios.store.trees import CommitTree
from aios.store.validators import compiled

_NAMED = 3  # changes of a record that are told one by one


@dataclass(frozen=True, slots=True)
class Undo:
    """One done effect of a run. `done` is its key, `capability` and `target` are its own; `compensation` undoes it and
    `preview` shows that exactly; where nothing does, both are None and `why` says why not. `told` is what to know
    before, in lines; `receipt` that of the compensation, where it was done already."""

    summary: str
    done: str
    capability: str
    target: str
    compensation: Effect | None = None
    preview: Preview | None = None
    why: str = ""
    told: tuple[str, ...] = ()
    receipt: Receipt | None = None

    def as_dict(self) -> dict[str, Any]:
        compensation = self.compensation
        return {
            "summary": self.summary,
            "undoes": self.done,
            "compensation": asdict(compensation) | {"key": compensation.key} if compensation else None,
            "preview": self.preview.text if self.preview else "",
            "why": self.why,
            "told": list(self.told),
            "receipt": asdict(self.receipt) if self.receipt else None,
        }


def plan_revert(context: Context, run: str) -> list[Undo]:
    """What reverting would do, latest effect first; effects that were not done have nothing to undo.

    The connectors are those of main: what undoes acts today, with today's settings and mode. Raises RefusedError where
    nobody knows whether an effect of the run was done.
    """
    state = read_state(context.git, run, main=context.main)
    ledger, main = Ledger(context.git), CommitTree(context.git, context.main)
    if main.read(run_record_path(state.id, state.started_at)) is None:
        raise RefusedError(f"{run} is not on {context.main}: nothing of it was done", "`aios cancel` gives it up")
    planned_effects = effects_of(run_record(context, state))
    connectors, named = context.connectors(main), _compensations(context, state)
    undone: list[Undo] = []
    for planned in reversed(planned_effects):
        connector = connectors.get(planned.connector)
        acts = acts_of(planned, state.id, connector)
        doubtful = [act for act in acts if ledger.stands(act.key)]
        if doubtful:
            raise RefusedError(
                f"nobody knows yet whether {doubtful[0].capability} → {doubtful[0].target} happened",
                "`aios apply` looks it up; where the service cannot tell, `aios reconcile` takes your word",
            )
        done = [(act, receipt) for act in acts if (receipt := ledger.get(act.key)[1]) is not None]
        gone = _gone(context, state, planned.connector, connector, main)
        wanted = named.get((planned.step, planned.capability), "")
        found = [
            _undo(context, ledger, planned, act, receipt, connector, gone, wanted) for act, receipt in reversed(done)
        ]
        if len(acts) > 1 and not any(each.compensation for each in found):
            told = f"{planned.summary}: {len(done)} of {len(acts)} were done"
            found = [Undo(told, planned.key, planned.capability, planned.target, why=found[0].why)] if done else []
        undone += found
    return undone


def _compensations(context: Context, state: RunState) -> Mapping[tuple[str, str], str]:
    """What the workflow, as it was, names to undo a step's capability; nothing where it can no longer be read."""
    try:
        steps = load(context, state.workflow, state.base).workflow.steps
    except AiosError:
        return {}
    return {(name, step.uses): step.compensate for name, step in steps.items() if step.compensate}


def _gone(context: Context, state: RunState, name: str, connector: Connector | None, main: Tree) -> str:
    """Why the connector that did it cannot undo it; empty where it can be asked."""
    before, now = (_use(tree, name) for tree in (CommitTree(context.git, state.base), main))
    if connector is None:
        why = "is gone" if not now else "cannot be used (`aios check` says why)"
        return f"its connector {CONNECTORS}{name}.yaml {why}"
    if before and now and before != now:
        return f"{CONNECTORS}{name}.yaml is another service now: {now}, and it was {before}"
    return ""


def _use(tree: Tree, name: str) -> str:
    path = f"{CONNECTORS}{name}.yaml"
    content = tree.read(path)
    document = parse(path, content)[0] if content is not None else None
    return str(document.data.get("use") or "") if document else ""


def _undo(
    context: Context,
    ledger: Ledger,
    planned: PlannedEffect,
    effect: Effect,
    receipt: Receipt,
    connector: Connector | None,
    gone: str,
    wanted: str,
) -> Undo:
    nothing = Undo(planned.summary, effect.key, effect.capability, effect.target)
    if connector is None or gone:
        return replace(nothing, why=gone)
    try:
        undoing = connector.undo(effect, receipt)
        if undoing is None:
            return replace(nothing, why=f"nothing undoes {effect.capability}")
        undoing = _as_wanted(undoing, wanted, connector)
        if undoing.capability not in connector.capabilities():
            return replace(nothing, why=f"{connector.name} does not offer {undoing.capability}")
        undoing = replace(undoing, step=f"{planned.step}-undo")
        preview = connector.preview(undoing)
    except AiosError as error:
        return replace(nothing, why=error.message)
    done = ledger.get(undoing.key)[1]
    told = () if done else _changed_since(context, ledger, effect)
    return replace(nothing, summary=preview.summary, compensation=undoing, preview=preview, told=told, receipt=done)


def _as_wanted(undoing: Effect, wanted: str, connector: Connector) -> Effect:
    """By the capability that the workflow names, where the connector offers it and the payload is one of its own."""
    capability = connector.capabilities().get(wanted)
    if capability is None or wanted == undoing.capability:
        return undoing
    fits = compiled(capability.payload)
    if fits is None or not fits(dict(undoing.payload)):
        return undoing
    return replace(undoing, capability=wanted, target=connector.target(wanted, undoing.payload))


def _changed_since(context: Context, ledger: Ledger, effect: Effect) -> tuple[str, ...]:
    """What became of the record since the effect was approved: it stays, and may be what readers see."""
    claim = ledger.get(effect.key)[0]
    if claim is None or not effect.record:
        return ()
    paths = [f"state/{effect.record}.{suffix}" for suffix in ("md", "yaml")]
    since = f"{claim.approved_commit}..{context.main}"
    log = context.git.text("log", "--first-parent", "--format=%h%x00%ae%x00%as%x00%s", since, "--", *paths)
    changes = [line.split("\0") for line in log.splitlines()]
    found = [f"{commit} of {day}: {one_line(said, 80)}" for commit, by, day, said in changes if by != AIOS_EMAIL]
    if not found:
        return ()
    more = f", and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return (f"{effect.record} was changed since: {'; '.join(found[:_NAMED])}{more}",)
