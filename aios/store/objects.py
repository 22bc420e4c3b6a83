"""Reads git objects through one long-lived `git cat-file --batch-command` process.

Thread-safe. A fork forgets the parent's process without disturbing it; an interrupt in the middle of an answer ends the
process, so that no answer is ever taken for another's.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from aios.errors import AiosError

_FOUND = re.compile(rb"^([0-9a-f]{40,64}) (blob|tree|commit|tag) (\d+)$")
_ENTRY = {size: re.compile(rb"(\d+) ([^\0]+)\0(.{%d})" % size, re.DOTALL) for size in (20, 32)}
_CHUNK = 1 << 16
_LIVE: weakref.WeakSet[ObjectReader] = weakref.WeakSet()


@dataclass(frozen=True, slots=True)
class GitObject:
    """`kind` is blob, tree, commit or tag; `content` without git's header."""

    oid: str
    kind: str
    content: bytes


class ObjectReader:
    """`launch` starts the process, with unbuffered pipes on stdin and stdout."""

    def __init__(self, launch: Callable[[], subprocess.Popen[bytes]]) -> None:
        self._launch = launch
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = bytearray()
        _LIVE.add(self)

    def read(self, names: Sequence[str]) -> list[GitObject | None]:
        """Objects by id or revision syntax (`main:state/company.yaml`), None for what is not there, in order.

        Names must not hold a line feed. Raises AiosError where git dies.
        """
        request = b"".join(b"contents " + os.fsencode(name) + b"\n" for name in names) + b"flush\n"
        with self._lock:
            try:
                # Git answers only at `flush`, having read all of the request: no deadlock, however long it is.
                self._send(request)
                return [self._answer() for _ in names]
            except BaseException:
                self._end()
                raise

    def close(self) -> None:
        with self._lock:
            self._end()

    def forget(self) -> None:
        """In a forked child: let go of the parent's process; the lock may have been held by a thread now gone."""
        self._lock = threading.Lock()
        process, self._process = self._process, None
        self._rest.clear()
        if process is not None:
            _close_pipes(process)
            process.returncode = 0  # not ours to wait for

    def _send(self, request: bytes) -> None:
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None:
            self._process = self._launch()
        view = memoryview(request)
        try:
            while view:
                view = view[os.write(_descriptor(self._process.stdin), view) :]
        except BrokenPipeError as error:
            raise AiosError("git stopped while objects were read.", "Run `git fsck`.") from error

    def _answer(self) -> GitObject | None:
        header = self._line()
        found = _FOUND.match(header)
        if not found:
            return None
        size = int(found[3])
        content = self._take(size + 1)[:size]
        return GitObject(found[1].decode(), found[2].decode(), content)

    def _line(self) -> bytes:
        start = 0
        while (end := self._rest.find(b"\n", start)) < 0:
            start = len(self._rest)
            self._fill()
        return self._take(end + 1)[:-1]

    def _take(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._fill(size - len(self._rest))
        taken = bytes(memoryview(self._rest)[:size])
        del self._rest[:size]
        return taken

    def _fill(self, wanted: int = _CHUNK) -> None:
        chunk = os.read(_descriptor(self._process.stdout if self._process is not None else None), max(wanted, _CHUNK))
        if not chunk:
            raise AiosError("git stopped while objects were read.", "Run `git fsck`.")
        self._rest += chunk

    def _end(self) -> None:
        process, self._process = self._process, None
        self._rest.clear()
        if process is not None:
            _close_pipes(process)
            process.kill()
            process.wait()


def _descriptor(pipe: IO[bytes] | None) -> int:
    if pipe is None:
        raise AiosError("git was closed while objects were read.")
    return pipe.fileno()


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _forget_all() -> None:
    for reader in list(_LIVE):
        reader.forget()


os.register_at_fork(after_in_child=_forget_all)


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """`mode` as git writes it: 100644, 100755, 120000 (symbolic link), 160000 (submodule) or 40000 (directory)."""

    mode: str
    oid: str

    @property
    def is_directory(self) -> bool:
        return self.mode == "40000"


def parse_tree(content: bytes, hash_size: int) -> dict[bytes, tuple[bytes, bytes]]:
    """The entries of one tree object: name → (mode, id), all as the bytes that git has; see `entry_of`."""
    return {name: (mode, oid) for mode, name, oid in _ENTRY[hash_size].findall(content)}


def entry_of(entries: Mapping[bytes, tuple[bytes, bytes]], name: str) -> TreeEntry | None:
    """One of `parse_tree`'s entries, decoded."""
    found = entries.get(os.fsencode(name))
    return None if found is None else TreeEntry(found[0].decode(), found[1].hex())
