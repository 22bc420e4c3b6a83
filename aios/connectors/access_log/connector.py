"""Access logs as a connector that only reads.

What it answers is a function of the files, the parameters and the cursor: it keeps nothing of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aios.connectors.access_log.labels import referrer
from aios.connectors.access_log.lines import parse
from aios.connectors.access_log.rotation import BrokenLogError, LogFile, LongLogError, files_of, is_there, lines_of
from aios.connectors.access_log.tally import Tally
from aios.connectors.analytics import PARAMS, TOP, period, zone_of
from aios.connectors.reading import Reader
from aios.connectors.surroundings import Surroundings
from aios.domain.effect import Capability, Collected
from aios.domain.finding import Finding, Severity
from aios.errors import RefusedError

__all__ = ["CAPABILITIES", "SETTINGS", "AccessLog", "connect"]

_MALFORMED_SHOWN = 10

SETTINGS: Mapping[str, Any] = {
    "type": "object",
    "required": ["path"],
    "additionalProperties": False,
    "properties": {
        "path": {
            "type": "string",
            "minLength": 1,
            "description": "The log, in the combined format; rotated files beside it (.1, .2.gz) are read too.",
        },
        "site": {
            "type": "string",
            "pattern": r"^https?://\S+$",
            "patternErrorMessage": "a URL starts with https:// (or http://)",
            "description": "Address of the site, so that its own pages do not count as referrers.",
        },
        "timezone": {
            "type": "string",
            "description": "Whose days are counted, such as Europe/Berlin; UTC if left out.",
        },
        "max_bytes": {
            "type": "integer",
            "minimum": 1,
            "description": "Most bytes that one read goes through, uncompressed, the newest files first; 1 GiB.",
        },
    },
}
_PARAMS: Mapping[str, Any] = {
    **PARAMS,
    "properties": {
        **PARAMS["properties"],
        "cursor": {
            "type": "object",
            "additionalProperties": {"type": "integer", "minimum": 0},
            "description": "What an earlier read gave: only what was logged since is counted.",
        },
    },
}
CAPABILITIES: Mapping[str, Capability] = {
    "analytics.read": Capability("analytics.read", False, _PARAMS, "", "Views, visitors, referrers, searches and 404s.")
}


@dataclass(frozen=True, slots=True)
class AccessLog(Reader):
    """`path` is the live file; `own` are hosts of the site itself, without `www.`; `zone` is whose days are counted."""

    path: Path
    shown: str
    zone: ZoneInfo
    own: frozenset[str]
    clock: Callable[[], datetime]
    max_bytes: int = 1 << 30

    def capabilities(self) -> Mapping[str, Capability]:
        return CAPABILITIES

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        """The traffic of a period: `{from, to, views, visitors, pages, referrers, searches, missing, bots, lines,
        malformed, cursor}`. Raises UsageError for a period that is none, RefusedError where there is no log."""
        if capability not in CAPABILITIES:
            raise self.no(capability)
        start, end = period(params, self.zone, self.clock)
        logs = files_of(self.path, self.shown)
        if not logs and not is_there(self.path):
            raise RefusedError(f"there is no log at {self.path}", f"see `path` in state/connectors/{self.name}.yaml")
        tally = Tally(start, end, self.zone, self.own)
        cursor = {str(name): int(place) for name, place in dict(params.get("cursor") or {}).items()}
        reading = _Reading(tally, cursor, self.max_bytes)
        for log in logs:
            reading.take(log)
        data = tally.result(top=int(params.get("top", TOP)))
        data |= {
            "timezone": self.zone.key,
            "lines": reading.lines,
            "malformed": reading.malformed,
            "cursor": dict(sorted(reading.places.items())),
        }
        return Collected(data, findings=tuple(reading.findings))

    def check(self) -> Sequence[Finding]:
        place = f"state/connectors/{self.name}.yaml"
        try:
            logs = files_of(self.path, self.shown)
        except RefusedError as error:
            return [Finding(place, 0, 0, "log-path", error.message, error.hint)]
        if logs:
            return [_trouble(log) for log in logs if log.trouble]
        message = f"{self.path} is empty" if is_there(self.path) else f"there is no log at {self.path}"
        return [Finding(place, 0, 0, "log-path", message, "see `settings.path`", Severity.WARNING)]


class _Reading:
    """One pass over the files: what was read, how far, and what was wrong with it."""

    def __init__(self, tally: Tally, cursor: Mapping[str, int], budget: int) -> None:
        self._tally, self._cursor, self._budget = tally, cursor, budget
        self.lines = self.malformed = 0
        self.places: dict[str, int] = {}
        self.findings: list[Finding] = []

    def take(self, log: LogFile) -> None:
        if log.trouble:
            self.findings.append(_trouble(log))
            self.places = {**self._cursor, **self.places}  # whichever it is, its place is not forgotten
            return
        begun = place = self.places[log.id] = self._cursor.get(log.id, 0)
        if self._budget <= 0:
            self.findings.append(_too_long(log.name, 0, "not read: the newer files were too large"))
            return
        last = 0
        try:
            for line in lines_of(log, self._cursor, budget=self._budget):
                self._budget -= max(0, line.end - place)
                place = line.end
                last = 0 if begun else line.number
                if line.content is not None and not line.content.strip():
                    continue
                self.lines += 1
                request = parse(line.content) if line.content is not None else None
                if request is not None:
                    self._tally.add(request)
                else:
                    self._malformed(log, last)
        except LongLogError:
            self.findings.append(_too_long(log.name, last, "not read to its end: it is too large"))
        except BrokenLogError as error:
            self.findings.append(_damaged(log.name, last, str(error)))
        except OSError as error:
            self.findings.append(_unreadable(log.name, error.strerror))
        self.places[log.id] = place

    def _malformed(self, log: LogFile, where: int) -> None:
        self.malformed += 1
        if self.malformed <= _MALFORMED_SHOWN:
            message = "this is no line of the combined log format"
            hint = "the server's log format must be `combined`"
            self.findings.append(
                Finding(log.name, where, 1 if where else 0, "log-line", message, hint, Severity.WARNING)
            )
        elif self.malformed == _MALFORMED_SHOWN + 1:
            message = "more lines like these; `malformed` counts them all"
            self.findings.append(Finding(log.name, 0, 0, "log-line", message, "", Severity.WARNING))


def _trouble(log: LogFile) -> Finding:
    return _damaged(log.name, 0, log.trouble) if log.damaged else _unreadable(log.name, log.trouble)


def _damaged(name: str, last: int, said: str) -> Finding:
    message = f"damaged behind line {last}: {said}" if last else f"damaged: {said}"
    return Finding(name, last, int(last > 0), "log-damaged", message, "look at the disk", Severity.WARNING)


def _unreadable(name: str, said: str | None) -> Finding:
    return Finding(name, 0, 0, "log-unreadable", f"cannot be read: {said}", "look at its owner")


def _too_long(name: str, last: int, message: str) -> Finding:
    hint = "read on with the cursor, or raise `max_bytes`"
    return Finding(name, last, int(last > 0), "log-size", message, hint, Severity.WARNING)


def connect(name: str, settings: Mapping[str, Any], around: Surroundings) -> AccessLog:
    """Raises RefusedError for a time zone that nobody knows, and for an address or a path that is none."""
    known = zone_of(settings)
    site, path = str(settings.get("site", "")), str(settings["path"])
    own, _ = referrer(site)
    try:
        host = urlsplit(site).hostname
    except ValueError:
        host = None
    if site and not host:
        raise RefusedError(f"`{site[:60]}` is no address of a site", "write it like https://example.org")
    return AccessLog(
        name=name,
        path=around.path(path),
        shown=path,
        zone=known,
        own=frozenset({own} if own else ()),
        clock=around.clock,
        max_bytes=int(settings.get("max_bytes", 1 << 30)),
    )
