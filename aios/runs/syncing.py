"""Bringing this copy and the shared one together: what is there comes here, what is here goes there, nothing is lost.

`sync` asks the network, `adopt` does the part of it that needs none, on what was fetched before. Main and open
proposals go forward on either side; where both moved, what only this copy has is replayed on top of the other. The
ledger and the traces are joined file by file. Nothing is ever pushed over what somebody else pushed: where both changed
the same, that is told, with what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from aios.domain.names import LEDGER, TRACES
from aios.domain.wording import counted
from aios.effects.ledger import Ledger
from aios.errors import AiosError, MovedError, RefusedError, TransientError
from aios.runs.context import Context
from aios.runs.shared_main import catch_up
from aios.runs.syncing_proposals import Proposals
from aios.runs.syncing_told import Told, ahead
from aios.store.checkout import checked_out_at
from aios.store.git import Git
from aios.store.rebase import replay
from aios.store.remote import Move, Remote, set_back

_ATTEMPTS = 50
_LEDGER, _TRACES = (ref.removeprefix("refs/heads/") for ref in (LEDGER, TRACES))


@dataclass(frozen=True, slots=True)
class Synced:
    """What was done, or with `check` would be; `main` is the main branch's name, which may have changed."""

    main: str
    told: tuple[Told, ...]

    @property
    def stuck(self) -> tuple[Told, ...]:
        return tuple(each for each in self.told if each.stuck)


def sync(context: Context, *, check: bool = False) -> Synced:
    """Bring both together; with `check`, tell what that would do. Fetching what is there changes no branch.

    Raises RefusedError where this copy is shared with no other, CredentialsError and TransientError where the other
    does not let us or does not answer: what was done by then is whole.
    """
    remote = _remote(context)
    remote.fetch()
    head = remote.head_branch() if remote.tip(context.main) is None else ""
    told: list[Told] = list(_ledger(context, remote, check=check))
    renamed = _renamed(context, remote, head, check=check)
    if renamed is not None:
        told.append(renamed)
        if renamed.stuck or check:
            return Synced(context.main, tuple(told))
        context = replace(context, main=head)
    told += _main(context, remote, check=check)
    told += Proposals(context, remote, check=check).sync()
    told += _traces(context, remote, check=check)
    return Synced(context.main, tuple(told))


def adopt(context: Context) -> Synced:
    """Make what was fetched ours, as far as nothing of ours is in the way: for jobs that may not ask the remote.
    Changes nothing there; where this copy is shared with no other, it changes nothing at all."""
    remote = context.remote
    if remote is None:
        return Synced(context.main, ())
    told: list[Told] = []
    before = context.git.rev(context.main)
    try:
        now = catch_up(context)
        if now and now != before:
            told.append(Told(context.main, "brought here", now[:10]))
    except RefusedError as error:
        told.append(Told.of(context.main, error))
    for branch in (_LEDGER, _TRACES):
        told += _joined(context, remote, branch)
    told += Proposals(context, remote, check=False).adopt()
    return Synced(context.main, tuple(told))


def push_main(context: Context) -> None:
    """Bring main to the shared copy, joined with what is there; nothing where no copy is shared.

    Raises RefusedError where they cannot be joined or the shared copy refuses, TransientError where it does not answer.
    """
    if context.remote is not None:
        _require(_main(context, context.remote, check=False))


def push_traces(context: Context) -> None:
    """The same of the traces; what was pruned on either side stays pruned."""
    if context.remote is not None:
        _require(_traces(context, context.remote, check=False))


def _require(told: Iterable[Told]) -> None:
    for each in told:
        if each.stuck:
            raise RefusedError(str(each), each.detail)


def _remote(context: Context) -> Remote:
    if context.remote is None:
        raise RefusedError(
            "this company is shared with no other copy", "`forge:` in state/company.yaml names the remote; git knows it"
        )
    return context.remote


# Main


def _renamed(context: Context, remote: Remote, head: str, *, check: bool) -> Told | None:
    """Follow a default branch that was renamed there: the old name is gone, and the new one goes on from it."""
    git, old = context.git, context.main
    if not head or head == old or remote.tip(old) is not None or remote.tip(head) is None:
        return None
    here, there = git.commit(old), remote.tip(head) or ""
    known = remote.agreed(old)
    if known is None and git.merge_base(here, there) is None:
        why = f"{remote.name} has `{head}`, and no history in common with it"
        return Told(old, why, "is it another company's repository?", stuck=True)
    if known is not None and not git.is_ancestor(known, there):
        return Told.of(old, set_back(head, remote.name))
    tip = git.rev(f"refs/heads/{head}")
    if tip is not None and not git.is_ancestor(here, tip):
        return Told(old, f"is called `{head}` there, and here is another branch of that name", "rename it", stuck=True)
    if not check:
        _rename(context, remote, head)
    return Told(old, f"is called `{head}` now", "as there")


def _rename(context: Context, remote: Remote, new: str) -> None:
    """In an order in which every part may be repeated: the old name goes last but one."""
    git, old = context.git, context.main
    tip = git.commit(old)
    if git.rev(f"refs/heads/{new}") is None:
        git.update_ref(new, tip, None, reason=f"aios: {old} is called {new}")
    context.checkpoint("before main is renamed")
    for place in checked_out_at(git, f"refs/heads/{old}"):
        git.run("symbolic-ref", "HEAD", f"refs/heads/{new}", cwd=place)
    if git.config("aios.branch") == old:
        git.run("config", "aios.branch", new)
    remote.agree(new, remote.agreed(old))
    remote.agree(old, None)
    git.delete_ref(f"refs/heads/{old}", tip, reason=f"aios: it is called {new}")
    context.checkpoint("after main is renamed")
    git.run("symbolic-ref", f"refs/remotes/{remote.name}/HEAD", f"refs/remotes/{remote.name}/{new}")


