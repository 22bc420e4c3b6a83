"""Random histories of a company: hand edits, events of ours, renames, deletions, broken files, merges."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import strategies as st

from aios.domain.event import EventNote, render_message
from aios.projections import TABLES, Projection
from aios.store.commits import Draft, commit_many
from aios.store.git import Git

AT = "2026-03-02T09:00:00+01:00"
PATHS = [
    "state/customers/acme.yaml",
    "state/customers/brick.yaml",
    "state/content/hello.md",
    "state/metrics/hello-2026-03-02.yaml",
    "state/questions/why.yaml",
    "state/runs/2026/03/01jc0000000000000000000000.yaml",
    "memory/lessons/short.md",
    "state/agents/writer.md",
    os.fsdecode(b"state/customers/\xff.yaml"),
    "README.md",
]
MOVED = "moved from "
_RUN = (
    "schema: run.v1\nrun: publish-content/hello/01jc0000000000000000000000\nstatus: {0}\n"
    "steps:\n  publish: {{status: succeeded, attempts: 1, output: {{key: k, url: u}}}}\n"
    "effects:\n  - {{step: publish, key: k, summary: {0}}}\nquestions: [{{asks: {0}}}]\n"
)
_BROKEN = ("a: [1\n", "\t: x\n", "a: 1\na: 2\n", "---\nnever closed\n", "", "- a list\n", "\xff")


@dataclass(frozen=True)
class Step:
    """One thing that happens: what files become (None: gone; `MOVED` and a path: what that was, moved here), by hand or
    as an event, on main or on a branch."""

    files: tuple[tuple[str, str | None], ...]
    by_hand: bool
    merged: bool


def _text(path: str, word: str, number: int) -> str:
    if path.startswith("state/runs/"):
        return _RUN.format(word)
    kind = path.split("/")[1].removesuffix("s") if path.startswith("state/") else "note"
    front = f"schema: {kind}.v1\ntitle: {word}  # said\nstatus: {word}\nviews: {number}\ntags: [{word}, b]\n"
    if number % 3 == 0:
        front += f"notes: |\n  {word}\n  # no comment\nmore: {{a: {number}}}\n"
    return f"---\n{front}---\n\n{word} words here {number}.\n" if path.endswith(".md") else front


@st.composite
def _files(draw: st.DrawFn) -> tuple[tuple[str, str | None], ...]:
    chosen = draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=3, unique=True))
    found: list[tuple[str, str | None]] = []
    for path in chosen:
        match draw(st.integers(0, 9)):
            case 0:
                found.append((path, None))
            case 1:
                found.append((path, draw(st.sampled_from(_BROKEN))))
            case 2:
                found.append((path, MOVED + draw(st.sampled_from(PATHS))))
            case _:
                word = draw(st.sampled_from(["draft", "open", "yes", "1.5", "'quoted: x'", "Überall"]))
                found.append((path, _text(path, word, draw(st.integers(0, 6)))))
    return tuple(found)


ONE = Step((("state/customers/acme.yaml", "schema: customer.v1\nname: Acme\nstatus: lead\n"),), False, False)
TWO = Step((("state/customers/acme.yaml", "schema: customer.v1\nname: Acme\nstatus: active\n"),), True, False)
THREE = Step((("state/customers/brick.yaml", "schema: customer.v1\nname: Brick\nstatus: lead\n"),), False, True)

STEPS = st.builds(Step, _files(), st.booleans(), st.booleans())
HISTORIES = st.lists(st.lists(STEPS, min_size=1, max_size=5), min_size=1, max_size=4)


@contextmanager
def company() -> Iterator[tuple[Git, Path]]:
    """A repository without a commit, and the folder that it lies in."""
    with TemporaryDirectory() as folder, Git.init(Path(folder) / "company") as git:
        yield git, Path(folder)


def grow(git: Git, steps: Sequence[Step]) -> str:
    """Commit the steps to main; gives its tip."""
    for number, step in enumerate(steps):
        tip = git.rev("main")
        there = git.tree(tip) if tip else {}
        files: dict[str, bytes | None] = {}
        for path, text in step.files:
            source = (text or "").removeprefix(MOVED) if (text or "").startswith(MOVED) else ""
            if source and source in there and source != path:
                files |= {source: None, path: git.read_blob(there[source][1])}
            elif text is not None and not source:
                files[path] = text.encode("latin-1" if text == "\xff" else "utf-8")
            elif path in there and not source:
                files[path] = None
        message = "By hand\n" if step.by_hand else _message(number, list(files))
        draft = Draft(message, files, AT, "Olga", "olga@acme.example")
        if not step.merged or tip is None:
            commit_many(git, "main", [draft], expected=tip)
            continue
        git.run("update-ref", "refs/heads/side", tip)
        (side,) = commit_many(git, "side", [draft], expected=tip)
        merge = Draft("proposal.approved: it\n\nAios-Event: proposal.approved\n", files, AT, "Olga", "o@x", (side,))
        commit_many(git, "main", [merge], expected=tip)
    return git.rev("main") or ""


def _message(number: int, paths: list[str]) -> str:
    note = EventNote(
        "content.drafted",
        f"step {number}",
        records=tuple(path.removeprefix("state/").rpartition(".")[0] for path in paths),
        run="publish-content/hello/01jc0000000000000000000000",
        step="write",
        attempt=1,
        actor="agent:writer@1",
    )
    return render_message(note)


def everything(projection: Projection) -> dict[str, object]:
    """All rows of all tables, in the order in which they come unasked."""
    return {name: projection.query(f"SELECT * FROM {name}", limit=100_000) for name in TABLES}  # noqa: S608


def names(projection: Projection) -> list[str]:
    return [str(row[0]) for row in projection.query("SELECT id || ' ' || status FROM records ORDER BY 1").rows]
