"""Records in an append-only file: framed, numbered and checksummed.

A frame is `magic, number, length, crc32` (16 bytes, big-endian) and the payload; numbers count from 1 without a gap.
What a crash leaves at the end of the file is recognised and left out. Damage anywhere before a whole frame is an error:
an acknowledged record is never dropped silently.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from aios.errors import AiosError, CorruptError

MAGIC = b"\xa7AJ1"
LIMIT = 256 * 1024 * 1024
_HEAD = struct.Struct(">4sIII")
_NUMBERS = struct.Struct(">II")


@dataclass(frozen=True, slots=True)
class Scan:
    """`payloads` of the whole frames in order; `end` is the offset behind the last of them."""

    payloads: tuple[bytes, ...]
    end: int


def frame(number: int, payload: bytes) -> bytes:
    """One frame. Raises AiosError where the payload is larger than a journal takes."""
    if len(payload) > LIMIT:
        raise AiosError(f"One step changes {len(payload) >> 20} MiB.", f"A step may change {LIMIT >> 20} MiB at most.")
    return _HEAD.pack(MAGIC, number, len(payload), _checksum(number, payload)) + payload


def scan(data: bytes, start: int, *, name: str) -> Scan:
    """The whole frames in `data` from `start` on. Raises CorruptError, naming the offset, where one is damaged and
    another follows it."""
    payloads: list[bytes] = []
    at = start
    while (payload := _frame_at(data, at, len(payloads) + 1)) is not None:
        payloads.append(payload)
        at += _HEAD.size + len(payload)
    later = data.find(MAGIC, at)
    while later >= 0:
        if _frame_at(data, later, None) is not None:
            hint = "Restore the file from a backup, or move it away to give up what it holds."
            raise CorruptError(f"{name} is damaged at byte {at}, before records that are whole.", hint)
        later = data.find(MAGIC, later + 1)
    return Scan(tuple(payloads), at)


def _frame_at(data: bytes, at: int, number: int | None) -> bytes | None:
    if len(data) - at < _HEAD.size:
        return None
    magic, found, length, checksum = _HEAD.unpack_from(data, at)
    begin = at + _HEAD.size
    if magic != MAGIC or (number is not None and found != number) or length > len(data) - begin:
        return None
    payload = data[begin : begin + length]
    return payload if checksum == _checksum(found, payload) else None


def _checksum(number: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(_NUMBERS.pack(number, len(payload))))
