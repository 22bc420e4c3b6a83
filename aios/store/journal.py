"""The journal of a run: what it did and git does not have yet.

`append` returns when the entry is on the disk (one `fdatasync`). One process writes a journal at a time; a torn end, as
a crash leaves it, is cut off when the journal is opened. An append that fails (a full disk) leaves the file as it was.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import struct
import threading
import weakref
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from aios.errors import AiosError, BusyError, CorruptError
from aios.store.commits import Draft
from aios.store.durable import sync_directory, sync_file
from aios.store.frames import frame, scan

SUFFIX = ".journal"
_TITLE = b"aios journal 1"
_TITLE_SIZE = 64
_OWNER = re.compile(rb"process (\d+)")
_LENGTH = struct.Struct(">I")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_READS = 3
_LIVE: weakref.WeakSet[Journal] = weakref.WeakSet()


@dataclass(frozen=True, slots=True)
class Entry:
    """One step that is durable, and the commit it becomes.

    `key` is the step's idempotency key, `ref` the branch's full name. `parent` is the tip that the branch had in git
    when the entry was made; where `new_ref`, the branch had none and starts at `parent` ("": with a root commit).
    """

    key: str
    ref: str
    draft: Draft
    parent: str
    new_ref: bool = False

    def encode(self) -> bytes:
        """A length, JSON of that length, then the files' contents one after the other."""
        draft = self.draft
        files = sorted(draft.changes.items())
        facts = {
            "key": self.key,
            "ref": self.ref,
            "parent": self.parent,
            "new": self.new_ref,
            "message": draft.message,
            "at": draft.at,
            "author": draft.author,
            "email": draft.email,
            "parents": draft.parents,
            "files": [[path, -1 if content is None else len(content)] for path, content in files],
        }
        head = json.dumps(facts, separators=(",", ":")).encode()
        return b"".join((_LENGTH.pack(len(head)), head, *(content for _, content in files if content is not None)))

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        at = _LENGTH.size + _LENGTH.unpack_from(payload)[0]
        facts = json.loads(payload[_LENGTH.size : at])
        changes: dict[str, bytes | None] = {}
        for path, size in facts["files"]:
            changes[path] = None if size < 0 else payload[at : at + size]
            at += max(size, 0)
        draft = Draft(facts["message"], changes, facts["at"], facts["author"], facts["email"], tuple(facts["parents"]))
        return cls(facts["key"], facts["ref"], draft, facts["parent"], facts["new"])


