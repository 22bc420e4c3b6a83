"""What a job does with an order: carry its run on as far as the job's stage goes, and hand over what came of it.

Nothing that was finished, and perhaps paid for, is lost where the rest fails: whatever stands on the run's branch by
then is handed over. What goes wrong with one order holds up no other.
"""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from aios.domain.handoff import TRACES as HANDED_TRACES
from aios.domain.handoff import Order, Stage
from aios.domain.names import TRACES, branch_of
from aios.domain.run import RunState, RunStatus, Start
from aios.errors import AiosError, InvalidError
from aios.runs.conductor import Standing, carry_on
from aios.runs.context import AIOS_EMAIL, AIOS_NAME, Context, Progress
from aios.runs.decide import decide, items_left
from aios.runs.definitions import Definitions, load
from aios.runs.handing_over import BUNDLE, HANDOFF, Bench, begin, bench, hand_over, read
from aios.runs.runner import Runner
from aios.runs.session import open_session, read_state
from aios.runs.sharding import Done, Share, Spread, done_by, in_order, part_of, too_many, whole_part
from aios.runs.stages import confined
from aios.runs.traces import commit_kept
from aios.store.bundles import take_in
from aios.store.commits import Draft, commit_many
from aios.store.trees import CommitTree


@dataclass(slots=True)
class Report:
    """What became of one order. `did` names the steps that ended; `wrong` says what went wrong beside the run (with
    what to do), `bug` holds our own traceback; `left` how many items of a step several jobs shall do."""

    order: Order
    did: list[Progress] = field(default_factory=list)
    status: str = ""
    stage: str = ""
    why: str = ""
    until: str = ""
    wrong: str = ""
    bug: str = ""
    usd: float = 0.0
    tokens: int = 0
    seconds: float = 0.0
    left: int = 0
    head: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return bool(self.wrong or self.bug)

    @property
    def advanced(self) -> bool:
        """Is there more of the run now than when it was ordered?"""
        return self.head not in ("", self.order.tip, self.order.main)

    @property
    def again(self) -> bool:
        """Does another round go on with it? Not where this one brought nothing: the next would bring no more."""
        return self.advanced and self.stage in {Stage.COLLECT.value, Stage.AGENT.value}


def work(
    context: Context, order: Order, stage: Stage, *, received: Path | None, out: Path, spread: Spread | None = None
) -> Report:
    """Carry an order's run on through one stage. Raises nothing that an order may be wrong by; it is in the report."""
    return _at_bench(
        context, order, stage, received, out / order.id, lambda place, told: _carry(place, stage, spread, told)
    )


def share(context: Context, order: Order, number: int, of: int, *, received: Path, out: Path, spread: Spread) -> Report:
    """Do one share of the step before which the order's agent job stopped."""
    folder = out / order.id / f"shard-{number}-of-{of}"
    return _at_bench(
        context,
        order,
        Stage.AGENT,
        received,
        folder,
        lambda place, told: _share(place, number, of, spread, told),
        apart=True,
    )


def join(
    context: Context, order: Order, *, received: Path, shares: Sequence[Path], out: Path, spread: Spread
) -> Report:
    """Lay what the shares did onto the order's branch, and carry the run on. A share that is missing, or not in order,
    is told; its items are done here, or by the next round where they are too many."""
    if not shares:
        return _as_it_was(order, received, out / order.id)

    def act(place: Bench, told: Report) -> None:
        _lay(place, shares, spread, told)
        _carry(place, Stage.AGENT, spread, told)

    return _at_bench(context, order, Stage.AGENT, received, out / order.id, act)


def _at_bench(
    context: Context,
    order: Order,
    stage: Stage,
    received: Path | None,
    folder: Path,
    act: Callable[[Bench, Report], None],
    *,
    apart: bool = False,
) -> Report:
    """Act, and hand over what stands then, whatever came of it."""
    told = Report(order)
    began = context.clock()

    def heard(progress: Progress) -> None:
        context.report(progress)
        if progress.state not in {"started", "thinking", "retrying"}:
            told.did.append(progress)

    try:
        with bench(replace(context, report=heard), order, received) as place:
            before = _spent(place)
            try:
                act(place, told)
            except AiosError as error:
                told.wrong = str(error)
            except Exception:  # noqa: BLE001  one order's fault is no other's: it is told, and what was done is kept
                told.bug = traceback.format_exc()
            finally:  # an interrupted job too hands over what it has
                handed = hand_over(place, stage, folder, note=told.wrong, without=place.base if apart else "")
                told.head = handed.head
                usd, tokens = _spent(place)
                told.usd, told.tokens = usd - before[0], tokens - before[1]
    except AiosError as error:
        told.wrong = told.wrong or str(error)
    except Exception:  # noqa: BLE001  as above, where handing over itself is at fault
        told.bug = told.bug or traceback.format_exc()
    told.seconds = (context.clock() - began).total_seconds()
    return told


def _carry(place: Bench, stage: Stage, spread: Spread | None, told: Report) -> None:
    run = begin(place)
    standing = carry_on(place.context, run, stage=stage, spread=spread)
    _tell(told, standing)
    if standing.spread:
        state = read_state(place.git, run, main=place.context.main)
        told.left = items_left(load(place.context, state.workflow, state.base).workflow, state, standing.spread)


