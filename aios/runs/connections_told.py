"""What `aios connectors` says, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from aios.connectors.registry import layers as layers_of
from aios.domain.effect import Capability
from aios.domain.event import one_line
from aios.domain.wording import counted
from aios.runs.connections import Connection


def capabilities(found: Connection) -> Mapping[str, Capability]:
    return found.connector.capabilities() if found.connector else {}


def layers(found: Connection) -> list[str]:
    return layers_of(found.connector) if found.connector else []


def mode(found: Connection) -> str:
    return found.declared.mode.value if found.declared else ""


def properties(capability: Capability) -> Iterator[tuple[str, str]]:
    needed = capability.payload.get("required", ())
    names = [name if name in needed else f"{name}?" for name in capability.payload.get("properties", {})]
    if names:
        yield "takes", ", ".join(sorted(names, key=lambda name: name.endswith("?")))
    if not capability.writes:
        yield (
            "keeps its place",
            "yes: each read brings what is new" if capability.cursor else "no: each read stands alone",
        )
        return
    proves = "“not found” proves that it never happened" if capability.authoritative else "“not found” proves nothing"
    yield "looked up", f"{capability.lookup.rstrip('.')}; {proves}" if capability.lookup else proves
    yield "undone by", capability.compensation or "nothing: it cannot be undone"
    if capability.each:
        yield "one effect each", f"for every item of `{capability.each}`"
    if capability.transient:
        yield "tried again", f"after {', '.join(capability.transient)}"
    if capability.shows:
        yield "preview shows", capability.shows


def told(each: Connection, now: datetime) -> Iterator[tuple[str, str]]:
    health = each.health
    for calls in (health.week, health.month):
        rate = "" if calls.rate is None else f", {calls.rate:.1%} failed" if calls.failed else ", none failed"
        refused = f", {calls.refused} refused" if calls.refused else ""
        yield f"{calls.days} days", f"{counted(calls.calls, 'call')}{rate}{refused}"
    yield "last success", _ago(health.succeeded, now) or "none is known"
    if health.failed:
        row = f", {health.failing} in a row" if health.failing > 1 else ""
        yield "last failure", f"{_ago(health.failed, now)}{row}: {one_line(health.words)}"
    if each.quota:
        yield "quota", f"{each.quota}, as it said {_ago(each.quota.at, now)}"
    for said in dict.fromkeys(
        f"{secret.named.variable} {secret.wrong or f'is set, the same for {days(secret.age)}'}"
        for secret in each.credentials
    ):
        yield "credentials", said
    for drift in each.drift:
        yield "drift", drift
    for waits in each.waits:
        yield "waits for", waits


def _ago(moment: str, now: datetime) -> str:
    if not moment:
        return ""
    past = now - datetime.fromisoformat(moment)
    return f"{moment[:16].replace('T', ' ')} ({_span(past)} ago)" if past >= timedelta() else moment


def _span(past: timedelta) -> str:
    minutes = int(past.total_seconds()) // 60
    if minutes < 60:
        return counted(minutes, "minute")
    return counted(minutes // 60, "hour") if minutes < 48 * 60 else counted(past.days, "day")


def days(age: timedelta | None) -> str:
    return "less than a day" if age is None or age.days < 1 else counted(age.days, "day")


def row(each: Connection) -> dict[str, Any]:
    return {
        "name": each.name,
        "product": each.declared.use if each.declared else "",
        "offers": sorted(capabilities(each)),
        "mode": mode(each),
        "state": each.state,
        "last success": each.health.succeeded,
        "drift": len(each.drift),
        "waits for": list(each.waits),
    }


def shown(each: Connection, now: datetime) -> dict[str, Any]:
    waits = each.waits
    more = f" (and {len(waits) - 1} more)" if len(waits) > 1 else ""
    last = each.health.succeeded
    ago = f"{_span(now - datetime.fromisoformat(last))} ago" if last else ""
    return {
        "offers": ", ".join(sorted(capabilities(each))),
        "last success": ago,
        "drift": str(len(each.drift)) if each.drift else "",
        "waits for": f"{one_line(waits[0], 90)}{more}" if waits else "",
    }


def detail(each: Connection) -> dict[str, Any]:
    return {
        "sidecars": layers(each),
        "capabilities": {
            name: {"writes": found.writes, "summary": found.summary, **dict(properties(found))}
            for name, found in capabilities(each).items()
        },
        "settings": dict(each.declared.settings) if each.connector and each.declared else {},
    }


def health_row(each: Connection) -> dict[str, Any]:
    health = each.health
    return {
        "calls": {
            str(calls.days): {
                "calls": calls.calls,
                "failed": calls.failed,
                "refused": calls.refused,
                "rate": calls.rate,
            }
            for calls in (health.week, health.month)
        },
        "last failure": {"at": health.failed, "words": health.words, "in a row": health.failing}
        if health.failed
        else None,
        "quota": {"left": each.quota.left, "of": each.quota.of, "at": each.quota.at} if each.quota else None,
        "credentials": [
            {"variable": c.named.variable, "wrong": c.wrong, "days": c.age.days if c.age is not None else None}
            for c in each.credentials
        ],
        "drift": list(each.drift),
        "breaker": each.rests or "closed",
    }
