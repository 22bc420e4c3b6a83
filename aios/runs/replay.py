"""Executing a run again from its recordings, offline, and comparing every step with what was committed then.

Each attempt is done anew on the tree, inputs and guidance that it had, by the definitions that the run is pinned to;
what it hears from outside is what was recorded, and nothing can reach the outside. What comes of it must be the same
commit: message with all its trailers (inputs, output, context manifest, cost), and the same files.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from aios.agents.tools import anew
from aios.domain.agent import Tier
from aios.domain.event import Event, one_line, render_message
from aios.domain.memory import Hit
from aios.domain.model import Model
from aios.domain.run import Fail, RunState, Skip, Start
from aios.domain.tree import Tree
from aios.domain.workflow import StepKind
from aios.errors import AiosError, RefusedError, UsageError
from aios.proposals.record import END
from aios.runs.attempts import Ended, attempt_key, ended, keeping_edits, over_budget, without_work
from aios.runs.context import Context
from aios.runs.decide import decide, start_of
from aios.runs.definitions import Definitions, load
from aios.runs.execute import work_of
from aios.runs.history import APPROVED, OPENED, REFRESHED, STARTED, apply, fact_of_event, fold
from aios.runs.operator_edits import keep_operator_edits
from aios.runs.planning import plan_effects
from aios.runs.session import events_of
from aios.runs.traces import manifest_of, recording_of
from aios.runs.view import Place, step_view
from aios.runs.worker import Result, Workers
from aios.store.git import Git
from aios.store.trees import CommitTree, OverlayTree, blob_id, changed_paths
from aios.trace.exchanges import hit_of
from aios.trace.playback import DivergedError, PlayedConnector, PlayedModel, Tape, difference

_NETWORK = frozenset({"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"})


class Verdict(StrEnum):
    SAME = "same"
    DIFFERS = "differs"
    GIVEN = "given"  # the operator's or the world's part: taken from the log
    LEFT_OUT = "left out"  # it cannot be executed again, and `why` says why not


@dataclass(frozen=True, slots=True)
class Compared:
    """One event of the run and what replaying it gave. `tree` is the commit's tree, `diff` what differs."""

    commit: str
    tree: str
    what: str
    verdict: Verdict
    why: str = ""
    diff: str = ""
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("commit", "tree", "what", "verdict", "why", "diff", "seconds")}


def replay(context: Context, run: str, *, step: str = "", until: str = "") -> Iterator[Compared]:
    """Every event of the run, in order; with `step` only that step's, with `until` none behind that step's last.

    Raises UsageError for an unknown run or step, RefusedError where the log does not hold the run's steps.
    """
    events = events_of(context.git, run, main=context.main)
    state = fold(run, map(fact_of_event, events))
    if not state.started_at:
        raise UsageError(f"there is no run {run}", "`aios runs --all` lists them")
    definitions = load(context, state.workflow, state.base)
    for name in filter(None, (step, until)):
        if name not in definitions.workflow.steps:
            raise UsageError(f"there is no step `{name}`", f"the steps: {', '.join(definitions.workflow.steps)}")
    if not any(event.trailer("Step") for event in events):
        raise RefusedError(
            f"the log of {context.main} does not hold the steps of {run}",
            "they are lost where a proposal was squashed; its run record tells what there was",
        )
    yield from _compared(context, definitions, run, _wanted(events, step, until))


def _wanted(events: list[Event], step: str, until: str) -> Iterator[tuple[Event, bool]]:
    """The events up to where it ends, and whether each is to be done again."""
    there = [number for number, event in enumerate(events) if until and event.trailer("Step") == until]
    for event in events[: there[-1] + 1] if there else events:
        yield event, not step or event.trailer("Step") == step


def _compared(
    context: Context, definitions: Definitions, run: str, events: Iterator[tuple[Event, bool]]
) -> Iterator[Compared]:
    state, copied = fold(run, ()), ""
    for event, wanted in events:
        if wanted:
            yield _again(context, definitions, state, event, copied)
        state = apply(state, fact_of_event(event))
        if event.type == STARTED and event.parents and event.parents[0] != state.base:
            copied = event.parents[0]
        elif event.type == APPROVED:
            copied = ""


