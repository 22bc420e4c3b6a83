"""A pack looked through before git may unpack it: how many objects, how large each is, how large all are together.

Nothing is unpacked further than it says it goes, and what a delta makes is known from its first bytes. A small pack
that would become gigabytes is refused while it is still small.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from aios.errors import InvalidError

_HEAD = 12  # "PACK", version, number of objects
_COMMIT, _TREE, _BLOB, _TAG, _OFFSET_DELTA, _REF_DELTA = 1, 2, 3, 4, 6, 7
_NAMES = {_COMMIT: "commit", _TREE: "tree", _BLOB: "blob", _TAG: "tag"}
_VARINT = 10  # bytes of a number that is of any use


@dataclass(frozen=True, slots=True)
class Caps:
    """What a pack from outside may hold. Sizes are in bytes, unpacked."""

    objects: int = 50_000
    largest: int = 20 * 1024 * 1024
    tree: int = 2 * 1024 * 1024  # one folder's listing
    total: int = 256 * 1024 * 1024


def survey(pack: bytes, caps: Caps, *, hash_size: int = 20) -> int:
    """Look through a whole pack; how many bytes its objects have. Raises InvalidError where it is none, where it holds
    more than `caps` allow, or where its objects are not as large as it says."""
    if pack[:4] != b"PACK" or len(pack) < _HEAD + hash_size or pack[4:8] not in (b"\0\0\0\2", b"\0\0\0\3"):
        raise InvalidError("it holds no pack of git's")
    count = int.from_bytes(pack[8:12])
    if count > caps.objects:
        raise InvalidError(f"it holds {count} objects, more than the {caps.objects} that are read")
    at, total, end = _HEAD, 0, len(pack) - hash_size
    for _ in range(count):
        kind, size, at = _entry(pack, at, end, hash_size)
        size, at = _object(pack, at, end, kind, size, caps)
        total += size
        if total > caps.total:
            raise InvalidError(f"it would unpack to more than {caps.total} bytes")
    if at != end:
        raise InvalidError("something lies behind its last object")
    return total


def _entry(pack: bytes, at: int, end: int, hash_size: int) -> tuple[int, int, int]:
    """The kind of the object at `at`, the size it says, and where its data begins."""
    first = _byte(pack, at, end)
    kind, size, shift, at = first >> 4 & 7, first & 15, 4, at + 1
    more = first & 128
    while more:
        byte = _byte(pack, at, end)
        size, shift, at, more = size | (byte & 127) << shift, shift + 7, at + 1, byte & 128
        if shift > 7 * _VARINT:
            raise InvalidError("it holds an object of no possible size")
    if kind == _REF_DELTA:
        at += hash_size
    elif kind == _OFFSET_DELTA:
        while _byte(pack, at, end) & 128:
            at += 1
        at += 1
    elif kind not in _NAMES or kind == _TAG:
        raise InvalidError("it holds an object that is neither a commit nor a tree nor a blob")
    return kind, size, at


def _object(pack: bytes, at: int, end: int, kind: int, size: int, caps: Caps) -> tuple[int, int]:
    """The size of the object whose data begins at `at`, and where the next one begins."""
    _require_small(kind, size, caps)
    unpacker = zlib.decompressobj()
    # No more than that many bytes take so much room when packed; and what is behind them is not copied each time.
    stop = min(end, at + size + (size >> 8) + 1024)
    try:
        data = unpacker.decompress(memoryview(pack)[at:stop], size + 1)
    except zlib.error as error:
        raise InvalidError(f"an object in it cannot be unpacked: {error}") from error
    if len(data) != size or not unpacker.eof:
        raise InvalidError("an object in it is not as large as it says")
    at = stop - len(unpacker.unused_data)
    if kind in (_OFFSET_DELTA, _REF_DELTA):
        size = max(size, _made(data))
        _require_small(kind, size, caps)
    return size, at


def _made(delta: bytes) -> int:
    """How large what a delta makes is: its second number."""
    at, numbers = 0, []
    for _ in range(2):
        number = shift = 0
        while True:
            byte = _byte(delta, at, len(delta))
            number, shift, at = number | (byte & 127) << shift, shift + 7, at + 1
            if not byte & 128:
                break
            if shift > 7 * _VARINT:
                raise InvalidError("it holds a delta of no possible size")
        numbers.append(number)
    return numbers[1]


def _require_small(kind: int, size: int, caps: Caps) -> None:
    limit = caps.tree if kind == _TREE else caps.largest
    if size > limit:
        raise InvalidError(
            f"it holds a {_NAMES.get(kind, 'delta')} of {size} bytes, more than the {limit} that are read"
        )


def _byte(data: bytes, at: int, end: int) -> int:
    if at >= end:
        raise InvalidError("it was cut off")
    return data[at]
