"""A bundle opened beside the repository: only the refs that a handoff has, on nothing but what its order names."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aios.domain.finding import Finding
from aios.domain.handoff import HEAD, TRACES, Handoff, Order
from aios.errors import InvalidError
from aios.runs.verifying.before import begins_at
from aios.runs.verifying.told import wrong
from aios.store.bundles import Header, header_of, quarantined
from aios.store.git import Git
from aios.store.packs import Caps

LIMIT = 64 * 1024 * 1024  # bytes of a bundle
CAPS = Caps()


@contextmanager
def opened(git: Git, content: bytes, order: Order, handoff: Handoff) -> Iterator[tuple[Git | None, list[Finding]]]:
    """The quarantined repository, None where the bundle is not in order; nothing of it gets into `git`."""
    with tempfile.TemporaryDirectory(prefix="aios-handoff-") as folder:
        file = Path(folder) / "run.bundle"
        file.write_bytes(content)
        try:
            found = _refs(header_of(file), git, order, handoff)
            if found:
                yield None, found
                return
            with quarantined(git, file, limit=LIMIT, caps=CAPS) as (apart, _):
                yield apart, []
        except InvalidError as error:
            told = error.message.replace(f"{file} is", "it is").replace(str(file), "it")
            yield None, [wrong("bundle", "run.bundle", told)]


def _refs(header: Header, git: Git, order: Order, handoff: Handoff) -> list[Finding]:
    found = []
    wanted = {HEAD: handoff.head} | ({TRACES: handoff.traces} if handoff.traces else {})
    for name in sorted(header.refs.keys() | wanted.keys()):
        if name not in wanted:
            found.append(wrong("refs", "run.bundle", f"it brings {name}, which no handoff has"))
        elif header.refs.get(name) != wanted[name]:
            found.append(wrong("refs", "run.bundle", f"its {name} is not the commit that handoff.json names"))
    allowed = {order.main, begins_at(git, order), *filter(None, (order.tip,))}
    other = next((oid for oid in header.prerequisites if oid not in allowed), "")
    if other:
        found.append(wrong("refs", "run.bundle", f"it builds on {other[:10]}, neither the order's tip nor its main"))
    return found
