"""The commits of a handoff: one straight line of ours on top of what the order says, and nothing else about them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aios.domain.finding import Finding
from aios.runs.context import AIOS_EMAIL, AIOS_NAME
from aios.runs.verifying.told import short, wrong
from aios.store.git import Git

COMMITS = 5_000  # of one handoff
SLACK = 24 * 3600  # seconds by which clocks may differ, and jobs may last
_OID = rb"([0-9a-f]{40}|[0-9a-f]{64})"
_WHO = rb"([^<>\n\0]*) <([^<>\n\0]*)> (\d{1,12}) \+0000"
_COMMIT = re.compile(
    rb"tree " + _OID + rb"\n((?:parent [0-9a-f]{40,64}\n)*)author " + _WHO + rb"\ncommitter " + _WHO + rb"\n\n(.*)",
    re.DOTALL,
)
_OURS = (AIOS_NAME.encode(), AIOS_EMAIL.encode())


@dataclass(frozen=True, slots=True)
class Made:
    """One commit, as its object has it. `at` is in seconds since 1970."""

    oid: str
    parent: str
    tree: str
    at: int
    message: str


def chain(git: Git, since: str, head: str) -> tuple[list[Made], list[Finding]]:
    """The commits from `since` (left out) to `head`, oldest first; what is wrong where that is no straight line."""
    if not git.is_ancestor(since, head):
        why = f"it does not build on {since[:10]}: history was written anew"
        return [], [wrong("ancestry", short(head), why)]
    made: list[Made] = []
    at = head
    while at != since:
        if len(made) == COMMITS:
            return [], [wrong("size", short(head), f"it is more than {COMMITS} commits behind {since[:10]}")]
        found, problem = commit_of(git, at)
        if found is None:
            return [], [problem or wrong("ancestry", short(at), "there is no such commit")]
        made.append(found)
        at = found.parent
    return made[::-1], []


def commit_of(git: Git, oid: str) -> tuple[Made | None, Finding | None]:
    """A commit of ours as an object: exactly the headers that we write, at most one parent, text in UTF-8."""
    found = git.read_object(oid)
    if found is None or found.kind != "commit":
        return None, wrong("ancestry", short(oid), "there is no such commit in the bundle")
    match = _COMMIT.fullmatch(found.content)
    if match is None:
        return None, wrong("commit", short(oid), "it has other headers than the commits that aios writes")
    tree, above, *who, message = match.groups()
    parents = above.split()[1::2]
    if len(parents) > 1:
        return None, wrong("linear", short(oid), "it is a merge; a stage writes a straight line")
    if tuple(who[:2]) != _OURS or tuple(who[3:5]) != _OURS:
        return None, wrong("author", short(oid), f"its author and committer are not {AIOS_NAME} <{AIOS_EMAIL}>")
    if who[2] != who[5]:
        return None, wrong("date", short(oid), "it was not committed when it was written")
    try:
        text = message.decode()
    except UnicodeDecodeError:
        return None, wrong("message", short(oid), "its message is not UTF-8")
    parent = parents[0].decode() if parents else ""
    return Made(oid, parent, tree.decode(), int(who[2]), text), None


def dates(made: Sequence[Made], *, earliest: int, ordered: str) -> list[Finding]:
    """No commit is from long before what the handoff is built on, or from long after its order.

    They need not follow one another: where several jobs shared a step, their commits stand in the order of its items.
    """
    latest = datetime.fromisoformat(ordered).timestamp() + SLACK if ordered else None
    found = []
    for each in made:
        if each.at < earliest - SLACK:
            found.append(wrong("date", short(each.oid), "it says that it is older than what it is built on"))
        if latest is not None and each.at > latest:
            found.append(
                wrong("date", short(each.oid), f"it says that it was written long after its order ({ordered})")
            )
    return found


def moment_of(git: Git, commit: str) -> int:
    """When a commit of anybody's was committed, in seconds; 0 where git cannot tell."""
    told = git.text("log", "-1", "--format=%ct", commit, "--").strip()
    return int(told) if told.isdigit() else 0
