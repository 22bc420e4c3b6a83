"""What lies in the folders that jobs leave: `orders.json`, and for each order `<id>/run.bundle` and its JSON.

Everything but the orders was written by jobs that nobody trusts: it is read once, bounded, and never through a link.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from aios.domain.finding import Finding
from aios.domain.handoff import Order, Stage
from aios.errors import UsageError
from aios.runs.context import Context
from aios.runs.verifying import bundle, file
from aios.runs.verifying.told import wrong
from aios.runs.verifying.verify import Material, Verified, verify

BUNDLE, HANDOFF, ORDERS = "run.bundle", "handoff.json", "orders.json"
_NEEDED = {"id", "run", "main", "tip", "stages"}


def read_orders(folder: Path) -> list[Order]:
    """The orders of a tick. Raises UsageError where there are none that can be read."""
    place = folder / ORDERS
    try:
        told = json.loads(place.read_bytes())
        version, orders = told["schema"], [_order(each) for each in told["orders"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "give the folder that `aios github plan` wrote"
        raise UsageError(f"{place} holds no orders: {error}", hint) from error
    if version != "orders.v1":
        raise UsageError(f"{place} is of another version than this program", "use one version in all jobs")
    if len({each.id for each in orders}) != len(orders):
        raise UsageError(f"{place} names an order twice", "run `aios github plan` again")
    return orders


def _order(told: Mapping[str, Any]) -> Order:
    known = {each.name for each in fields(Order)}
    if not known | {"schema"} >= set(told) >= _NEEDED:
        raise ValueError("an order has other fields than it should")
    values = {name: value for name, value in told.items() if name in known}
    order = Order(**values | {"stages": tuple(map(str, told["stages"]))})
    if not all(isinstance(each, str) for each in (order.id, order.run, order.main, order.tip, order.at)):
        raise ValueError("an order's field is no text")
    if not order.id or ".." in order.id.split("/") or order.id.startswith("/") or order.run.count("/") != 2:
        raise ValueError(f"`{order.id}` is no order")
    return order


def verify_folder(
    context: Context, folder: Path, orders: Sequence[Order], collected: Path | None = None
) -> Iterator[Verified]:
    """Each order's handoff, judged; one that is not there is told as a finding."""
    for order in orders:
        material, found = material_of(folder, order, collected)
        yield Verified(order, "", tuple(found)) if material is None else verify(context, order, material)


def material_of(folder: Path, order: Order, collected: Path | None = None) -> tuple[Material | None, list[Finding]]:
    """What was handed over for an order, read once; None with what is wrong where it cannot be."""
    content: dict[str, bytes] = {}
    for name, limit in ((BUNDLE, bundle.LIMIT), (HANDOFF, file.LIMIT)):
        found, why = _read(folder / order.id / name, limit)
        if found is None:
            return None, [
                wrong("missing", f"{order.id}/{name}", why, "look at the log of the job that works on orders")
            ]
        content[name] = found
    head, problem = (None, []) if collected is None else _collected_head(collected, order)
    return (None, problem) if problem else (Material(content[BUNDLE], content[HANDOFF], head), [])


def _collected_head(folder: Path, order: Order) -> tuple[str | None, list[Finding]]:
    """Where the collect stage ended; None where it had nothing to do."""
    if Stage.COLLECT.value not in order.stages:
        return None, []
    content, why = _read(folder / order.id / HANDOFF, file.LIMIT)
    if content is None:
        return None, [wrong("missing", f"{order.id}/{HANDOFF}", f"of the collect stage: {why}")]
    handoff, found = file.read_handoff(content, order)
    if handoff is not None and not found and handoff.stage is not Stage.COLLECT:
        found = [wrong("order", f"{order.id}/{HANDOFF}", "the collect stage's handoff is that of another stage")]
    return (handoff.head if handoff else None), found


def _read(place: Path, limit: int) -> tuple[bytes | None, str]:
    """A plain file's bytes, or why there are none."""
    try:
        opened = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        return None, f"it cannot be read: {error.strerror}"
    with os.fdopen(opened, "rb") as stream:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            return None, "it is no plain file"
        content = stream.read(limit + 1)
    return (None, f"it has more than {limit} bytes") if len(content) > limit else (content, "")


def strangers(folder: Path, orders: Sequence[Order]) -> list[str]:
    """Folders of handoffs that no order asked for; they are not looked into."""
    asked = {each.id for each in orders}
    found = (path.parent.relative_to(folder).as_posix() for path in folder.rglob(HANDOFF))
    return sorted(name for name in found if name not in asked)
