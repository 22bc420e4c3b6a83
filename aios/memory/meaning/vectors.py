"""Vectors on disk: two files that only grow, read by mapping them into memory, written under a lock.

`keys` holds a fixed row for each vector: the key of the text that it stands for, the checksum of the vector, and the
row's own; its head names the matrix file, whose rows are little-endian float32. A vector is there once its row in
`keys` is. What a killed writer or a power cut leaves half-written is behind the last whole row, and is cut off by the
next writer. Both files are derived: where their head is not ours, they are made anew.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HEAD = struct.Struct("<8sI20s")  # mark, dimensions, name of the matrix
_ROW = struct.Struct("<qII")  # key, checksum of the vector, checksum of the two
_MARK = b"aiosvec1"
GARBAGE = 0.5  # share of rows for texts that are gone, from which the files are written anew
FEWEST = 1_000  # rows below which that is not worth it


class Vectors:
    """The vectors of one model. Readers need no lock and see whole rows only; a mapping stays valid until it is let go.

    `keys` and `matrix` are what was there at the last `reopen`.
    """

    def __init__(self, folder: Path, dimensions: int) -> None:
        self.folder = folder
        self.dimensions = dimensions
        self._stands: tuple[int, int] = (0, 0)
        self.reopen()

    def reopen(self) -> None:
        """Look at the files again, where they changed."""
        import numpy as np

        try:
            stat = self._file.stat()
            stands = (stat.st_ino, stat.st_size)
        except OSError:
            stands = (0, 0)
        if stands == self._stands and stands != (0, 0):
            return
        self._stands = stands
        self._order: NDArray[np.int64] | None = None  # that sorts the keys; made when it is first asked for
        self._matrix_name = ""
        self.keys: NDArray[np.int64] = np.zeros(0, np.int64)
        self.checksums: NDArray[np.uint32] = np.zeros(0, np.uint32)
        self.matrix: NDArray[np.float32] = np.zeros((0, self.dimensions), np.float32)
        matrix = self._matrix_file()
        count = self._whole_rows(matrix)
        if not count or matrix is None:
            return
        kind = np.dtype([("key", "<i8"), ("vector", "<u4"), ("row", "<u4")])
        rows = np.memmap(self._file, kind, "r", offset=_HEAD.size, shape=(count,))
        self.keys = np.ascontiguousarray(rows["key"])
        self.checksums = np.ascontiguousarray(rows["vector"])
        self._matrix_name = matrix.name
        self.matrix = np.memmap(matrix, "<f4", "r", shape=(count, self.dimensions))

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
        """Hold the lock; False where another process has it, unless we `wait` until it lets go. What a writer that died
        left half-done is cut off.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            self._mend()
            yield True

    def append(self, keys: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Add vectors (one row each) for keys that have none; durable on return. Call while `writing`."""
        matrix = self._matrix_file()
        if matrix is None:
            raise AssertionError("append outside writing()")
        data = [row.astype("<f4").tobytes() for row in vectors]
        with matrix.open("ab") as file:
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

    def rewrite(self, rows: Sequence[int]) -> None:
        """Only these rows, in files of their own; readers of the old ones keep what they have. Call while `writing`."""
        old = self._matrix_file()
        name = self._next_name()
        with (self.folder / name).open("wb") as file:
            for row in rows:
                file.write(self.matrix[row].tobytes())
            _put(file, b"")
        body = b"".join(_row(int(self.keys[row]), int(self.checksums[row])) for row in rows)
        self._begin(name, body)
        if old is not None:
            old.unlink(missing_ok=True)
        self.reopen()

    @property
    def _file(self) -> Path:
        return self.folder / "keys"

    def _matrix_file(self) -> Path | None:
        """Where the vectors lie, as the head says; None where the head is not ours or of other dimensions."""
        try:
            with self._file.open("rb") as file:
                mark, dimensions, name = _HEAD.unpack(file.read(_HEAD.size))
        except (OSError, struct.error):
            return None
        if mark != _MARK or dimensions != self.dimensions:
            return None
        place = self.folder / name.rstrip(b"\0").decode("ascii", "replace")
        return place if place.is_file() and place.parent == self.folder else None

    def _whole_rows(self, matrix: Path | None) -> int:
        """How many rows are whole in both files."""
        if matrix is None:
            return 0
        count = min(
            (self._file.stat().st_size - _HEAD.size) // _ROW.size, matrix.stat().st_size // (4 * self.dimensions)
        )
        with self._file.open("rb") as file:
            while count > 0:
                file.seek(_HEAD.size + (count - 1) * _ROW.size)
                row = file.read(_ROW.size)
                if len(row) == _ROW.size and _row(*_ROW.unpack(row)[:2]) == row:
                    break
                count -= 1
        return count

    def _mend(self) -> None:
        matrix = self._matrix_file()
        if matrix is None:
            name = self._next_name()
            (self.folder / name).write_bytes(b"")
            self._begin(name, b"")
            for left in self.folder.glob("vectors-*"):
                if left.name != name:
                    left.unlink(missing_ok=True)
        else:
            count = self._whole_rows(matrix)
            for file, size in ((self._file, _HEAD.size + count * _ROW.size), (matrix, count * 4 * self.dimensions)):
                if file.stat().st_size != size:
                    os.truncate(file, size)
        self._stands = (0, 0)
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


def _row(key: int, checksum: int) -> bytes:
    row = struct.pack("<qI", key, checksum)
    return row + struct.pack("<I", zlib.crc32(row))


def _put(file: IO[bytes], data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fdatasync(file.fileno())
