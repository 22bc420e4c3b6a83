"""`state/connectors/<name>.yaml` as the registry reads it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any

from aios.connectors.mapping_declared import Translation, translations
from aios.connectors.sidecars.guard import SchemaPolicy
from aios.connectors.sidecars.limits import Bounds
from aios.domain.finding import Finding, errors
from aios.domain.record import Document, Where
from aios.domain.slug import is_slug

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[smhdw])\Z")
_RATE = re.compile(
    r"(?P<calls>[1-9]\d{0,8})\s*/\s*(?P<number>\d+(?:\.\d+)?)?\s*(?P<unit>s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)\Z"
)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_PER = {"per_second": 1.0, "per_minute": 60.0, "per_hour": 3_600.0, "per_day": 86_400.0}
_BOUNDS = ("items", "bytes", "timeout")
_BREAKER = ("failures", "pause")
_ACTS = ("per_apply", "per_day")
_RETRY = ("attempts", "backoff", "ceiling")
_LONGEST = 366 * 86_400.0  # seconds: what is longer was mistyped

Wrong = Callable[[Where, str, str, str], None]


class Mode(StrEnum):
    OBSERVE = "observe"
    DRY_RUN = "dry-run"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class Declaration:
    """`capabilities` None means all; `rates` are (calls, seconds), `breaker` (failures, pause); times are seconds.
    `acts` caps effects."""

    name: str
    use: str
    document: Document
    settings: Mapping[str, Any] = field(default_factory=dict)
    capabilities: frozenset[str] | None = None
    rates: tuple[tuple[int, float], ...] = ()
    acts: Mapping[str, int] = field(default_factory=dict)
    attempts: int = 3
    backoff: float = 1.0
    ceiling: float = 30.0
    mode: Mode = Mode.LIVE
    bounds: Bounds = field(default_factory=Bounds)
    breaker: tuple[int, float] | None = None
    schema_policy: SchemaPolicy = SchemaPolicy.EVOLVE
    translations: Mapping[str, Translation] = field(default_factory=dict)

    def place(self, *where: str) -> tuple[str, int, int]:
        """Path, line and column of a part of it."""
        return self.document.path, *self.document.position(where)


def declare(document: Document) -> tuple[Declaration | None, list[Finding]]:
    """What a document declares, or the findings that say why it declares nothing. Its schema is checked elsewhere;
    what does not fit it here is a finding all the same, never an exception."""
    data = document.data
    findings: list[Finding] = []

    def wrong(where: Where, rule: str, message: str, hint: str) -> None:
        findings.append(Finding(document.path, *document.position(where), rule, message, hint))

    use, settings, mode = data.get("use"), data.get("settings", {}), data.get("mode", "live")
    name = document.path.rpartition("/")[2].removesuffix(".yaml")
    if not is_slug(name):
        message = f"`{name[:60]}` cannot be a name: lower-case letters and digits joined by single hyphens"
        wrong((), "connector-name", message, "rename the file with `git mv`")
    if not isinstance(use, str) or not use:
        wrong(("use",), "connector-use", "`use` does not say which connector it is", "static-site, access-log or files")
    if not isinstance(settings, Mapping):
        wrong(("settings",), "connector-settings", "`settings` is not a mapping", "see the connector's settings")
    if mode not in tuple(Mode):
        wrong(("mode",), "connector-mode", f"`mode` is `{str(mode)[:40]}`", "observe, dry-run or live")
    rates = _rates(data.get("limits", {}), wrong)
    acts = _acts(data.get("limits", {}), wrong)
    retry = data.get("retry", {})
    if not isinstance(retry, Mapping):
        wrong(("retry",), "connector-retry", "`retry` is not a mapping", "attempts: 3")
        retry = {}
    _only(retry, "retry", _RETRY, wrong)
    attempts = retry.get("attempts", 3)
    if not isinstance(attempts, int) or isinstance(attempts, bool) or not 1 <= attempts <= 20:
        wrong(("retry", "attempts"), "connector-retry", "`attempts` is not a number from 1 to 20", "3 is a good one")
        attempts = 1
    backoff = _time(retry.get("backoff", "1s"), ("retry", "backoff"), wrong)
    ceiling = _time(retry.get("ceiling", "30s"), ("retry", "ceiling"), wrong)
    listed = data.get("capabilities")
    if listed is not None and not (isinstance(listed, list) and all(isinstance(name, str) for name in listed)):
        wrong(("capabilities",), "connector-capabilities", "`capabilities` is not a list of names", "[cms.publish]")
        listed = []
    bounds = _bounds(data.get("limits"), wrong)
    breaker = _breaker(data["breaker"], wrong) if "breaker" in data else None
    policy = data.get("schema_policy", SchemaPolicy.EVOLVE.value)
    if policy not in tuple(SchemaPolicy):
        message = f"`schema_policy` is `{str(policy)[:40]}`"
        wrong(("schema_policy",), "connector-schema-policy", message, ", ".join(SchemaPolicy))
    translated = translations(data["map"], wrong) if "map" in data else {}
    if errors(findings):
        return None, findings
    names = None if listed is None else frozenset(listed)
    return (
        Declaration(
            name,
            str(use),
            document,
            settings,
            names,
            rates,
            acts,
            attempts,
            backoff,
            ceiling,
            Mode(str(mode)),
            bounds,
            breaker,
            SchemaPolicy(str(policy)),
            translated,
        ),
        findings,
    )


def _only(given: Mapping[Any, Any], field: str, known: Iterable[str], wrong: Wrong) -> None:
    """A name that nobody reads would be a limit that nobody keeps."""
    for name in given:
        if name not in known and not str(name).startswith("x-"):
            message = f"`{field}` has no `{str(name)[:40]}`"
            wrong((field, str(name)), f"connector-{field}", message, f"there are {', '.join(known)}")


def _time(value: Any, where: Where, wrong: Wrong) -> float:
    found = _DURATION.match(value) if isinstance(value, str) else None
    seconds = float(found["number"]) * _UNITS[found["unit"]] if found else math.inf
    if seconds > _LONGEST:
        wrong(where, "connector-time", f"`{str(value)[:40]}` is no length of time", "a number and a unit: 2s, 1m")
        return 0.0
    return seconds


def _bounds(limits: Any, wrong: Wrong) -> Bounds:
    """`items`, `bytes` and `timeout`; that `limits` is a mapping is said with the rates."""
    if not isinstance(limits, Mapping):
        return Bounds()
    counts: dict[str, int] = {}
    for name in ("items", "bytes"):
        if name in limits and (type(limits[name]) is not int or limits[name] < 1):
            said = f"`{name}` is `{str(limits[name])[:40]}`, not a number of {name}"
            wrong(("limits", name), "connector-limits", said, f"{name}: 1000")
        elif name in limits:
            counts[name] = limits[name]
    seconds = _time(limits["timeout"], ("limits", "timeout"), wrong) if "timeout" in limits else None
    if seconds == 0 and not str(limits["timeout"]).strip("0smhdw."):
        wrong(("limits", "timeout"), "connector-limits", "`timeout` is no time at all", "timeout: 60s")
    return Bounds(counts.get("items"), counts.get("bytes"), seconds or None)


def _breaker(given: Any, wrong: Wrong) -> tuple[int, float] | None:
    if not isinstance(given, Mapping):
        wrong(("breaker",), "connector-breaker", "`breaker` is not a mapping", "{failures: 5, pause: 10m}")
        return None
    _only(given, "breaker", _BREAKER, wrong)
    failures = given.get("failures", 5)
    if type(failures) is not int or not 1 <= failures <= 1_000:
        where = ("breaker", "failures")
        wrong(where, "connector-breaker", "`failures` is not a number from 1 to 1000", "5 is a good one")
        failures = 5
    pause = _time(given.get("pause", "10m"), ("breaker", "pause"), wrong)
    if "pause" in given and not pause:
        wrong(("breaker", "pause"), "connector-breaker", "`pause` is no time at all", "10m is a good one")
    return failures, pause


def _rates(limits: Any, wrong: Wrong) -> tuple[tuple[int, float], ...]:
    """`rate: 60/m`, a number of calls a minute, or `per_second`, `per_minute`, `per_hour`, `per_day`."""
    if not isinstance(limits, Mapping):
        wrong(("limits",), "connector-limits", "`limits` is not a mapping", "rate: 60/m")
        return ()
    _only(limits, "limits", ("rate", "acts", *_PER, *_BOUNDS), wrong)
    rates: list[tuple[int, float]] = []
    given = limits.get("rate")
    several: Sequence[tuple[Where, Any]] = [(("limits", name), limits[name]) for name in _PER if name in limits]
    if isinstance(given, Mapping):
        several = [*several, *((("limits", "rate", str(name)), value) for name, value in given.items())]
    elif given is not None:
        several = [*several, (("limits", "rate"), given)]
    for where, value in several:
        found = _RATE.match(value) if isinstance(value, str) and where[-1] == "rate" else None
        calls, span = value, _PER.get(str(where[-1]), 60.0 if where[-1] == "rate" else 0.0)
        if found:
            calls, span = int(found["calls"]), float(found["number"] or 1) * _UNITS[found["unit"][0]]
        if type(calls) is int and 0 < calls < 10**9 and 0.001 <= span <= _LONGEST:
            rates.append((calls, span))
        else:
            wrong(where, "connector-rate", f"`{str(value)[:40]}` is no rate", "60/m, or per_minute: 60")
    return _together(rates, wrong)


def _acts(limits: Any, wrong: Wrong) -> dict[str, int]:
    """`acts: {per_apply: 50, per_day: 200}`: at most so many effects at a time and on a day; what is left goes on."""
    given = limits.get("acts", {}) if isinstance(limits, Mapping) else {}
    if not isinstance(given, Mapping):
        wrong(("limits", "acts"), "connector-limits", "`acts` is not a mapping", "{per_apply: 50, per_day: 200}")
        return {}
    found = {}
    for name, value in given.items():
        if name not in _ACTS or type(value) is not int or value < 1:
            message = f"`{str(name)[:40]}: {str(value)[:40]}` is no cap"
            wrong(("limits", "acts", str(name)), "connector-limits", message, "per_apply or per_day, and a number")
        else:
            found[name] = value
    return found


def _together(rates: Sequence[tuple[int, float]], wrong: Wrong) -> tuple[tuple[int, float], ...]:
    """The rates that bind, by their spans: what another one makes sure of anyway is left out."""
    given = sorted(set(rates), key=lambda rate: rate[::-1])
    kept = [rate for rate in given if not any(_implies(other, rate) for other in given if other != rate)]
    for (calls, span), (more, longer) in pairwise(kept):
        if more / longer > calls / span:
            message = f"{more} calls in {longer:g} s allow more than {calls} in {span:g} s beside it"
            wrong(("limits",), "connector-rate", message, "leave one of them out")
    return tuple(kept)


def _implies(one: tuple[int, float], other: tuple[int, float]) -> bool:
    (calls, span), (most, within) = one, other
    return calls <= most if span >= within else calls * math.ceil(within / span) <= most
