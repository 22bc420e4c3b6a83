"""One run, locked and open for work: its journal, its branch, its facts and its folded state.

`append` is durable when it returns; `flush` turns what was appended into commits on the run's branch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aios.domain.event import EventNote, render_message
from aios.domain.names import branch_of
from aios.domain.run import RunState
from aios.domain.tree import Changeset, Tree
from aios.errors import UsageError
from aios.runs.context import AIOS_EMAIL, AIOS_NAME, Context
from aios.runs.history import STARTED, Fact, apply, fact_of_event, fact_of_note, fold
from aios.store.commits import Draft
from aios.store.git import Git
from aios.store.journal import Journal
from aios.store.log import read_events
from aios.store.runlog import RunLog, journal_path


@dataclass(slots=True)
class Session:
    """An open run. `tree` is the branch (main, where it has none) with what is not flushed yet laid over it."""

    context: Context
    run: str
    log: RunLog
    state: RunState

    @property
    def branch(self) -> str:
        return branch_of(self.run)

    @property
    def tree(self) -> Tree:
        return self.log.tree()

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
    """All committed facts of a run, oldest first: those on main, then those only on its branch."""
    own: list[Fact] = []
    branch = branch_of(run)
    if git.rev(branch) is not None:
        base = git.merge_base(main, branch)
        own = [fact_of_event(event) for event in read_events(git, since=base, until=branch, run=run)]
    if any(fact.type == STARTED for fact in own):
        return own  # nothing of the run is on main yet: no need to search there
    return [fact_of_event(event) for event in read_events(git, until=main, run=run)] + own


def read_state(git: Git, run: str, *, main: str) -> RunState:
    """The run's committed state, without taking its lock. Raises UsageError where there is no such run."""
    state = fold(run, facts_of(git, run, main=main))
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
        log = RunLog(git, branch_of(run), journal, start=start or git.rev(context.main))
        yield Session(context, run, log, fold(run, facts_of(git, run, main=context.main)))
