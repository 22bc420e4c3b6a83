"""Main, where several machines share it: a commit counts when the shared copy has it.

    land(context, make)      a commit on main, made by `make(tip)`; pushed first, then moved to here
    catch_up(context)        bring main here to what the shared copy had when it was fetched last; asks nobody
    unshown(context)         proposals that are here otherwise than there, as one line
    unpushed(context)        what of main and the ledger the shared copy does not have yet, as one line

The push is a compare-and-swap, and only then does the branch here follow: whoever loses a race has nothing to take
back. It fetches, catches up and makes the commit anew on what main is now. Where nobody answers, the commit is kept
here, and the next `land` or `aios sync` pushes it. Where the shared copy refuses (a protected branch), nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aios.domain.names import BRANCHES, LEDGER, RESERVED_WORKFLOWS
from aios.errors import MovedError, RefusedError, TransientError
from aios.runs.context import Context
from aios.store.checkout import rebased, verify_free
from aios.store.commits import advance
from aios.store.rebase import replay
from aios.store.remote import Move, set_back

_ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class Landed:
    """The commit on main. `outstanding` says why the shared copy does not have it yet; empty where it has, or where
    there is none. `found` tells that somebody had made it already."""

    commit: str
    outstanding: str = ""
    found: bool = False


def land(
    context: Context,
    make: Callable[[str], str],
    *,
    also: Callable[[str], Sequence[Move]] = lambda _: (),
    done: Callable[[str, str], str] = lambda _, __: "",
    name: str = "commit to main",
) -> Landed:
    """Bring a commit onto main, here and at the shared copy.

    `make(tip)` gives a commit on top of `tip` that no ref names yet; it is called again where main moved, and may raise
    then. `also(commit)` are further refs of the shared copy to move with it, all or none: a merged branch to be
    deleted, so that a commit that somebody pushed to it since stops the merge. `done(before, now)` finds what `make`
    would make among the commits that came in from there: its commit, empty where it is not among them.

    Raises RefusedError, with nothing changed, where uncommitted edits are in the way, the shared copy refuses, or main
    was changed on both sides in the same fields.
    """
    git = context.git
    first = ""
    for _ in range(_ATTEMPTS):
        tip = git.rev(context.main)
        if tip is None:
            raise RefusedError(f"there is no branch {context.main}", "commit something first")
        first = first or tip
        if context.remote is not None and tip != first and (found := done(first, tip)):
            return Landed(found, found=True)
        outstanding = ""
        if context.remote is None:
            commit = make(tip)
        else:
            there = context.remote.tip(context.main)
            if there is not None and not git.is_ancestor(there, tip):
                catch_up(context)
                continue
            commit = make(tip)
            verify_free(git, context.main, commit, expected=tip)
            context.checkpoint(f"before push of {name}")
            try:
                context.remote.push([Move(context.main, commit, there), *also(commit)])
            except MovedError:
                context.remote.fetch(context.main)
                catch_up(context)
                if (now := git.rev(context.main)) is not None and git.is_ancestor(commit, now):
                    return Landed(commit)  # it was ours that moved it: an answer that got lost
                continue
            except TransientError as error:
                outstanding = f"{error.message}; main is not pushed yet: `aios sync`"
        context.checkpoint(f"before {name}")
        try:
            advance(git, context.main, commit, expected=tip)
        except MovedError:
            if context.remote is not None and context.remote.tip(context.main) == commit:
                catch_up(context)  # the shared copy has it, and another process here was faster: both stay
                return Landed(commit)
            continue
        context.checkpoint(f"after {name}")
        return Landed(commit, outstanding)
    raise RefusedError(f"{context.main} keeps moving", "try again in a moment")


def catch_up(context: Context) -> str:
    """Bring main here to what the shared copy had when it was fetched last: forward, or where both moved, with what
    only this copy has replayed on top, records field by field. Its tip.

    Raises RefusedError, with nothing changed, where both changed the same fields, where uncommitted edits are in the
    way, or where main there lacks what it was known to have.
    """
    git, remote = context.git, context.remote
    for _ in range(_ATTEMPTS):
        here, there = git.rev(context.main), remote.tip(context.main) if remote else None
        if remote is None or there is None:
            return here or ""
        if remote.is_set_back(context.main):
            raise set_back(context.main, remote.name)
        try:
            new = _joined(context, here, there)
        except MovedError:
            continue
        remote.agree(context.main, there)
        return new
    raise RefusedError(f"{context.main} keeps moving", "try again in a moment")


def _joined(context: Context, here: str | None, there: str) -> str:
    git, main = context.git, context.main
    if here is None or git.is_ancestor(here, there):
        if here != there:
            advance(git, main, there, expected=here)
        return there
    if git.is_ancestor(there, here):
        return here
    if git.merge_base(here, there) is None:
        raise RefusedError(
            f"`{main}` here and there have no common history", "is `forge.remote` another company's repository?"
        )
    replayed = replay(git, here, there)
    if replayed.clashes:
        raise RefusedError(
            f"`{main}` was changed here and there in the same place: {replayed.clashes[0]}"
            + (f" (and {len(replayed.clashes) - 1} more)" if len(replayed.clashes) > 1 else ""),
            f"`git rebase {context.remote.name if context.remote else 'origin'}/{main}`, settle it, then `aios sync`",
        )
    context.checkpoint("before main is rebased")
    rebased(git, main, replayed.tip, expected=here)
    context.checkpoint("after main is rebased")
    return replayed.tip


def unshown(context: Context) -> str:
    """Which proposals are here otherwise than where they are shared, as one line; empty where none is."""
    if context.remote is None or context.forge is None:
        return ""
    there, found = context.remote.tracked(BRANCHES), []
    for ref, tip in sorted(context.git.refs(f"refs/heads/{BRANCHES}").items()):
        branch = ref.removeprefix("refs/heads/")
        if branch.removeprefix(BRANCHES) not in RESERVED_WORKFLOWS and there.get(branch) != tip:
            found.append(f"`{branch}`")
    if not found:
        return ""
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return f"not shared as it is here: {', '.join(found[:3])}{more}; `aios propose` pushes it and shows what waits"


def unpushed(context: Context) -> str:
    """What of main and of the ledger the shared copy does not have yet, as one line; empty where it has all of it."""
    if context.remote is None:
        return ""
    git = context.git
    found = []
    for branch, what in ((context.main, "commit"), (LEDGER.removeprefix("refs/heads/"), "receipt or claim")):
        here, there = git.rev(f"refs/heads/{branch}"), context.remote.tip(branch)
        if here is None or here == there:
            continue
        count = len(git.text("rev-list", here, *([f"^{there}"] if there else [])).split())
        if count:
            found.append(f"{count} {what}{'s' if count > 1 else ''} of `{branch}`".replace("claims", "claim"))
    return f"not pushed yet: {' and '.join(found)}; `aios sync` does it" if found else ""