def _tree_before(git: Git, state: RunState, event: Event, copied: str) -> Tree:
    """What lay before the step. Where a rebase copied the run onto a later main (`copied`), that is what the copies
    changed, laid over what the run began on: its steps saw nothing of main's news."""
    if not copied:
        return CommitTree(git, event.parents[0])
    changes = changed_paths(git, copied, event.parents[0])
    contents = {change.path: git.read_blob(change.after) if change.after else None for change in changes}
    return OverlayTree(CommitTree(git, state.base), contents, hash_size=git.hash_size)


def _again(context: Context, definitions: Definitions, state: RunState, event: Event, copied: str) -> Compared:
    """One event done again, on the state before it."""
    git, name, status = context.git, event.trailer("Step"), event.trailer("Status")
    place = Place(git, state, _tree_before(git, state, event, copied), event.parents[0])
    step = definitions.workflow.steps.get(name)
    if event.type in {OPENED, REFRESHED}:
        return _proposal(context, definitions, place, event)
    if step is None or not status or step.kind not in {StepKind.AGENT, StepKind.COLLECT}:
        return _told(context, event, Verdict.GIVEN)
    if event.type in {"step.skipped", "step.failed"}:
        for command in decide(definitions.workflow, state, fact_of_event(event).at):
            if isinstance(command, Skip | Fail) and (command.step, command.item) == (name, item_of(event)):
                return _same(context, place, event, Ended(without_work(step, state, command)), Result())
    start = start_of(definitions.workflow, state, name, item_of(event))
    if start is None:
        return _told(context, event, Verdict.DIFFERS, "the step would not be started")
    asking = over_budget(definitions, state, start) if step.kind is StepKind.AGENT else None
    if asking is not None:
        return _same(context, place, event, asking, Result())
    return _attempt(context, definitions, place, start, event)


def _attempt(context: Context, definitions: Definitions, place: Place, start: Start, event: Event) -> Compared:
    state = place.state
    if event.trailer("Error").startswith(("stopped: ", "the worker ")):
        return _told(context, event, Verdict.LEFT_OUT, "it was stopped from outside then")
    lines = recording_of(context.git, state.id, attempt_key(definitions, state, start))
    tape = Tape.of(lines or ())
    if tape.cut:
        return _told(context, event, Verdict.LEFT_OUT, "it exchanged more than is recorded")
    view = step_view(place, definitions.workflow, start.step)
    work = work_of(*played(context, definitions, tape), state, start, view)
    result = run_alone(_offline(work, tape), definitions.workflow.steps[start.step].timeout)
    diverged = result.value.get("diverged") if isinstance(result.value, Mapping) else None
    if diverged is not None:
        if lines is None:
            diverged = f"{diverged}\nThere is no recording of it: pruned, or made before there were any."
        return _told(context, event, Verdict.DIFFERS, "it asked something else", diverged, result.seconds)
    outcome = ended(definitions, state, start, result)
    return _same(context, place, event, outcome, result)


def played(context: Context, definitions: Definitions, tape: Tape) -> tuple[Context, Definitions]:
    """The same, with the tape in the place of the outside."""

    def models(_: Tree) -> dict[Tier, Model]:
        names = tape.next("models", {})["names"]
        return {Tier(tier): PlayedModel(name, tier, tape) for tier, name in names.items()}

    def prospects(*_: Any) -> Mapping[str, Any]:
        known: Mapping[str, Any] = tape.next("prospects", {})["known"]
        return known

    def recall(_: Tree, query: str, limit: int, kinds: Sequence[str], __: str, ___: Sequence[str]) -> Sequence[Hit]:
        found = tape.next("recall", {"query": query, "limit": limit, "kinds": list(kinds)})
        return [hit_of(tape.parts[each]) for each in found["hits"]]

    connectors = {name: PlayedConnector(each, tape) for name, each in definitions.connectors.items()}
    there = replace(
        context,
        models=models,
        prospects=prospects,
        recall=recall if tape.holds("recall") else context.recall_by_words or context.recall,
        recall_varies=lambda: False,
        derived=anew,  # nothing that an earlier process derived is taken on trust here
    )
    return there, replace(definitions, connectors=connectors)


def run_alone(work: Callable[[], Any], timeout: float) -> Result:
    """Do it in a process of its own, where it can change nothing here."""
    with Workers() as workers:
        workers.start("replay", work, timeout=timeout)
        while True:
            for _, result in workers.wait():
                return result


