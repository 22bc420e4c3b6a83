"""Vectors on disk: two files that only grow, read by mapping them into memory, written under a lock.

`keys` holds a fixed row for each vector: the key of the text that it stands for, the checksum of the vector, and the
row's own; its head names the matrix file, whose rows are little-endian float32. A vector is there once its row in
`keys` is. What a killed writer or a power cut leaves half-written is behind the last whole row, and is cut off by the
next writer. Both files are derived: where their head is not ours, they are made anew.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from aios.memory.meaning.alone import alone

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HEAD = struct.Struct("<8sI20s")  # mark, dimensions, name of the matrix
_ROW = struct.Struct("<qII")  # key, checksum of the vector, checksum of the two
_KEYED = struct.Struct("<qI")  # what a row's own checksum is of
_MARK = b"aiosvec1"
_NAME = re.compile(r"vectors-\d{6,11}")
GARBAGE = 0.5  # share of rows for texts that are gone, from which the files are written anew
FEWEST = 1_000  # rows below which that is not worth it

_Standing = tuple[int, int, int]  # inode, size and time of a file


class Vectors:
    """The vectors of one model. Readers need no lock and see whole rows only; a mapping stays valid until it is let go.

    `keys` and `matrix` are what was there at the last `reopen`.
    """

    def __init__(self, folder: Path, dimensions: int) -> None:
        self.folder = folder
        self.dimensions = dimensions
        self._stands: _Standing | None = None
        self._matrix_name = ""
        self.matrix: NDArray[np.float32]
        self.reopen()

    def reopen(self) -> None:
        """Look at the files again, where they changed."""
        if self._stands is None or self._stands != _standing(self._file):
            while not self._read():
                pass

    def _read(self) -> bool:
        """False where the files were written anew meanwhile, so that these keys have lost their matrix."""
        import numpy as np

        try:
            with self._file.open("rb") as file:
                stands, content = _stood(os.fstat(file.fileno())), file.read()
        except OSError:
            stands, content = None, b""
        name = _matrix_named(content, self.dimensions)
        matrix: NDArray[np.float32] = np.zeros((0, self.dimensions), np.float32)
        count = 0
        try:
            if name:
                count = _whole_rows(content, (self.folder / name).stat().st_size // (4 * self.dimensions))
            if count:
                matrix = np.memmap(self.folder / name, "<f4", "r", shape=(count, self.dimensions))
        except FileNotFoundError:
            if stands != _standing(self._file):
                return False
            name, count = "", 0
        self._stands, self._matrix_name, self.matrix = stands, name, matrix
        self._order: NDArray[np.int64] | None = None  # that sorts the keys; made when it is first asked for
        kind = np.dtype([("key", "<i8"), ("vector", "<u4"), ("row", "<u4")])
        rows = np.frombuffer(content, kind, count, _HEAD.size if count else 0)
        self.keys: NDArray[np.int64] = rows["key"].copy()
        self.checksums: NDArray[np.uint32] = rows["vector"].copy()
        return True

    @property
    def matrix_name(self) -> str:
        """The name of the file that `matrix` was read from; empty where there is none."""
        return self._matrix_name

    def __len__(self) -> int:
        return len(self.keys)

    def rows_of(self, keys: Sequence[int]) -> NDArray[np.int64]:
        """The row of each key; -1 where there is none."""
        import numpy as np

        wanted = np.asarray(keys, np.int64)
        found = np.full(len(wanted), -1, np.int64)
        if len(wanted) and len(self.keys):
            if self._order is None:
                self._order = np.argsort(self.keys, kind="stable")
            places = np.searchsorted(self.keys, wanted, sorter=self._order)
            rows = self._order[np.minimum(places, len(self.keys) - 1)]
            there = self.keys[rows] == wanted
            found[there] = rows[there]
        return found

    def missing(self, keys: Sequence[int]) -> list[int]:
        """Those of the keys that have no vector, each once, in their order."""
        known = set(self.keys.tolist())
        return [key for key in dict.fromkeys(keys) if key not in known]

    def damaged(self) -> list[int]:
        """Keys whose vectors are not what was written."""
        rows = zip(self.keys.tolist(), self.checksums.tolist(), range(len(self)), strict=True)
        return [key for key, checksum, row in rows if zlib.crc32(self.matrix[row].tobytes()) != checksum]

    @contextmanager
    def writing(self, *, wait: bool = False) -> Iterator[bool]:
        """Hold the lock; False where another process has it, unless we `wait`. What a writer that died left half-done
        is cut off.
        """
        with alone(self.folder, wait=wait) as mine:
            if mine:
                self._mend()
            yield mine

    def append(self, keys: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Add vectors (one row each) for keys that have none; durable on return. Call while `writing`."""
        if not self._matrix_name:
            raise AssertionError("append outside writing()")
        data = [row.astype("<f4").tobytes() for row in vectors]
        with (self.folder / self._matrix_name).open("ab") as file:
            _put(file, b"".join(data))
        with self._file.open("ab") as file:
            _put(file, b"".join(_row(key, zlib.crc32(each)) for key, each in zip(keys, data, strict=True)))
        self.reopen()

    def keep_only(self, keys: Sequence[int]) -> bool:
        """Write the files anew without what is not among the keys, where that is worth it. Call while `writing`."""
        import numpy as np

        wanted = np.isin(self.keys, np.asarray(keys, np.int64))
        gone = len(self) - int(wanted.sum())
        if len(self) < FEWEST or gone <= GARBAGE * len(self):
            return False
        self.rewrite([int(row) for row in np.nonzero(wanted)[0]])
        return True

    def drop(self, keys: Sequence[int]) -> None:
        """Forget the vectors of these keys. Call while `writing`."""
        import numpy as np

        if keys:
            kept = ~np.isin(self.keys, np.asarray(keys, np.int64))
            self.rewrite([int(row) for row in np.nonzero(kept)[0]])

    def rewrite(self, rows: Sequence[int]) -> None:
        """Only these rows, in files of their own; readers of the old ones keep what they have. Call while `writing`."""
        old, name = self._matrix_name, self._next_name()
        with (self.folder / name).open("wb") as file:
            for row in rows:
                file.write(self.matrix[row].tobytes())
            _put(file, b"")
        body = b"".join(_row(int(self.keys[row]), int(self.checksums[row])) for row in rows)
        self._begin(name, body)
        if old:
            (self.folder / old).unlink(missing_ok=True)
        self.reopen()

    @property
    def _file(self) -> Path:
        return self.folder / "keys"

    def _mend(self) -> None:
        self._stands = None
        self.reopen()
        if self._matrix_name:
            matrix = self.folder / self._matrix_name
            sizes = {self._file: _HEAD.size + len(self) * _ROW.size, matrix: len(self) * 4 * self.dimensions}
            for file, size in sizes.items():
                if file.stat().st_size != size:
                    os.truncate(file, size)
        else:
            name = self._next_name()
            (self.folder / name).write_bytes(b"")
            self._begin(name, b"")
            for left in self.folder.glob("vectors-*"):
                if left.name != name:
                    left.unlink(missing_ok=True)
        self.reopen()

    def _next_name(self) -> str:
        """A name that no matrix had, so that neither a reader nor a graph takes one for another."""
        known = [each.name.rpartition("-")[2] for each in self.folder.glob("*vectors-*")]
        return f"vectors-{max((int(number) for number in known if number.isdigit()), default=0) + 1:06}"

    def _begin(self, matrix: str, body: bytes) -> None:
        """A new `keys` file in the place of the old, at once."""
        fresh = self.folder / "keys.new"
        with fresh.open("wb") as file:
            _put(file, _HEAD.pack(_MARK, self.dimensions, matrix.encode()) + body)
        fresh.replace(self._file)
        with suppress(OSError):
            descriptor = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _standing(file: Path) -> _Standing | None:
    try:
        return _stood(file.stat())
    except OSError:
        return None


def _stood(stat: os.stat_result) -> _Standing:
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _matrix_named(content: bytes, dimensions: int) -> str:
    """The name of the file where the vectors lie; empty where the head is not ours or of other dimensions."""
    if len(content) < _HEAD.size:
        return ""
    mark, has, padded = _HEAD.unpack_from(content)
    name = str(padded.rstrip(b"\0"), "ascii", "replace")
    return name if mark == _MARK and has == dimensions and _NAME.fullmatch(name) else ""


def _whole_rows(content: bytes, vectors: int) -> int:
    """How many rows are whole, where there are so many whole vectors."""
    count = min((len(content) - _HEAD.size) // _ROW.size, vectors)
    while count:
        key, checksum, own = _ROW.unpack_from(content, _HEAD.size + (count - 1) * _ROW.size)
        if own == zlib.crc32(_KEYED.pack(key, checksum)):
            break
        count -= 1
    return count


def _row(key: int, checksum: int) -> bytes:
    return _ROW.pack(key, checksum, zlib.crc32(_KEYED.pack(key, checksum)))


def _put(file: IO[bytes], data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fdatasync(file.fileno())