def _main(context: Context, remote: Remote, *, check: bool) -> Iterator[Told]:
    git, main = context.git, context.main
    if check:
        yield from _main_would(git, remote, main)
        return
    for _ in range(_ATTEMPTS):
        before = git.rev(main)
        try:
            here = catch_up(context)
        except RefusedError as error:
            yield Told.of(main, error)
            return
        if before is not None and here != before:
            had = remote.tip(main) or ""
            replayed = ahead(git, here, had)
            more = f"; {counted(replayed, 'commit')} of this copy on top" if replayed else ""
            yield Told(main, "brought here", f"{counted(ahead(git, had, before), 'commit')}{more}")
        there = remote.tip(main)
        if not here or here == there:
            return
        context.checkpoint("before push of main")
        try:
            remote.push([Move(main, here, there)])
        except MovedError:
            remote.fetch(main)
            continue
        except TransientError:
            raise
        except RefusedError as error:
            yield Told.of(main, error)
            return
        yield Told(main, "pushed", counted(ahead(git, here, there), "commit"))
        return
    yield Told(main, "keeps moving", "try again in a moment", stuck=True)


def _main_would(git: Git, remote: Remote, main: str) -> Iterator[Told]:
    here, there = git.rev(main), remote.tip(main)
    if remote.is_set_back(main):
        yield Told.of(main, set_back(main, remote.name))
    elif here and there and not (git.is_ancestor(here, there) or git.is_ancestor(there, here)):
        try:
            replayed = replay(git, here, there)
        except RefusedError as error:
            yield Told.of(main, error)
            return
        if replayed.clashes:
            yield Told(main, "was changed here and there", str(replayed.clashes[0]), stuck=True)
            return
        yield Told(main, "would be joined", f"{counted(len(replayed.commits), 'commit')} of this copy on top")
    else:
        yield from _would(git, main, here, there)


def _would(git: Git, branch: str, here: str | None, there: str | None) -> Iterator[Told]:
    if there and here != there and (count := ahead(git, there, here)):
        yield Told(branch, "would be brought here", counted(count, "commit"))
    if here and here != there and (count := ahead(git, here, there)):
        yield Told(branch, "would be pushed", counted(count, "commit"))


# The ledger and the traces


def _ledger(context: Context, remote: Remote, *, check: bool) -> Iterator[Told]:
    git = context.git
    here, there = git.rev(LEDGER), remote.tip(_LEDGER)
    if check and not remote.is_set_back(_LEDGER):
        yield from _would(git, _LEDGER, here, there)
        return
    why = Ledger(git, remote).share() if not check else ""
    if why or check:
        error = set_back(_LEDGER, remote.name)
        hint = error.hint if remote.is_set_back(_LEDGER) else "effects wait until it can be pushed"
        yield Told(_LEDGER, why or error.message, hint, stuck=True)
        return
    now = git.rev(LEDGER)
    if there and (count := ahead(git, there, here)):
        yield Told(_LEDGER, "brought here", counted(count, "entry", "entries"))
    if now and (count := ahead(git, now, there)):
        yield Told(_LEDGER, "pushed", counted(count, "entry", "entries"))


def _joined(context: Context, remote: Remote, branch: str) -> Iterator[Told]:
    """Bring an append-only branch here to what was fetched, with what only this copy has on top."""
    git, ref = context.git, f"refs/heads/{branch}"
    for _ in range(_ATTEMPTS):
        here, there, agreed = git.rev(ref), remote.tip(branch), remote.agreed(branch)
        if branch == _LEDGER and remote.is_set_back(branch):
            yield Told.of(branch, set_back(branch, remote.name))
            return
        if there is None or here == there or (here and git.is_ancestor(there, here)):
            return
        if there == agreed and here:  # forgotten here (`aios prune`), and nothing new there
            return
        try:
            if here is None or git.is_ancestor(here, there):
                new = there
            else:  # what was pruned there stays pruned: only what is new since goes on top
                since = agreed if agreed and git.is_ancestor(agreed, here) else ""
                new = replay(git, here, there, yields=True, since=since).tip
            git.update_ref(ref, new, here, reason="aios: joined with the shared copy")
        except MovedError:
            continue
        remote.agree(branch, there)
        yield Told(branch, "brought here", counted(ahead(git, there, here), "commit"))
        return


def _traces(context: Context, remote: Remote, *, check: bool) -> Iterator[Told]:
    git = context.git
    if check:
        yield from _would(git, _TRACES, git.rev(TRACES), remote.tip(_TRACES))
        return
    for _ in range(_ATTEMPTS):
        yield from _joined(context, remote, _TRACES)
        here, there = git.rev(TRACES), remote.tip(_TRACES)
        if here is None or here == there:
            return
        pruned = there is not None and not git.is_ancestor(there, here)
        try:
            remote.push([Move(TRACES, here, there, rewrites=pruned)])
        except MovedError:
            remote.fetch(_TRACES)
            continue
        except TransientError:
            raise
        except AiosError as error:
            yield Told.of(_TRACES, error)
            return
        yield Told(_TRACES, "pushed", "pruned" if pruned else counted(ahead(git, here, there), "commit"))
        return
