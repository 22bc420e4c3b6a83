"""Which merges are not decided yet: from the records on main that wait, and from what the forge calls merged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from aios.domain.forge import Forge, Proposal, State
from aios.domain.names import RUNS, branch_of
from aios.runs.context import Context
from aios.runs.history import APPROVED, REJECTED
from aios.runs.landings import Landing, have, landed, pushed, shows
from aios.runs.session import record_on
from aios.runs.start import run_on_branch
from aios.store.documents import parse
from aios.store.git import Git

_LATE = 14 * 24 * 3600  # seconds by which a merge may be older than the newest decision, and none of main's


def undecided(context: Context, forge: Forge) -> Iterator[Landing]:
    """What came to main and is not decided: found from the records on main that still wait, each asked for by its
    branch, and from the proposals that the forge calls merged of late, for some of those are not on main at all.
    Whatever started us and in whatever order they came. By run.

    Raises TransientError where the forge or the shared copy does not answer.
    """
    waiting = waiting_on(context.git, context.main)
    known, newest = _decided(context.git, context.main)
    found: dict[str, Proposal] = {}

    def note(proposals: Sequence[Proposal]) -> None:
        for proposal in proposals:  # newest first
            if proposal.number in known or proposal.head in known:
                continue
            has = have(context, proposal.head, proposal.number, proposal.branch)
            run = run_on_branch(context, proposal.head) if has else ""
            shown = run.count("/") == 2 and shows(proposal, run)
            if shown and run not in found and (run in waiting or not _is_over(context, run)):
                found[run] = proposal

    note(forge.proposals(state=State.MERGED, since=_since(newest)))
    for run in sorted(waiting.keys() - found.keys()):  # they may wait for a word as long as they like
        note(forge.proposals(state=State.MERGED, branch=branch_of(run)))
    for run in sorted({*waiting, *found}):
        landing = landed(context, forge, run, found[run]) if run in found else pushed(context, forge, run)
        if landing is not None:
            yield landing


def waiting_on(git: Git, ref: str) -> dict[str, str]:
    """The runs whose records at `ref` wait for a decision, each with its record's path."""
    listed = git.process("grep", "-l", "-z", "-E", "^status: *[\"']?waiting", ref, "--", RUNS).stdout
    found = {}
    for path in filter(None, listed.decode(errors="surrogateescape").removesuffix("\0").split("\0")):
        path = path.removeprefix(f"{ref}:")  # noqa: PLW2901 - git puts the tree's name before it
        document, _ = parse(path, git.read_blob(f"{ref}:{path}") or b"")
        if document is not None and document.data.get("status") == "waiting" and document.data.get("gate"):
            found[str(document.data.get("run", ""))] = path
    return found


def _since(newest: int) -> str:
    """From when on merged proposals are asked for: years of those that main decided are many pages."""
    return datetime.fromtimestamp(max(0, newest - _LATE), UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if newest else ""


def _decided(git: Git, main: str) -> tuple[frozenset[object], int]:
    """Numbers and heads of the proposals that were decided, as the events on main tell; when the newest was (seconds
    since 1970, 0 where none was)."""
    asked = [f"--grep=Aios-Event: {each}" for each in (APPROVED, REJECTED)]
    only = "--format=%ct%x00%(trailers:key=Aios-Output,valueonly,unfold,separator=%x00)"
    found: set[object] = set()
    newest = 0
    for line in git.text("log", "--fixed-strings", *asked, only, main, "--").splitlines():
        moment, *told = line.split("\0")
        newest = newest or int(moment)
        try:
            output = json.loads(told[-1]) if told and told[-1] else {}
        except ValueError:
            continue
        if isinstance(output, Mapping):
            found |= {output.get("proposal"), output.get("head")}
    return frozenset(found - {None, "", 0}), newest


def _is_over(context: Context, run: str) -> bool:
    """Does main tell that the run is over, or that its gate was decided?"""
    path = record_on(context.git, context.main, run)
    document = parse(path, context.git.read_blob(f"{context.main}:{path}") or b"")[0] if path else None
    return document is not None and document.data.get("status") != "waiting"
