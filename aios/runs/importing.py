"""What was handed over and passed comes into the repository: objects out of quarantine, the run's branch, its traces.

The branch is moved by compare-and-swap from where the order saw it. Where somebody pushed to it meanwhile, nothing is
pushed over that: what was handed over goes on top where it touches other files, and else stays where it is. Done again,
it finds what it did before.
"""

from __future__ import annotations

from dataclasses import dataclass

from aios.domain.handoff import HEAD, TRACES, Handoff, Order
from aios.domain.names import TRACES as TRACES_BRANCH
from aios.domain.names import branch_of
from aios.errors import InvalidError, MovedError, RefusedError
from aios.runs.context import AIOS_EMAIL, AIOS_NAME, Context
from aios.runs.verifying import Material
from aios.runs.verifying.before import begins_at
from aios.runs.verifying.bundle import opened
from aios.runs.verifying.chain import chain
from aios.runs.verifying.file import read_handoff
from aios.runs.verifying.traces import is_trace
from aios.store.commits import Draft, advance, commit_many
from aios.store.git import Git
from aios.store.rebase import replay
from aios.store.trees import changed_paths
from aios.store.written import written

KEPT = "what was handed over stays in its artifact; nothing of it was pushed"


@dataclass(frozen=True, slots=True)
class Brought:
    """`before` is where the branch here was (empty: nowhere), `tip` where it is now; `rebased` tells that it went on
    top of commits that the order did not know."""

    handoff: Handoff
    branch: str
    before: str
    tip: str
    rebased: bool = False


def bring_in(context: Context, order: Order, material: Material) -> Brought:
    """Take one handoff in. Raises InvalidError for one that is not in order, RefusedError where the branch went another
    way meanwhile, MovedError where that happened just now (then try again)."""
    handoff, found = read_handoff(material.handoff, order)
    if handoff is None or found:
        raise _refused(order, str(found[0]))
    with opened(context.git, material.bundle, order, handoff) as (apart, problems):
        if apart is None:
            raise _refused(order, str(problems[0]))
        _, crooked = chain(apart, begins_at(context.git, order), handoff.head)
        if crooked:
            raise _refused(order, str(crooked[0]))
        _fetch(context.git, apart)
        traces = _trace_files(apart, handoff, order.run)
    context.checkpoint("handed over objects are here")
    _keep_traces(context, order.run, traces)
    return _move(context, order, handoff)


def _fetch(git: Git, apart: Git) -> None:
    """The branch's commits; what else lies in the pack stays in quarantine. No ref names them yet."""
    checks = ("-c", "fetch.fsckObjects=true", "-c", "fetch.unpackLimit=1")
    git.run(*checks, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(apart.dir), HEAD, durable=True)
    git.close()  # the long-lived reader looks for new packs when it starts again


def _trace_files(apart: Git, handoff: Handoff, run: str) -> dict[str, bytes]:
    if not handoff.traces:
        return {}
    files = {path: oid for path, (mode, oid) in apart.tree(TRACES).items() if mode == "100644" and is_trace(path, run)}
    return dict(zip(files, (content for _, content in apart.blobs(files.values())), strict=True))


def _keep_traces(context: Context, run: str, files: dict[str, bytes]) -> None:
    """Lay them beside those that are here; what is here already stays as it is."""
    git = context.git
    while True:
        tip = git.rev(TRACES_BRANCH) or _traces_there(context)
        there = git.tree(tip) if tip else {}
        fresh: dict[str, bytes | None] = {path: content for path, content in files.items() if path not in there}
        if not fresh:
            return
        draft = Draft(f"traces of {run}\n", fresh, context.now(), AIOS_NAME, AIOS_EMAIL)
        try:
            commit_many(git, TRACES_BRANCH, [draft], expected=git.rev(TRACES_BRANCH), start=tip)
        except MovedError:
            continue
        return


def _traces_there(context: Context) -> str | None:
    return context.remote.tip(TRACES_BRANCH.removeprefix("refs/heads/")) if context.remote else None


def _move(context: Context, order: Order, handoff: Handoff) -> Brought:
    """Move the branch here to what was handed over, on top of what it is where it is shared."""
    git, branch = context.git, branch_of(order.run)
    here = git.rev(f"refs/heads/{branch}")
    there = context.remote.tip(branch) if context.remote else here
    new, rebased = _on_top(context, order, handoff, there)
    if here is not None and git.is_ancestor(new, here):
        new = here  # an earlier try got further than this
    elif here is not None and not git.is_ancestor(here, new):
        raise RefusedError(f"`{branch}` has commits here that nobody else has", "`aios sync` first; " + KEPT)
    if new != here:
        if here is None:
            git.update_ref(f"refs/heads/{branch}", new, None, reason="aios: handed over")
        else:
            advance(git, branch, new, expected=here)
    context.checkpoint("handed over branch is here")
    return Brought(handoff, branch, here or "", new, rebased)


def _on_top(context: Context, order: Order, handoff: Handoff, there: str | None) -> tuple[str, bool]:
    """What the branch shall be, and whether commits were rewritten for that."""
    git, head, branch = context.git, handoff.head, branch_of(order.run)
    if (there or "") in (order.tip, head):
        return head, False
    if there is None:
        told = f"`{branch}` was deleted while {order.run} was worked on"
        raise RefusedError(told, f"it was merged, rejected or stopped; {KEPT}")
    if git.is_ancestor(head, there):
        return there, False
    if not order.tip or not git.is_ancestor(order.tip, there):
        told = f"`{branch}` is not what it was when the work on {order.run} was ordered"
        raise RefusedError(told, f"the next round orders it anew; {KEPT}")
    meanwhile = list(written(git, order.tip, there))
    if any(each.author == AIOS_EMAIL for each in meanwhile):
        told = f"another job went on with {order.run} meanwhile"
        raise RefusedError(told, f"what it did stands; {KEPT}")
    theirs = {path for each in meanwhile for path in each.paths}
    both = sorted(theirs & {change.path for change in changed_paths(git, order.tip, head)})
    if both:
        told = f"{', '.join(both[:3])} was edited on `{branch}` while {order.run} was worked on"
        raise RefusedError(told, f"the next round goes on from the edit; {KEPT}")
    replayed = replay(git, head, there)
    if replayed.clashes:
        raise RefusedError(f"`{branch}` was edited meanwhile: {replayed.clashes[0]}", KEPT)
    return replayed.tip, True


def take_back(context: Context, brought: Brought) -> None:
    """Put the branch here back to where it was, as the shared one went on: whoever tries again starts from there."""
    git, ref = context.git, f"refs/heads/{brought.branch}"
    now = git.rev(ref)
    if now is None:
        return
    if brought.before:
        git.update_ref(ref, brought.before, now, reason="aios: moved there meanwhile")
    else:
        git.delete_ref(ref, now, reason="aios: moved there meanwhile")


def _refused(order: Order, why: str) -> InvalidError:
    return InvalidError(f"what was handed over for {order.run} is not taken: {why}", KEPT)
