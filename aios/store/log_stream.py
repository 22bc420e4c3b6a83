"""Commits told as events, streamed from one `git diff-tree` while it works: nothing is held but what is being told.

Facts come from trailers by git's own rules; changes from the raw diff against the first parent, renames detected. What
a trailer says is a claim: whether a commit is really ours cannot be proven here.

A forge that squashes a branch quotes its commits' messages, the last one with its trailers at the end, in the name of
whoever opened the proposal: that tells no event. What is ours bears one name, or, copied by a rebase, us as its author.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO

from aios.domain.event import AIOS_EMAIL, Change, Event
from aios.domain.names import MEMORY, WORKFLOWS
from aios.domain.record import ref_of
from aios.errors import CorruptError
from aios.store.git import Git

STATE = (WORKFLOWS, MEMORY, "state/")
_FORMAT = "%H%x00%aI%x00%an%x00%ae%x00%ce%x00%s%x00%b%x00%(trailers:only,unfold)"
_FIELDS = _FORMAT.count("%x00") + 1
# The plumbing heeds no setting for `git log`; those it heeds are given here.
_COMMAND = (
    *("-c", "trailer.separators=:", "-c", "core.commentChar=#", "diff-tree", "--stdin", "--always", "--root"),
    *("-r", "-z", "--raw", "--no-abbrev"),
    *("-M", "-l1000", "--ignore-submodules=none", "--no-ext-diff", "--encoding=UTF-8", f"--format={_FORMAT}"),
)
# Git flushes after every commit where it writes into a pipe, unless told otherwise; and its allocator gives memory back
# after every tree, only to ask for it again.
_PACE = {"GIT_FLUSH": "0", "MALLOC_TOP_PAD_": str(64 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
_CHUNK = 1 << 18
_PIPE = 1 << 20
_REGULAR = (b"100644", b"100755", b"000000")
_LINKED = (b":120000", b":160000")
_NO_DATE = "%aI"  # what git leaves where it cannot read the date


def stream(git: Git, wanted: Iterable[tuple[str, bool]], parents: Mapping[str, Sequence[str]]) -> Iterator[Event]:
    """The events of the commits in `wanted` (id, whether on the main line), in that order.

    Raises CorruptError where git cannot read one of them.
    """
    ordered = list(wanted)
    asked = ((f"{commit} {parents[commit][0]}\n" if parents[commit] else f"{commit}\n") for commit, _ in ordered)
    with _diff_tree(git, asked) as pipe:
        blocks = _blocks(pipe)
        for commit, mainline in ordered:
            block = next(blocks, None)
            if block is None or block[0] != commit.encode():
                raise CorruptError(f"git cannot tell what commit {commit[:12]} changed.", "Run `git fsck`.")
            yield _event(block, parents[commit], mainline=mainline)


@contextmanager
def _diff_tree(git: Git, lines: Iterable[str]) -> Iterator[IO[bytes]]:
    process = git.open(*_COMMAND, env=_PACE)
    if process.stdin is None or process.stdout is None:
        raise CorruptError("git was started without pipes.")
    with suppress(OSError, AttributeError):  # more than the user may have, or no Linux: the pipe stays as it is
        fcntl.fcntl(process.stdout.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
    feeder = threading.Thread(target=_feed, args=(process.stdin, lines), daemon=True)
    feeder.start()
    try:
        yield process.stdout
    finally:
        _end(process)
        feeder.join()


def _feed(pipe: IO[bytes], lines: Iterable[str]) -> None:
    part: list[str] = []
    with suppress(BrokenPipeError), pipe:
        for line in lines:
            part.append(line)
            if len(part) == 512:
                _write(pipe, "".join(part).encode())
                part.clear()
        _write(pipe, "".join(part).encode())


def _write(pipe: IO[bytes], content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(pipe.fileno(), view) :]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _blocks(pipe: IO[bytes]) -> Iterator[list[bytes]]:
    """What git says of one commit after the other: its fields, then pairs (or triples) of facts and paths."""
    rest = b""
    while True:
        # As much as is left over at the least, so that a huge message costs no quadratic time.
        chunk = _read(pipe, max(_CHUNK, len(rest)))
        tokens = (rest + chunk).split(b"\0")
        partial = tokens.pop()
        start, count = 0, len(tokens)
        while start < count:
            end = start + _FIELDS
            while end < count and tokens[end].lstrip(b"\n").startswith(b":"):
                end += 3 if tokens[end].rpartition(b" ")[2][:1] in b"RC" else 2
            if end >= count and chunk:
                break  # its changes may go on in the next chunk
            yield tokens[start:end]
            start = end
        rest = b"\0".join([*tokens[start:], partial])
        if not chunk:
            return


def _read(pipe: IO[bytes], size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0 and (part := os.read(pipe.fileno(), size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _event(block: list[bytes], parents: Sequence[str], *, mainline: bool) -> Event:
    commit, at, author, email, committer, subject, body, trailers = [_text(field) for field in block[:_FIELDS]]
    facts: dict[str, list[str]] = {}
    for line in trailers.split("\n") if trailers else ():
        name, colon, value = line.partition(":")
        if colon:
            facts.setdefault(name.strip(), []).append(value.strip())
    changes = _changes(block) if len(block) > _FIELDS else ()
    told = None if email not in (AIOS_EMAIL, committer) else facts.get("Aios-Event")
    return Event(
        commit,
        tuple(parents),
        "" if at == _NO_DATE else at,
        author,
        email,
        subject,
        _prose(body) if facts else body.strip(),
        mainline,
        (told[-1],) if told else _by_hand(changes),
        tuple(facts["Aios-Record"]) if told and "Aios-Record" in facts else _records(changes),
        facts,
        changes,
    )


def _text(field: bytes) -> str:
    try:
        return field.decode()
    except UnicodeDecodeError:
        return field.decode(errors="replace")


def _prose(body: str) -> str:
    """The body without the block of trailers that ends it."""
    return body.rstrip().rpartition("\n\n")[0].strip()


def _changes(block: list[bytes]) -> tuple[Change, ...]:
    found: list[Change] = []
    at = _FIELDS
    while at < len(block):
        old_mode, mode, before, after, status = block[at].lstrip(b"\n").split(b" ")
        path, old = os.fsdecode(block[at + 1]), ""
        if status[:1] in b"RC":
            at += 1
            path, old = os.fsdecode(block[at + 1]), path if status[:1] == b"R" else ""
        at += 2
        odd = "" if mode in _REGULAR else mode.decode()
        # What a link pointed at, or the commit of a submodule, is no earlier version of a file.
        found.append(Change(path, "" if old_mode in _LINKED else _blob(before), _blob(after), old, odd))
    return tuple(found)


def _blob(oid: bytes) -> str:
    return "" if oid.startswith(b"0000000000") and not oid.strip(b"0") else oid.decode()


def _by_hand(changes: Iterable[Change]) -> tuple[str, ...]:
    """The types of a commit that says nothing of itself: one for each record it changed."""
    types: list[str] = []
    for change in changes:
        here, there = change.path.startswith(STATE), change.renamed_from.startswith(STATE)
        if change.mode and not change.before:
            continue  # a link or a submodule where there was nothing is no record
        if here and there:
            types.append("record.renamed")
        elif here:
            created = not change.before or change.renamed_from
            there_now = change.after and not change.mode
            types.append("record.created" if created else "record.updated" if there_now else "record.deleted")
        elif there:
            types.append("record.deleted")
    return tuple(types) or ("commit",)


def _records(changes: Iterable[Change]) -> tuple[str, ...]:
    """The records that the changes touch; of a renamed one the new name, then the old one."""
    names = (path for change in changes for path in (change.path, change.renamed_from))
    return tuple(dict.fromkeys(ref_of(path) for path in names if path.startswith(STATE)))
