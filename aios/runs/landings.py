"""How a proposal came to main without us: merged at the forge by hand (as a merge, squashed, rebased), or pushed.

Nothing here says that it was approved: see `adopting`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aios.domain.event import AIOS_EMAIL
from aios.domain.forge import Forge, Proposal, Push
from aios.domain.names import branch_of
from aios.errors import RefusedError
from aios.runs.context import Context
from aios.runs.history import OPENED, REFRESHED
from aios.runs.session import record_on
from aios.runs.start import run_on_branch
from aios.store.commits import imprint
from aios.store.documents import parse
from aios.store.git import Git

_FEW, _MANY = 100, 2_000  # pushes that are looked at: the newest, and where they tell nothing
_BY_PROPOSAL = frozenset({"pr_merge", "merge_queue_merge"})
MERGE, SQUASH, REBASE, PUSH = "merge", "squash", "rebase", "push"


@dataclass(frozen=True, slots=True)
class Landing:
    """`commit` brought it to main, where `before` was the newest until then; `head` is what was reviewed (empty where
    nobody knows). `by` is who merged it at the forge (`number` is the proposal's there), or for a push (`number` is 0)
    the author's e-mail address and `pusher` the account, empty where the forge does not tell. `doubt` says why it
    cannot count whoever pushed it."""

    run: str
    commit: str
    head: str
    before: str
    method: str
    by: str
    at: str
    number: int = 0
    url: str = ""
    pusher: str = ""
    doubt: str = ""


def shows(proposal: Proposal, run: str) -> bool:
    """Was it this run's proposal that people looked at? Its body says so; where nothing of ours is left in that, its
    branch does. What else lies in the branch was shown to nobody."""
    told = re.findall(r"<!-- aios:(\S+/\S+/\S+) ", proposal.body)
    return run in told if told else proposal.branch == branch_of(run)


def have(context: Context, head: str, number: int, branch: str) -> bool:
    """Is the commit here? It is fetched where it is not: by the proposal's number, for its branch may be deleted."""
    if not head or context.git.rev(head) is not None or context.remote is None:
        return bool(head) and context.git.rev(head) is not None
    for ref in (f"refs/pull/{number}/head", f"refs/heads/{branch}"):
        if number or not ref.startswith("refs/pull/"):
            context.remote.fetch_ref(ref)
        if context.git.rev(head) is not None:
            return True
    return False


def landed(context: Context, forge: Forge, run: str, proposal: Proposal) -> Landing | None:
    """What the forge tells of a merged proposal, and the commit graph of how it came to main."""
    merge = forge.merged(proposal.number)
    if merge is None:
        return None
    git = context.git
    head = merge.head if have(context, merge.head, proposal.number, proposal.branch) else ""
    known = bool(merge.commit) and git.rev(merge.commit) is not None
    if not known or not git.is_ancestor(merge.commit, git.commit(context.main)):
        return Landing(run, "", head, "", merge.method, merge.by, merge.at, proposal.number, proposal.url)
    commit = git.commit(merge.commit)
    method = _method(git, commit, head)
    before, at = _before(git, run, commit, head, method), merge.at or git.text("show", "-s", "--format=%cI", commit)
    return Landing(run, commit, head, before, method, merge.by, at, proposal.number, proposal.url)


def pushed(context: Context, forge: Forge, run: str) -> Landing | None:
    """A run whose record came to main by no proposal that the forge knows of as merged."""
    git, path = context.git, record_on(context.git, context.main, run)
    commit = git.text("rev-list", "--first-parent", "-1", context.main, "--", path).strip() if path else ""
    return _pushed(context, forge, run, path, commit) if commit else None


def _pushed(context: Context, forge: Forge, run: str, path: str, commit: str, kept: str = "") -> Landing:
    """`kept` is what is said to have been reviewed, where no branch may have it any more."""
    git = context.git
    parents = git.text("rev-list", "--parents", "-n", "1", commit).split()[1:]
    email, at = git.text("show", "-s", "--format=%ae%n%aI", commit).split("\n")[:2]
    head = _head_of_push(context, run, path, commit, parents, kept)
    method = MERGE if len(parents) > 1 else PUSH
    before = _before(git, run, commit, head, method) if head else ""
    by, doubt = pusher_of(forge, git, context.main, commit)
    return Landing(run, commit, head, before, method, email, at, pusher=by, doubt=doubt)


def again(context: Context, forge: Forge, noted: Landing) -> Landing | None:
    """A landing that somebody noted, told anew by the forge and the commits; None where it is not as it was noted."""
    git, run = context.git, noted.run
    if noted.number:
        proposal = forge.get(noted.number)
        found = landed(context, forge, run, proposal) if shows(proposal, run) else None
        same = found is not None and (found.commit, found.head) == (noted.commit, noted.head)
        return found if same else None
    path = record_on(git, noted.commit, run) if noted.commit and git.rev(noted.commit) == noted.commit else ""
    if not path or git.read_blob(f"{noted.commit}:{path}") == git.read_blob(f"{noted.commit}^1:{path}"):
        return None  # whatever that commit did, it did not bring the run
    found = _pushed(context, forge, run, path, noted.commit, noted.head)
    return found if found.head == noted.head else None


def _head_of_push(context: Context, run: str, path: str, commit: str, parents: Sequence[str], noted: str) -> str:
    """What was reviewed: the merged side, our own commit on main, or the branch that still has the same record."""
    git = context.git
    if len(parents) > 1:
        return parents[1] if run_on_branch(context, parents[1]) == run else ""  # else it lay in another's branch
    author, event = git.text(
        "show", "-s", "--format=%ae%x00%(trailers:key=Aios-Event,valueonly,separator=%x2c)", commit
    ).split("\0")
    if author == AIOS_EMAIL and event.strip() in {OPENED, REFRESHED}:
        return commit
    record = git.read_blob(f"{commit}:{path}")
    branch = branch_of(run)
    kept = [git.rev(branch), context.remote.tracked().get(branch) if context.remote else None, noted]
    return next((tip for tip in kept if tip and git.read_blob(f"{tip}:{path}") == record), "")


def pusher_of(forge: Forge, git: Git, main: str, commit: str) -> tuple[str, str]:
    """The account whose push brought a commit to main, empty where the forge does not tell; and why nobody's push can
    have meant it, empty where it can."""
    host = forge.host
    if host is None:
        return "", ""
    try:
        pushes = host.activity(main, limit=_FEW)
        push = next((each for each in pushes if _brought(git, each, commit)), None)
        if push is None and len(pushes) >= _FEW:
            pushes = host.activity(main, limit=_MANY)
            push = next((each for each in pushes if _brought(git, each, commit)), None)
    except RefusedError:  # not for this token to see
        return "", ""
    if push is not None:
        return push.by, _beside(git, push, commit)
    if len(pushes) >= _MANY:
        return "", f"nobody can tell who pushed {commit[:10]}: more than {_MANY} pushes followed"
    if pushes and (newest := git.rev(pushes[0].after)) and not git.is_ancestor(commit, newest):
        return "", f"the forge does not tell yet who pushed {commit[:10]}"
    return "", ""


def changed_by(forge: Forge, git: Git, main: str, place: str) -> dict[str, str]:
    """The accounts whose pushes changed files below `place` on main, each with one of the commits; as far back as the
    forge tells. Empty where it does not."""
    commits = git.text("rev-list", "--first-parent", "-50", main, "--", place).split()
    if forge.host is None or not commits:
        return {}
    try:
        pushes = forge.host.activity(main, limit=_MANY)
    except RefusedError:  # not for this token to see
        return {}
    found: dict[str, str] = {}
    for commit in commits:
        push = next((each for each in pushes if _brought(git, each, commit)), None)
        if push is not None:
            found.setdefault(push.by, commit)
    return found


def _beside(git: Git, push: Push, commit: str) -> str:
    """Why whoever moved main did not decide by that on the commit: it came with something else."""
    if push.kind in _BY_PROPOSAL:
        return f"{commit[:10]} came in with another proposal, which did not show it"
    below = [f"^{push.before}"] if push.before.strip("0") and git.rev(push.before) else []
    line = git.text("rev-list", "--first-parent", push.after, *below, "--").split()
    return "" if commit in line else f"{commit[:10]} came in with a branch that was merged"


def _brought(git: Git, push: Push, commit: str) -> bool:
    after, before = (push.after and git.rev(push.after)), (push.before.strip("0") and git.rev(push.before))
    if not after or not git.is_ancestor(commit, after):
        return False
    return not before or not git.is_ancestor(commit, before)


def _method(git: Git, commit: str, head: str) -> str:
    """As the commits themselves tell."""
    if not head:
        return ""
    if head == commit:
        return PUSH
    parents = git.text("rev-list", "--parents", "-n", "1", commit).split()[1:]
    if len(parents) > 1 and git.is_ancestor(head, commit):
        return MERGE
    if git.is_ancestor(head, commit):
        return PUSH
    return REBASE if _prints(git, [commit]) <= _prints(git, _own(git, commit, head)) else SQUASH


def _before(git: Git, run: str, commit: str, head: str, method: str) -> str:
    """Main as it was before: one commit earlier, behind all that were copied, or where the run began if its commits
    came as they are."""
    if method == PUSH:
        path = record_on(git, head, run)
        document = parse(path, git.read_blob(f"{head}:{path}") or b"")[0] if path else None
        base = git.rev(str(document.data.get("base", ""))) if document else None
        return base if base and git.is_ancestor(base, head) else ""
    if method != REBASE:
        return git.rev(f"{commit}^1") or ""
    prints = _prints(git, _own(git, commit, head))
    for each in git.text("rev-list", "--first-parent", commit, "--").split():
        if not _prints(git, [each]) <= prints:
            return each
    return ""


def _own(git: Git, commit: str, head: str) -> list[str]:
    """The commits of the proposal that main had not."""
    fork = git.merge_base(head, commit)
    return git.text("rev-list", head, *([f"^{fork}"] if fork else []), "--").split()


def _prints(git: Git, commits: Sequence[str]) -> frozenset[bytes]:
    return frozenset(imprint(found.content) for found in git.read_objects(commits) if found is not None)


def brought(git: Git, approval: str) -> tuple[str, str]:
    """What an approving commit approved of main, from and to: the merge that it tells of, or itself."""
    output = git.text("show", "-s", "--format=%(trailers:key=Aios-Output,valueonly,unfold,separator=%x2c)", approval)
    try:
        noted = json.loads(output) if output.strip() else {}
    except ValueError:
        noted = {}
    noted = noted if isinstance(noted, Mapping) else {}
    before, commit = git.rev(str(noted.get("before") or "")), git.rev(str(noted.get("merge") or ""))
    return (before, commit) if before and commit else (f"{approval}^1", approval)


def told(event: Mapping[str, Any], run: str) -> Landing:
    """The landing that an approval's output tells."""
    text = {name: str(event.get(name, "")) for name in ("merge", "head", "before", "method", "by", "at", "url")}
    number = event.get("proposal")
    return Landing(
        run,
        text["merge"],
        text["head"],
        text["before"],
        text["method"],
        text["by"],
        text["at"],
        number if isinstance(number, int) else 0,
        text["url"],
    )