class Journal:
    """The journal at `path`, opened for writing; made where there is none, removed on close where it is empty.

    Raises BusyError, naming the process, where another one has it open; CorruptError where it is damaged inside.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._descriptor = _open_locked(path)
        try:
            self._entries, self._end = self._load()
        except BaseException:
            self._release()
            raise
        self._failed = ""
        _LIVE.add(self)

    @property
    def size(self) -> int:
        """Bytes of the entries."""
        return self._end - _TITLE_SIZE

    def entries(self) -> tuple[Entry, ...]:
        """Everything appended since the last `truncate`, oldest first."""
        return tuple(self._entries)

    def append(self, entry: Entry) -> None:
        """Make the entry durable. Raises AiosError, with the journal as before, where the disk does not take it."""
        with self._lock:
            self._require_usable()
            data = frame(len(self._entries) + 1, entry.encode())
            try:
                self._write(data)
            except BaseException:
                self._take_back()
                raise
            self._end += len(data)
            self._entries.append(entry)

    def truncate(self) -> None:
        """Forget all entries; only when git has them, synced."""
        with self._lock:
            self._require_usable()
            os.ftruncate(self._descriptor, _TITLE_SIZE)
            sync_file(self._descriptor)
            self._entries, self._end = [], _TITLE_SIZE

    def close(self) -> None:
        with self._lock:
            if self._descriptor >= 0 and not self._entries and not self._failed:
                self.path.unlink(missing_ok=True)
            if self._descriptor >= 0:  # a child forked a moment ago may not yet have let go of its copy
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            self._release()

    def forget(self) -> None:
        """In a forked child: the journal and its lock stay the parent's."""
        self._lock = threading.Lock()
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _load(self) -> tuple[list[Entry], int]:
        data = _read_all(self._descriptor)
        if len(data) < _TITLE_SIZE:  # new, or its making was cut short
            os.ftruncate(self._descriptor, 0)
            _write_at(self._descriptor, _title(), 0)
            sync_file(self._descriptor, data_only=False)
            sync_directory(self.path.parent)
            return [], _TITLE_SIZE
        entries, end = _decode(data, self.path)
        if end < len(data):
            os.ftruncate(self._descriptor, end)
            sync_file(self._descriptor)
        _write_at(self._descriptor, _title(), 0)  # for the message of whoever finds it locked; need not be durable
        return entries, end

    def _write(self, data: bytes) -> None:
        try:
            _write_at(self._descriptor, data, self._end)
        except OSError as error:
            if error.errno in _FULL:
                hint = "Free some space and repeat; everything acknowledged is safe."
                raise AiosError(f"The disk is full: {self.path.name} cannot take another step.", hint) from error
            raise AiosError(f"{self.path} cannot be written: {error.strerror}.") from error
        try:
            sync_file(self._descriptor)
        except OSError as error:
            # After a failed sync nobody knows what is on the disk: trying again would only seem to succeed.
            self._failed = f"{self.path} could not be synced: {error.strerror}."
            raise AiosError(self._failed, "Look at the disk, then resume the run.") from error

    def _take_back(self) -> None:
        with suppress(OSError):
            os.ftruncate(self._descriptor, self._end)

    def _require_usable(self) -> None:
        if self._descriptor < 0:
            raise AiosError(f"The journal {self.path.name} is closed.")
        if self._failed:
            raise AiosError(self._failed, "Look at the disk, then resume the run.")

    def _release(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            self._release()


def pending_entries(path: Path) -> tuple[Entry, ...]:
    """What a journal holds, read without its lock while another process may be writing it; nothing where none is."""
    for left in range(_READS - 1, -1, -1):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return ()
        if len(data) < _TITLE_SIZE:
            return ()
        try:
            return tuple(_decode(data, path)[0])
        except CorruptError:
            if not left:  # else perhaps the writer truncated it while we read
                raise
    return ()


def last_owner(path: Path) -> int:
    """The process that has a journal open, or had it last; 0 where there is no journal."""
    try:
        with path.open("rb") as file:
            owner = _OWNER.search(file.read(_TITLE_SIZE))
    except FileNotFoundError:
        return 0
    return int(owner[1]) if owner else 0


def _decode(data: bytes, path: Path) -> tuple[list[Entry], int]:
    if not data.startswith(_TITLE + b" "):
        raise CorruptError(f"{path} is no journal (byte 0).", "Move it away if it is not yours.")
    found = scan(data, _TITLE_SIZE, name=str(path))
    return [Entry.decode(payload) for payload in found.payloads], found.end


def _title() -> bytes:
    return (_TITLE + b" process %d" % os.getpid()).ljust(_TITLE_SIZE - 1) + b"\n"


def _open_locked(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still_at(descriptor, path):
                return descriptor
        except BlockingIOError as error:
            owner = _OWNER.search(os.pread(descriptor, _TITLE_SIZE, 0))
            os.close(descriptor)
            who = f"process {owner[1].decode()}" if owner else "another process"
            raise BusyError(f"Run {path.stem} is being worked on by {who}.", "Wait for it, or end it.") from error
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its last owner removed it between our opening and our locking


def _is_still_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _read_all(descriptor: int) -> bytes:
    return b"".join(_chunks(descriptor))


def _chunks(descriptor: int) -> Iterator[bytes]:
    at = 0
    while chunk := os.pread(descriptor, 1 << 20, at):
        yield chunk
        at += len(chunk)


def _write_at(descriptor: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, at)
        view, at = view[written:], at + written


def _forget_all() -> None:
    for journal in list(_LIVE):
        journal.forget()


os.register_at_fork(after_in_child=_forget_all)