def _tell(told: Report, standing: Standing) -> None:
    told.status, told.stage, told.why, told.until = standing.status.value, standing.stage, standing.why, standing.until
    if standing.question:
        told.why = str(standing.question.get("text", told.why))
    if standing.status is RunStatus.FAILED:
        ulid = told.order.run.split("/")[2]
        told.notes.append(f"`/aios retry` on its proposal, or `aios resume {ulid} --retry`, tries it again")


def _share(place: Bench, number: int, of: int, spread: Spread, told: Report) -> None:
    context, run = confined(place.context, Stage.AGENT), place.order.run
    with open_session(context, run) as session:
        definitions = load(context, session.state.workflow, session.state.base)
        step = _spread_step(definitions, session.state, spread, context.now())
        if not step:
            told.why = "no step has so many items that they are shared out"
            return
        mine = Share(step, number, of)
        Runner(context, session, _with_part(definitions, session.state, of), Stage.AGENT, share=mine).run()
        commit_kept(context.git, run, at=context.now())
    told.status, told.why = RunStatus.RUNNING.value, f"part {mine.text} of `{step}`"


def _spread_step(definitions: Definitions, state: RunState, spread: Spread, now: str) -> str:
    """The step before which the agent job stopped: the first with too many items, whose needs are done."""
    commands = decide(definitions.workflow, state, now)
    starts = (command for command in commands if isinstance(command, Start) and command.item is not None)
    return next((each.step for each in starts if too_many(definitions.workflow, state, each.step, spread)), "")


def _with_part(definitions: Definitions, state: RunState, of: int) -> Definitions:
    """With the part of what the run may still spend that is one job's, so that all together stay within it."""
    budget = definitions.workflow.budget
    part = replace(budget, usd=part_of(budget.usd, state.usd, of), tokens=whole_part(budget.tokens, state.tokens, of))
    return replace(definitions, workflow=replace(definitions.workflow, budget=part))


def _lay(place: Bench, folders: Sequence[Path], spread: Spread, told: Report) -> None:
    context, run, git = place.context, place.order.run, place.git
    state = read_state(git, run, main=context.main)
    step = _spread_step(load(context, state.workflow, state.base), state, spread, context.now())
    parts: list[Done] = []
    traces: dict[str, bytes | None] = {}
    for folder in sorted(folders):
        try:
            mine, done, seen = _part(place, folder, step)
        except InvalidError as error:
            told.notes.append(str(error))
            continue
        if parts and mine.of != parts[0].share.of:
            told.notes.append(f"{folder.name} is not taken: the others are of {parts[0].share.of}")
            continue
        parts.append(done)
        traces |= {path: content for path, content in seen.items() if path not in traces}
    of = parts[0].share.of if parts else 0
    absent = sorted(set(range(1, of + 1)) - {part.share.number for part in parts})
    told.notes += [f"the share {number}/{of} never arrived; its items are done anew" for number in absent]
    commit_many(git, f"refs/heads/{branch_of(run)}", in_order(parts), expected=place.head)
    if traces:
        draft = Draft(f"traces of {run}\n", traces, context.now(), AIOS_NAME, AIOS_EMAIL)
        commit_many(git, TRACES, [draft], expected=git.rev(TRACES))


def _part(place: Bench, folder: Path, step: str) -> tuple[Share, Done, dict[str, bytes | None]]:
    """What one share handed over. Raises InvalidError for anything but that."""
    told, header = read(folder, place.order), take_in(place.git, folder / BUNDLE)
    named = folder.name.removeprefix("shard-").split("-of-")
    if len(named) != 2 or not all(each.isdigit() for each in named):
        raise InvalidError(f"{folder} is no share", "its items are done anew")
    mine = Share(step, int(named[0]), int(named[1]))
    if told.head not in header.refs.values():
        raise InvalidError(f"{folder / BUNDLE} holds other commits than {HANDOFF} says", "its items are done anew")
    done = done_by(place.git, place.order.run, mine, place.base, told.head)
    tip, there = header.refs.get(HANDED_TRACES), place.git.rev(TRACES)
    old = CommitTree(place.git, there) if there else None
    files = place.git.tree(tip) if tip else {}
    fresh = {path: oid for path, (_, oid) in files.items() if old is None or old.blob(path) is None}
    return mine, done, dict(zip(fresh, (content for _, content in place.git.blobs(fresh.values())), strict=True))


def _as_it_was(order: Order, received: Path, folder: Path) -> Report:
    """What was handed over before, once more: no step of the order was shared out."""
    told = Report(order, why="nothing of it was shared out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (BUNDLE, HANDOFF):
            shutil.copyfile(received / name, folder / name)
    except OSError as error:
        told.wrong = f"{received} cannot be copied: {error.strerror}. Hint: run the agent job again"
    return told


def _spent(place: Bench) -> tuple[float, int]:
    try:
        state = read_state(place.git, place.order.run, main=place.context.main)
    except AiosError:
        return 0.0, 0  # not started yet
    return state.usd, state.tokens