def _offline(work: Callable[[], Any], tape: Tape) -> Callable[[], Any]:
    """The work without a network, in the process that it runs in."""

    def alone() -> Any:
        sys.addaudithook(_refuse)
        try:
            answer = work()
            tape.end()
        except DivergedError as error:
            return {"diverged": str(error)}
        return answer

    return alone


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event in _NETWORK:
        raise RefusedError("a replay has no network")


def _same(context: Context, place: Place, event: Event, outcome: Ended, result: Result) -> Compared:
    """Is what came of it what was committed?"""
    changes, kept = keep_operator_edits(place, outcome.files)
    note = keeping_edits(outcome.note, kept)
    then, now = _message(context, event.commit), render_message(note)
    parts = []
    if then != now and not (result.bug and _trailers(then) == _trailers(now)):
        parts.append(_context_diff(context, event, outcome) or "")
        parts.append(diff_of("commit message", then, now))
    parts += _files_of(place, event, changes)
    told = "\n".join(part for part in parts if part)
    verdict = Verdict.DIFFERS if parts else Verdict.SAME
    return _told(context, event, verdict, "what came of it differs" if parts else "", told, result.seconds)


def _context_diff(context: Context, event: Event, outcome: Ended) -> str:
    if outcome.note.context == event.trailer("Context") or outcome.manifest is None:
        return ""
    then = manifest_of(context.git, event.trailer("Run"), event.trailer("Context"))
    if then is None:
        return "the context manifest differs; the one of then was pruned"
    return f"context manifest:\n{difference(then, dict(outcome.manifest))}"


def _files_of(place: Place, event: Event, changes: Mapping[str, bytes | None]) -> list[str]:
    git = place.git
    then = {change.path: change.after for change in event.changes}
    now = {
        path: "" if content is None else blob_id(content, hash_size=git.hash_size) for path, content in changes.items()
    }
    now = {path: blob for path, blob in now.items() if blob != (place.tree.blob(path) or "")}
    told = []
    for path in sorted(then.keys() | now.keys()):
        if then.get(path) == now.get(path):
            continue
        before = git.read_blob(then[path]) if then.get(path) else place.tree.read(path)
        after = changes[path] if path in changes else place.tree.read(path)
        told.append(diff_of(path, (before or b"").decode(errors="replace"), (after or b"").decode(errors="replace")))
    return told


def _proposal(context: Context, definitions: Definitions, place: Place, event: Event) -> Compared:
    """Would the same effects be put before the operator?"""
    gate = event.trailer("Step")
    output = event.output if isinstance(event.output, Mapping) else {}
    then = sorted(output.get("effects") or ())
    try:
        planned = plan_effects(definitions, place.state, place.tree, gate) if gate != END else ()
    except AiosError as error:
        return _told(context, event, Verdict.DIFFERS, error.message)
    now = sorted(effect.key for effect in planned)
    same = then == now
    diff = "" if same else diff_of("planned effects", "\n".join(then), "\n".join(now))
    return _told(context, event, Verdict.SAME if same else Verdict.DIFFERS, "" if same else "other effects", diff)


def _told(
    context: Context, event: Event, verdict: Verdict, why: str = "", diff: str = "", seconds: float = 0.0
) -> Compared:
    step, item = event.trailer("Step"), item_of(event)
    name = step if item is None else f"{step}[{item + 1}]"
    what = f"{name}: {event.type}" if name else event.type
    tree = context.git.text("rev-parse", f"{event.commit}^{{tree}}").strip()
    return Compared(event.commit, tree, one_line(what), verdict, why, diff, round(seconds, 3))


def item_of(event: Event) -> int | None:
    item = event.trailer("Item")
    return int(item) if item.isdigit() else None


def _message(context: Context, commit: str) -> str:
    found = context.git.read_object(commit)
    return (found.content if found else b"").partition(b"\n\n")[2].decode(errors="replace")


def _trailers(message: str) -> str:
    return message.rstrip("\n").rpartition("\n\n")[2]


def diff_of(name: str, then: str, now: str) -> str:
    lines = difflib.unified_diff(then.splitlines(), now.splitlines(), f"then: {name}", f"now: {name}", lineterm="", n=2)
    return "\n".join(lines)
