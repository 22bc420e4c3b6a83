"""Stand-ins: small services that speak what a real one speaks, started by the tests on 127.0.0.1.

Each is written from the service's public documentation and held against the real one by the tests marked `peer`, which
run the same cases beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Stand:
    """A running service. `address` is `host:port`; `settings` gives a connector's settings for an address, which may be
    that of a proxy in front. `count` tells how often each act was done, by a name for what it made, as the service
    itself counts; `snapshot` everything it holds, to be compared."""

    address: str
    settings: Callable[[str], Mapping[str, Any]]
    count: Callable[[], Counter[str]]
    snapshot: Callable[[], Any]
    stop: Callable[[], None]
