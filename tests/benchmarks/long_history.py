"""A company with a long history, made by one `git fast-import`: for reading the log and projecting it."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

from aios.domain.event import EventNote, render_message

KINDS = ("customers", "content", "decisions", "products", "projects")
EPOCH = 1_700_000_000
BRANCH_EVERY = 40  # mainline commits between two merged branches
BRANCH_LENGTH = 4
_MAIN, _SIDE = b"refs/heads/main", b"refs/heads/side"
_WORDS = [
    "pricing",
    "page",
    "customer",
    "renewal",
    "margin",
    "draft",
    "outline",
    "review",
    "launch",
    "report",
    "source",
    "quote",
    "invoice",
    "funnel",
]


def make(root: Path, *, commits: int, records: int = 5_000, seed: int = 7) -> Path:
    """A bare repository in `root` with `commits` commits on `main` (merged branches among them), all packed."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(root)], check=True)
    with subprocess.Popen(
        ["git", "-C", str(root), "fast-import", "--quiet", "--depth=50"], stdin=subprocess.PIPE
    ) as importer:
        if importer.stdin is None:
            raise RuntimeError("no pipe")
        for part in _stream(commits, records, random.Random(seed)):
            importer.stdin.write(part)
        importer.stdin.close()
        if importer.wait():
            raise RuntimeError("git fast-import failed")
    return root


def extend(root: Path, *, commits: int, number: int) -> None:
    """Append `commits` linear commits to `main`, each of one record."""
    rng = random.Random(number)
    parts: list[bytes] = []
    for index in range(commits):
        path = _path(rng.randrange(500))
        text = _record(path.split("/")[1], number + index, rng, stable=path)
        parts.append(_commit(_MAIN, number + index, path, text, b"from refs/heads/main^0\n" if index == 0 else b""))
    subprocess.run(["git", "-C", str(root), "fast-import", "--quiet"], input=b"".join(parts), check=True)


def _stream(commits: int, records: int, rng: random.Random) -> Iterator[bytes]:
    paths = [_path(index) for index in range(records)]
    made = since = 0
    while made < commits:
        if made >= records and since >= BRANCH_EVERY and made + BRANCH_LENGTH + 1 < commits:
            written: dict[str, bytes] = {}
            for index in range(BRANCH_LENGTH):
                path = rng.choice(paths)
                written[path] = _record(path.split("/")[1], made, rng, stable=path)
                yield _commit(_SIDE, made, path, written[path], b"from refs/heads/main\n" if index == 0 else b"")
                made += 1
            yield _merge(made, written)
            since = 0
        else:
            path = paths[made] if made < records else rng.choice(paths)
            yield _commit(_MAIN, made, path, _record(path.split("/")[1], made, rng, stable=path))
            since += 1
        made += 1


def _path(index: int) -> str:
    kind = KINDS[index % len(KINDS)]
    return f"state/{kind}/{kind.removesuffix('s')}-{index // len(KINDS):05}.{'md' if kind == 'content' else 'yaml'}"


def _commit(ref: bytes, number: int, path: str, text: bytes, parent: bytes = b"") -> bytes:
    return _head(ref, number, _message(number, path)) + parent + _file(path, text)


def _merge(number: int, written: dict[str, bytes]) -> bytes:
    note = EventNote("proposal.approved", f"proposal {number}", run=_run(number), step="approve", actor="operator")
    files = b"".join(_file(path, text) for path, text in written.items())
    return _head(_MAIN, number, render_message(note)) + b"merge refs/heads/side\n" + files


def _head(ref: bytes, number: int, message: str) -> bytes:
    when = EPOCH + number * 60
    text = message.encode()
    return b"commit %s\ncommitter aios <aios@localhost> %d +0000\ndata %d\n%s\n" % (ref, when, len(text), text)


def _file(path: str, text: bytes) -> bytes:
    return b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(text), text)


def _run(number: int) -> str:
    return f"publish-content/subject-{number // 20}/01jc{number // 20:022}"


def _message(number: int, path: str) -> str:
    if number % 3 == 0:
        return f"Correct {path.rpartition('/')[2]}\n\nSeen while reading it again.\n"
    note = EventNote(
        "content.edited",
        f"change {number}",
        body="A sentence or two on why this was done, as our steps write them.",
        records=(path.removeprefix("state/").rpartition(".")[0],),
        run=_run(number),
        step=("plan", "write", "edit")[number % 3],
        attempt=1,
        status="succeeded",
        actor="agent:writer@3",
        key=f"sha256:{number:064x}",
    )
    return render_message(note)


def _record(kind: str, number: int, rng: random.Random, *, stable: str = "") -> bytes:
    """About 0.9 KB, of which a few lines differ from version to version."""
    still = random.Random(stable)
    prose = "\n".join(" ".join(still.choices(_WORDS, k=10)) + "." for _ in range(6))
    fields = (
        f"schema: {kind.removesuffix('s')}.v1\nname: {stable.rpartition('/')[2] or 'A record'}\n"
        f"status: {rng.choice(('planned', 'drafted', 'edited', 'published'))}\nupdated: 2026-03-{number % 28 + 1:02}\n"
        f"views: {number}\nemail: someone-{still.randrange(10**6)}@example.com\n"
        f"tags:\n  - {still.choice(_WORDS)}\n  - {still.choice(_WORDS)}\n"
        f'address: {{city: "Berlin", street: "Weg {still.randrange(99)}"}}\ntrust: operator\n'
    )
    if kind == "content":
        return f"---\n{fields}---\n\n{prose}\n{rng.choice(_WORDS)} {number}.\n".encode()
    return (fields + "notes: |\n" + "".join(f"  {line}\n" for line in prose.splitlines())).encode()
