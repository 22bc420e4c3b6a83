"""What lies in the folders that jobs leave: for each order `<id>/run.bundle` and `<id>/handoff.json`.

It was written by jobs that nobody trusts: it is read once, bounded, and never through a link.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aios.domain.finding import Finding
from aios.domain.handoff import Handoff, Order, Stage
from aios.runs.context import Context
from aios.runs.handing_over import BUNDLE, HANDOFF
from aios.runs.verifying import bundle, file
from aios.runs.verifying.told import wrong
from aios.runs.verifying.verify import Material, Verified, verify


def verify_folder(
    context: Context,
    folder: Path,
    orders: Sequence[Order],
    collected: Path | None = None,
    digests: Mapping[str, str] | None = None,
) -> Iterator[Verified]:
    """Each order's handoff, judged; one that is not there is told as a finding. `digests` is what the collect stage
    itself said that it handed over: what lies in its folder was within reach of those who came after it."""
    for order in orders:
        material, found = material_of(folder, order, collected, digests)
        yield Verified(order, "", tuple(found)) if material is None else verify(context, order, material)


def material_of(
    folder: Path, order: Order, collected: Path | None = None, digests: Mapping[str, str] | None = None
) -> tuple[Material | None, list[Finding]]:
    """What was handed over for an order, read once; None with what is wrong where it cannot be."""
    content: dict[str, bytes] = {}
    for name, limit in ((BUNDLE, bundle.LIMIT), (HANDOFF, file.LIMIT)):
        found, why = _read(folder / order.id / name, limit)
        if found is None:
            return None, [
                wrong("missing", f"{order.id}/{name}", why, "look at the log of the job that works on orders")
            ]
        content[name] = found
    before, problem = (None, []) if collected is None else _collected(collected, order, digests)
    return (None, problem) if problem else (Material(content[BUNDLE], content[HANDOFF], before), [])


def digest_of(handoff: bytes) -> str:
    """What names a stage's handoff.json; that names all else."""
    return hashlib.sha256(handoff).hexdigest()


def _collected(folder: Path, order: Order, digests: Mapping[str, str] | None) -> tuple[Handoff | None, list[Finding]]:
    """What the collect stage handed over; None where it had nothing to do, or nothing came of it."""
    place = folder / order.id / HANDOFF
    told = None if digests is None else digests.get(order.id, "")
    if Stage.COLLECT.value not in order.stages or not (told or place.exists()):
        return None, []
    content, why = _read(place, file.LIMIT)
    if content is None:
        return None, [wrong("missing", f"{order.id}/{HANDOFF}", f"of the collect stage: {why}")]
    if told is not None and digest_of(content) != told:
        return None, [wrong("collected", f"{order.id}/{HANDOFF}", "it is not what the collect stage handed over")]
    handoff, found = file.read_handoff(content, order)
    if handoff is not None and not found and handoff.stage is not Stage.COLLECT:
        found = [wrong("order", f"{order.id}/{HANDOFF}", "the collect stage's handoff is that of another stage")]
    return handoff, found


def _read(place: Path, limit: int) -> tuple[bytes | None, str]:
    """A plain file's bytes, or why there are none."""
    try:
        opened = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        return None, f"it cannot be read: {error.strerror}"
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        return None, "it is no plain file"
    with os.fdopen(opened, "rb") as stream:
        content = stream.read(limit + 1)
    return (None, f"it has more than {limit} bytes") if len(content) > limit else (content, "")


def strangers(folder: Path, orders: Sequence[Order]) -> list[str]:
    """Folders of handoffs that no order asked for; they are not looked into."""
    asked = {each.id for each in orders}
    found = (path.parent.relative_to(folder).as_posix() for path in folder.rglob(HANDOFF))
    return sorted(name for name in found if name not in asked)
