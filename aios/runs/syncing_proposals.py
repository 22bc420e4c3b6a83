"""Syncing the branches of proposals: each goes forward on either side, and is put away where its run is over.

What was pushed to a branch by somebody else is never lost: ours goes on top where it touches other files, or it is
told. A branch that is worked on right now is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aios.domain.names import BRANCHES, CLOSED, LEDGER, TRACES, branch_of
from aios.domain.run import RunStatus
from aios.domain.wording import counted
from aios.errors import BusyError, MovedError, RefusedError
from aios.runs.context import Context
from aios.runs.gates import open_gate
from aios.runs.session import read_state, record_on
from aios.runs.start import run_on_branch
from aios.runs.syncing_told import Told, ahead
from aios.store.checkout import advance, checked_out_at, rebased
from aios.store.documents import parse
from aios.store.git import Git
from aios.store.journal import Journal
from aios.store.rebase import replay
from aios.store.remote import Move, Remote
from aios.store.runlog import journal_path
from aios.store.trees import changed_paths

_OVER = frozenset({RunStatus.DONE, RunStatus.REJECTED, RunStatus.CANCELLED, RunStatus.REVERTED})
_OURS = frozenset(ref.removeprefix("refs/heads/") for ref in (LEDGER, TRACES))
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class _Ends:
    """Where a branch is: here, there (as fetched), and where both agreed last."""

    name: str
    here: str | None
    there: str | None
    agreed: str | None


class Proposals:
    """With `check` nothing is changed, only told."""

    def __init__(self, context: Context, remote: Remote, *, check: bool) -> None:
        self._context = context
        self._git: Git = context.git
        self._remote = remote
        self._check = check

    def sync(self) -> Iterator[Told]:
        for name in self._names():
            for _ in range(_ATTEMPTS):
                try:
                    yield from self._settle(self._ends(name))
                except MovedError:  # somebody was faster, here or there
                    self._remote.fetch(name)
                    continue
                except (BusyError, RefusedError) as error:
                    yield Told.of(name, error)
                break
            else:
                yield Told(name, "keeps moving", "try again in a moment", stuck=True)

    def adopt(self) -> Iterator[Told]:
        """Without the network: what is not here is made, what is behind goes forward."""
        for name in self._names():
            ends = self._ends(name)
            if ends.there is None or ends.here == ends.there or self._is_put_away(ends.there):
                continue
            if ends.here is None or self._git.is_ancestor(ends.here, ends.there):
                try:
                    yield self._bring(ends)
                except (BusyError, RefusedError) as error:
                    yield Told.of(name, error)

    def _names(self) -> list[str]:
        known = {*self._git.branches(BRANCHES), *self._remote.tracked(BRANCHES), *self._remote.agreements(BRANCHES)}
        return sorted(name for name in known - _OURS if name.count("/") >= 2)

    def _ends(self, name: str) -> _Ends:
        here = self._git.rev(f"refs/heads/{name}")
        return _Ends(name, here, self._remote.tip(name), self._remote.agreed(name))

    def _settle(self, ends: _Ends) -> Iterator[Told]:
        here, there = ends.here, ends.there
        if here is None and there is None:
            self._do(lambda: self._remote.agree(ends.name, None))
        elif there is None:
            yield from self._only_here(ends)
        elif self._is_put_away(there):
            yield from self._put_away_there(ends)
        elif here is None:
            yield self._bring(ends)
        elif here == there:
            self._do(lambda: self._remote.agree(ends.name, there))
        elif self._git.is_ancestor(here, there):
            yield self._bring(ends)
        elif self._git.is_ancestor(there, here):
            yield self._push(ends)
        else:
            yield self._join(ends)

    # Only here

    def _only_here(self, ends: _Ends) -> Iterator[Told]:
        """It was never there; or it was, and is gone: merged, closed, or a branch of that name began anew since."""
        here, git = ends.here or "", self._git
        if self._status(here) in _OVER:
            yield self._drop(ends, "its run is over: put away here")
            return
        merged = git.is_ancestor(here, self._main)
        if ends.agreed is None or not git.is_ancestor(ends.agreed, here):
            if not merged:
                yield self._push(ends)
            return
        if merged:
            yield self._drop(ends, "is merged: put away here")
        elif git.is_ancestor(ends.agreed, self._main):
            yield self._push(ends)  # it went on after its merge
        elif self._status(here) == RunStatus.WAITING:
            yield Told(ends.name, "came to main and is not decided yet", "`aios apply`")
        elif self._context.forge is not None and self._waits(here):  # who closed it there, and why, is asked first
            hint = "`aios apply` notes what was decided there, `aios reject` decides it here"
            yield Told(ends.name, f"is gone at {self._remote.name}, and its run is not decided", hint)
        else:
            yield self._drop(ends, f"is gone at {self._remote.name}: kept under {CLOSED}")

    def _drop(self, ends: _Ends, what: str) -> Told:
        here = ends.here or ""

        def act() -> None:
            with self._not_at_work(here, ends.name):
                self._keep_closed(here)
                self._delete_here(ends.name, here)
                self._remote.agree(ends.name, None)

        self._do(act)
        return Told(ends.name, what)

    def _delete_here(self, name: str, here: str) -> None:
        if checked_out_at(self._git, f"refs/heads/{name}"):
            raise RefusedError(f"`{name}` is over, and you have it checked out", f"git switch {self._context.main}")
        self._git.delete_ref(f"refs/heads/{name}", here, reason="aios: over")

    def _keep_closed(self, head: str) -> None:
        """What main does not have stays reachable."""
        ulid = run_on_branch(self._context, head).rpartition("/")[2]
        if not ulid or self._git.is_ancestor(head, self._main):
            return
        ref = f"{CLOSED}{ulid}"
        before = self._git.rev(ref)
        if before is None or (before != head and self._git.is_ancestor(before, head)):
            self._git.update_ref(ref, head, before, reason="aios: closed")

    # There

    def _is_put_away(self, there: str) -> bool:
        """Is its run over, or all of it on main? Main and what was closed here tell."""
        if self._git.is_ancestor(there, self._main):
            return True
        ulid = run_on_branch(self._context, there).rpartition("/")[2]
        closed = self._git.rev(f"{CLOSED}{ulid}") if ulid else None
        return (closed is not None and self._git.is_ancestor(there, closed)) or self._status(there) in _OVER

    def _put_away_there(self, ends: _Ends) -> Iterator[Told]:
        here, there = ends.here, ends.there or ""
        if here is not None and not self._git.is_ancestor(here, there) and not self._is_put_away(here):
            yield self._push(ends, rewrites=not self._git.is_ancestor(there, here))  # a run of that name began anew
            return
        if here is not None:
            yield self._drop(ends, "is over: put away here")

        def act() -> None:
            self._keep_closed(there)
            self._context.checkpoint("before a proposal's branch is deleted there")
            self._remote.push([Move(ends.name, None, there)])

        self._do(act)
        yield Told(ends.name, f"is over: deleted at {self._remote.name}")

    # Forward

    def _bring(self, ends: _Ends) -> Told:
        git, here, there = self._git, ends.here, ends.there or ""

        def act() -> None:
            with self._not_at_work(there, ends.name):
                if here is None:
                    git.update_ref(ends.name, there, None, reason="aios: fetched")
                else:
                    advance(git, ends.name, there, expected=here)
                self._remote.agree(ends.name, there)

        self._do(act)
        return Told(ends.name, "brought here", counted(ahead(git, there, here or self._main), "commit"))

    def _push(self, ends: _Ends, *, rewrites: bool = False) -> Told:
        here, there = ends.here or "", ends.there

        def act() -> None:
            with self._not_at_work(here, ends.name):
                self._context.checkpoint("before push of a proposal")
                self._remote.push([Move(ends.name, here, there, rewrites=rewrites)])

        self._do(act)
        return Told(ends.name, "pushed", counted(ahead(self._git, here, there or self._main), "commit"))

    def _join(self, ends: _Ends) -> Told:
        """Both went on: continue from theirs, where ours touches other files."""
        git, name, here, there = self._git, ends.name, ends.here or "", ends.there or ""
        if ends.agreed and not git.is_ancestor(ends.agreed, there):
            hint = f"`git diff {there[:10]} {here[:10]}` shows how; delete the one that is wrong"
            return Told(name, f"was rewritten at {self._remote.name}", hint, stuck=True)
        base = git.merge_base(here, there)
        if base is None:
            return Told(name, f"has no common history with that at {self._remote.name}", "delete one", stuck=True)
        ours, theirs = ({change.path for change in changed_paths(git, base, tip)} for tip in (here, there))
        both = sorted(ours & theirs)
        if both:
            shown = ", ".join(both[:3]) + (f" and {len(both) - 3} more" if len(both) > 3 else "")
            hint = (
                f"`git diff {there[:10]} {here[:10]}` shows both; to continue from theirs:"
                f" `git branch -f {name} {there[:10]}` and `aios resume`"
            )
            return Told(
                name, f"was changed here and at {self._remote.name} in the same files: {shown}", hint, stuck=True
            )
        replayed = replay(git, here, there)

        def act() -> None:
            with self._not_at_work(here, name):
                self._context.checkpoint("before a proposal is rebased")
                rebased(git, name, replayed.tip, expected=here)
                self._context.checkpoint("before push of a proposal")
                self._remote.push([Move(name, replayed.tip, there)])

        self._do(act)
        count = len(replayed.commits)
        return Told(name, f"goes on from what {self._remote.name} has", f"{counted(count, 'commit')} of ours on top")

    # Common

    @property
    def _main(self) -> str:
        return self._git.commit(self._context.main)

    def _status(self, tip: str) -> str:
        """How main's record of the branch's run stands; empty where main has none."""
        run = run_on_branch(self._context, tip)
        path = record_on(self._git, self._context.main, run) if run.count("/") == 2 else ""
        content = self._git.read_blob(f"{self._context.main}:{path}") if path else None
        document = parse(path, content)[0] if content is not None else None
        return str(document.data.get("status", "")) if document is not None else ""

    def _waits(self, tip: str) -> bool:
        """Does the branch's run wait for the operator's decision?"""
        run = run_on_branch(self._context, tip)
        return run.count("/") == 2 and bool(open_gate(read_state(self._git, run, main=self._context.main)))

    def _do(self, act: Callable[[], None]) -> None:
        if not self._check:
            act()

    @contextmanager
    def _not_at_work(self, tip: str, name: str) -> Iterator[None]:
        """With the run's lock. Raises BusyError where somebody works on it, RefusedError where a kill left some."""
        run = run_on_branch(self._context, tip)
        if run.count("/") != 2 or branch_of(run) != name:
            yield
            return
        with Journal(journal_path(self._git, run.rpartition("/")[2])) as journal:
            if journal.entries():
                raise RefusedError(f"`{name}` has work that a kill interrupted", f"`aios resume {run}`, then again")
            yield
