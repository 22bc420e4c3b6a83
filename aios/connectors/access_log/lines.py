"""One line of an access log in the combined format (the common one too), as a request; None for what is none.

Lines are written by strangers: every pattern here is linear in the line's length, and nothing in a line is trusted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

LONGEST = 8_192  # bytes; servers cut requests there themselves
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_LINE = re.compile(
    r"(?P<who>[^\[]{5,800})"
    r"\[(?P<day>\d{2})/(?P<month>[A-Z][a-z]{2})/(?P<year>\d{4}):(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2}) "
    r"(?P<sign>[+-])(?P<off_hours>\d{2})(?P<off_minutes>\d{2})\] +"
    rf"(?P<request>{_QUOTED}) +(?P<status>\d{{3}}) +(?P<size>\d+|-)"
    rf"(?: +(?P<referrer>{_QUOTED})(?: +(?P<agent>{_QUOTED}))?)?(?: .*)?\s*\Z",
    re.DOTALL,
)
# Virtual host (some servers put it in front), address, identity, user: a user's name may hold spaces.
_WHO = re.compile(r"(?P<first>\S+) +(?P<second>\S+) +(?P<rest>\S.*)", re.DOTALL)
_VHOST = re.compile(r"[A-Za-z0-9.-]{1,253}(?::\d{1,5})?\Z")
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,45}\Z|[A-Za-z0-9.-]{1,253}\Z")
_NUMBERS = re.compile(r"(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)\Z")
# Not the locale's.
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
_REQUEST = re.compile(r"(?P<method>[A-Z]{3,16}) (?P<target>\S+)(?: HTTP/\d(?:\.\d)?)?\Z")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_PLAIN = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(frozen=True, slots=True)
class Request:
    """`at` has an offset. `method` and `target` are empty where the client did not speak HTTP; `referrer` and `agent`
    are empty where the log says `-`. All text is as the client sent it."""

    ip: str
    at: datetime
    method: str
    target: str
    status: int
    referrer: str
    agent: str


def parse(line: bytes) -> Request | None:
    """Never raises."""
    if len(line) > LONGEST:
        return None
    found = _LINE.match(line.decode("utf-8", "replace"))
    ip = _address(found["who"]) if found else ""
    if found is None or not ip:
        return None
    try:
        offset = timedelta(hours=int(found["off_hours"]), minutes=int(found["off_minutes"]))
        zone = timezone(-offset if found["sign"] == "-" else offset)
        day, hour = int(found["day"]), int(found["hour"])
        second = min(int(found["second"]), 59)  # leap seconds
        at = datetime(int(found["year"]), _MONTHS[found["month"]], day, hour, int(found["minute"]), second, tzinfo=zone)
        at.timestamp()
    except (ValueError, KeyError, OverflowError):
        return None
    request = _REQUEST.match(_text(found["request"]))
    return Request(
        ip=ip,
        at=at,
        method=request["method"] if request else "",
        target=request["target"] if request else "",
        status=int(found["status"]),
        referrer=_text(found["referrer"]),
        agent=_text(found["agent"]),
    )


def _address(who: str) -> str:
    """The client among what stands before the time; empty where it is none."""
    found = _WHO.match(who)
    if found is None:
        return ""
    first, second = found["first"], found["second"]
    behind = _NUMBERS.match(second) or ("." in second and found["rest"].startswith("- "))
    if behind and _VHOST.match(first) and " " in found["rest"].strip():
        first = second
    return first if _ADDRESS.match(first) else ""


def _text(quoted: str | None) -> str:
    """What stood between the quotation marks, with the server's escapes undone; empty for `-`."""
    inner = quoted[1:-1] if quoted else ""
    if inner == "-":
        return ""
    if "\\" not in inner:
        return inner
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else _PLAIN.get(found[2], found[2]), inner)
    if not any("\x80" <= char <= "\xff" for char in plain):
        return plain
    try:  # escaped bytes of UTF-8 are single characters by now
        return plain.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return plain
