"""Keys that make things idempotent: hashes of canonical JSON.

Equal content gives an equal key on every machine and in every version; see the table in the guide (`docs` in README).
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def canonical_json(value: Any) -> str:
    """Sorted keys, no spaces, UTF-8 kept: one text for one value. Raises ValueError on NaN and infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def key_of(*parts: Any) -> str:
    """`sha256:<hex>` over the canonical JSON of the parts."""
    return "sha256:" + hashlib.sha256(canonical_json(parts).encode()).hexdigest()


def digest(content: bytes) -> str:
    """`sha256:<hex>` of bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def run_ulid(at: datetime, seed: str) -> str:
    """A ULID in lower case: 48 bits of milliseconds, 80 bits of `seed`'s hash.

    The same moment and seed (a trigger key, or randomness given by `aios.app`) give the same id: that is what makes a
    trigger idempotent.
    """
    milliseconds = int(at.astimezone(UTC).timestamp() * 1000)
    number = (milliseconds << 80) | int.from_bytes(hashlib.sha256(seed.encode()).digest()[:10])
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


def moment_of_ulid(ulid: str) -> datetime:
    """When the run began. Raises ValueError for what is no ULID."""
    if len(ulid) != 26:
        raise ValueError(f"`{ulid[:40]}` is no ULID")
    number = 0
    for char in ulid[:10]:
        number = number << 5 | _CROCKFORD.index(char)
    return datetime.fromtimestamp(number / 1000, UTC)
