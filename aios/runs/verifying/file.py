"""The two JSON files: the orders (ours) and the handoff beside a bundle (anybody's)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from aios.connectors.drift import drift_of
from aios.domain.finding import Finding
from aios.domain.handoff import Handoff, Order, Stage
from aios.runs.verifying.told import wrong

LIMIT = 64 * 1024  # bytes of a handoff's JSON
_OID = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})?")
_WORDS = {"order": 120, "run": 400, "version": 60, "note": 2_000, "drift": 33_000}
_COMMITS = ("main", "tip", "collected", "head", "traces")


def read_handoff(content: bytes, order: Order) -> tuple[Handoff | None, list[Finding]]:
    """The handoff, where it is one and belongs to the order."""
    if len(content) > LIMIT:
        return None, [
            wrong("file", "handoff.json", f"it has {len(content)} bytes, more than the {LIMIT} that are read")
        ]
    try:
        told = json.loads(content.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        return None, [wrong("file", "handoff.json", f"it is not the JSON that is expected: {error}")]
    problem = _problem(told)
    if problem:
        return None, [wrong("file", "handoff.json", problem)]
    handoff = Handoff(**{name: told[name] for name in told if name != "schema"} | {"stage": Stage(told["stage"])})
    found = [
        wrong("order", "handoff.json", f"`{name}` is not the one of the order {order.id}")
        for name, is_, should in (
            ("order", handoff.order, order.id),
            ("run", handoff.run, order.run),
            ("main", handoff.main, order.main),
            ("tip", handoff.tip, order.tip),
        )
        if is_ != should
    ]
    if handoff.stage.value not in order.stages:
        found.append(wrong("order", "handoff.json", f"the order {order.id} asks for no stage `{handoff.stage}`"))
    return handoff, found


def drift_problem(told: str) -> str:
    """What is wrong with what a handoff tells of services' drift; empty where nothing is."""
    try:
        for each in json.loads(told) if told else ():
            drift_of(each)
    except (ValueError, TypeError, RecursionError) as error:
        return f"`drift` is none: {error}"
    return ""


def _problem(told: Any) -> str:
    """What is wrong with the shape; empty where nothing is."""
    wanted = {"schema", *(each.name for each in fields(Handoff))}
    if not isinstance(told, Mapping):
        return "it is no mapping"
    if set(told) != wanted:
        return f"it has other fields than it should: {', '.join(sorted(set(told) ^ wanted))}"
    for name, value in told.items():
        if not isinstance(value, str) or "\0" in value:
            return f"`{name}` is no text"
        if name in _COMMITS and not _OID.fullmatch(value):
            return f"`{name}` is no commit"
        if len(value) > _WORDS.get(name, 64):
            return f"`{name}` is too long"
    if told["schema"] != "handoff.v1":
        return "its `schema` is not handoff.v1"
    if told["stage"] not in (Stage.COLLECT.value, Stage.AGENT.value):
        return f"nothing is handed over after a stage `{told['stage']}`"
    if not told["head"]:
        return "it names no `head`"
    return drift_problem(told["drift"])


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands there twice")
    return found
