"""One run, locked and open for work: its journal, its branch, its facts and its folded state.

`append` is durable when it returns; `flush` turns what was appended into commits on the run's branch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from aios.domain.event import Event, EventNote, render_message
from aios.domain.keys import moment_of_ulid
from aios.domain.names import CLOSED, branch_of, run_record_path
from aios.domain.run import RunState
from aios.domain.tree import Changeset, Tree
from aios.errors import UsageError
from aios.runs.context import AIOS_EMAIL, AIOS_NAME, Context
from aios.runs.history import APPROVED, STARTED, Fact, apply, fact_of_event, fact_of_message, fact_of_note, fold
from aios.runs.view import Place
from aios.store.commits import Draft
from aios.store.git import Git
from aios.store.journal import Journal
from aios.store.log import read_events
from aios.store.runlog import RunLog, journal_path, pending


@dataclass(slots=True)
class Session:
    """An open run. `tree` is the branch (main, where it has none) with what is not flushed yet laid over it."""

    context: Context
    run: str
    log: RunLog
    state: RunState
    vouched: set[str] = field(default_factory=set)  # commits that were found to approve it, in this sitting

    @property
    def branch(self) -> str:
        return branch_of(self.run)

    @property
    def tree(self) -> Tree:
        return self.log.tree()

    @property
    def place(self) -> Place:
        return Place(self.context.git, self.state, self.tree, self.context.git.rev(self.branch))

    def append(self, note: EventNote, changes: Changeset | None = None) -> None:
        """Make one fact durable, with the files it changes, and fold it into the state."""
        at = self.context.now()
        self.log.append(Draft(render_message(note), changes or {}, at, AIOS_NAME, AIOS_EMAIL), note.key)
        self.context.checkpoint(f"appended {note.type} {note.step}".rstrip())
        self.state = apply(self.state, fact_of_note(note, at, paths=tuple(changes or ())))

    def learn(self, note: EventNote) -> None:
        """Fold a fact that was committed elsewhere (on main)."""
        self.state = apply(self.state, fact_of_note(note, self.context.now()))

    def flush(self) -> str:
        """Commit what was appended; the branch's tip (main's, where nothing was appended since it was merged)."""
        if self.log.tip is None and not self.log.pending:
            return self.context.git.commit(self.context.main)
        self.context.checkpoint("before flush")
        tip = self.log.flush()
        self.context.checkpoint("after flush")
        return tip


def facts_of(git: Git, run: str, *, main: str) -> list[Fact]:
    """All committed facts of a run, oldest first."""
    return [fact_of_event(event) for event in events_of(git, run, main=main)]


def events_of(git: Git, run: str, *, main: str) -> list[Event]:
    """All events of a run, oldest first: on main, on its branch, and where it was closed unmerged. Each once, also
    where a rebase copied it to main."""
    own = _events_beside(git, run, branch_of(run), main)
    if any(event.type == STARTED for event in own) and not record_on(git, main, run):
        return own  # nothing of the run is on main yet: no need to search there
    closed = _events_beside(git, run, f"{CLOSED}{run.split('/')[2]}", main)
    return told_once([*closed, *read_events(git, until=main, run=run), *own])


def told_once(events: Iterable[Event]) -> list[Event]:
    """The events in their order, without copies of one that was told before."""
    found: dict[tuple[object, ...], Event] = {}
    for event in events:
        found.setdefault(event.imprint, event)
    return list(found.values())


def record_on(git: Git, ref: str, run: str) -> str:
    """Where `ref` has the run's record, told by the run's id alone; empty where it has none."""
    try:
        began = moment_of_ulid(run.split("/")[2])
    except ValueError:
        return ""
    tip = git.rev(ref)
    # The path is of the day where it was started, which may be another one here.
    months = [(began + timedelta(days=days)).isoformat() for days in (0, -1, 1)] if tip else []
    paths = dict.fromkeys(run_record_path(run, each) for each in months)
    return next((path for path in paths if tip and git.entry(tip, path) is not None), "")


def _events_beside(git: Git, run: str, ref: str, main: str) -> list[Event]:
    """The run's events on a ref that main does not have."""
    if git.rev(ref) is None:
        return []
    return list(read_events(git, since=git.merge_base(main, ref), until=ref, run=run))


def read_state(git: Git, run: str, *, main: str) -> RunState:
    """The run's state without taking its lock, its journal included. Raises UsageError for an unknown run."""
    waiting = pending(git).get(f"refs/heads/{branch_of(run)}")
    unflushed = [
        fact_of_message(entry.draft.message, entry.draft.at, paths=tuple(entry.draft.changes))
        for entry in (waiting.entries if waiting else ())
    ]
    state = fold(run, [*facts_of(git, run, main=main), *unflushed])
    if not state.started_at:
        raise UsageError(f"there is no run {run}", "`aios runs --all` lists them")
    return state


@contextmanager
def open_session(context: Context, run: str, *, start: str = "") -> Iterator[Session]:
    """Lock a run and recover what a crash left in its journal. Raises BusyError where another process works on it.

    `start` is the commit at which the branch begins where there is none (default: main's tip).
    """
    git = context.git
    with Journal(journal_path(git, run.split("/")[2])) as journal:
        _leave_merged(git, run, context.main)
        log = RunLog(git, branch_of(run), journal, start=start or git.rev(context.main))
        yield Session(context, run, log, fold(run, facts_of(git, run, main=context.main)))


def _leave_merged(git: Git, run: str, main: str) -> None:
    """Drop a branch that main has already: left behind by a kill after the merge, or by a forge that copied it there.
    What comes next begins on main and sees what it knows."""
    branch = branch_of(run)
    tip = git.rev(branch)
    if tip is None or git.rev(main) is None:
        return
    if git.merge_base(main, tip) == tip:
        git.delete_ref(f"refs/heads/{branch}", tip)
    elif record_on(git, main, run) and tip in decided_heads(events_of(git, run, main=main)):
        leave(git, run, tip)


def decided_heads(events: Iterable[Event]) -> frozenset[str]:
    """The commits of branches that were approved, as the events tell."""
    told = (event.output for event in events if event.type == APPROVED)
    return frozenset(str(output.get("head", "")) for output in told if isinstance(output, Mapping))


def leave(git: Git, run: str, tip: str) -> None:
    """Delete the run's branch, which is at `tip`; its commits stay reachable under `refs/aios/closed/`."""
    keep(git, run, tip)
    git.delete_ref(f"refs/heads/{branch_of(run)}", tip)


def keep(git: Git, run: str, tip: str) -> None:
    """Have a run's commits reachable under `refs/aios/closed/`, beside what was kept there before."""
    kept = f"{CLOSED}{run.split('/')[2]}"
    before = git.refs(kept).get(kept)
    if before is not None and git.is_ancestor(tip, before):
        return
    if before is not None and not git.is_ancestor(before, tip):
        aside = f"{kept}-{before[:10]}"
        if git.refs(aside).get(aside) is None:
            git.update_ref(aside, before, None, reason="kept beside")
    git.update_ref(kept, tip, before, reason="no branch of a proposal any more")
