"""What the numbers of all pieces teach: features that go with more readers, and hosts that begin to send them.

A lesson is drawn only where enough pieces stand on both sides and no single piece carries it. It names its pieces and
metrics, says how thin the ground is, expires, and is taken back when later numbers do not bear it out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from aios.agents.offline.engagement import Engagement
from aios.agents.offline.traffic import count, is_engine
from aios.domain.record import Record, ref_of
from aios.domain.wording import counted

FEWEST_PIECES = 3  # on each side
FEWEST_VISITORS = 60  # of all pieces together
TELLING = 1.5  # ratio of the medians
STURDY = 1.2  # … with any one piece taken out
GONE = 1.15  # below this ratio, either way, an earlier lesson no longer holds
NEW_HOST_VISITS = 10
NEW_HOST_TIMES = 3.0
NEW_HOST_SHARE = 0.2  # of a piece's views

_TABLE = re.compile(r"^ {0,3}\|.*\|[ \t]*\r?\n {0,3}\|?[ \t]*:?-{2,}", re.MULTILINE)
_LIST = re.compile(r"^ {0,3}(?:[-*+]|\d+[.)])[ \t]+\S", re.MULTILINE)
_FOOTNOTE = re.compile(r"^\[\^[^\]]+\]:", re.MULTILINE)
_FEATURES: dict[str, Callable[[Record], bool]] = {
    "a comparison table": lambda piece: bool(_TABLE.search(piece.body or "")),
    "a list": lambda piece: bool(_LIST.search(piece.body or "")),
    "a number in the title": lambda piece: any(char.isdigit() for char in str(piece.get("title", ""))),
    "a question as title": lambda piece: str(piece.get("title", "")).rstrip().endswith("?"),
    "five or more citations": lambda piece: len(_FOOTNOTE.findall(piece.body or "")) >= 5,
    "more than 800 words": lambda piece: len((piece.body or "").split()) > 800,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A piece and its visitors a week, over all periods on record."""

    piece: Record
    weekly: float
    visitors: int
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Pieces with and without a feature. `ratio` is that of their median weekly visitors."""

    feature: str
    having: tuple[Reading, ...]
    others: tuple[Reading, ...]
    ratio: float
    is_sturdy: bool

    @property
    def is_telling(self) -> bool:
        return self.is_sturdy and (self.ratio >= TELLING or self.ratio <= 1 / TELLING)

    @property
    def is_gone(self) -> bool:
        return 1 / GONE < self.ratio < GONE


def reading(found: Engagement, ref: str) -> Reading:
    """`ref` is the metric record of the current period, empty where none is written."""
    days = found.days + sum(count(record.get("days")) for record in found.earlier)
    visitors = found.page.visitors + sum(count(record.get("visitors")) for record in found.earlier)
    sources = tuple(ref_of(record.path) for record in found.earlier)
    return Reading(found.piece, round(visitors * 7 / days, 1), visitors, (ref, *sources) if ref else sources)


def comparisons(readings: Sequence[Reading]) -> list[Comparison]:
    """Every feature and tag that can be compared, most telling first."""
    if sum(item.visitors for item in readings) < FEWEST_VISITORS:
        return []
    tags = sorted({str(tag) for item in readings for tag in item.piece.get("tags") or ()})
    tests = dict(_FEATURES) | {f"the tag {tag}": _has_tag(tag) for tag in tags}
    found = [comparison for feature, test in tests.items() if (comparison := _compare(feature, test, readings))]
    return sorted(found, key=lambda item: (-max(item.ratio, 1 / item.ratio), item.feature))


def statement(found: Comparison) -> tuple[str, str]:
    """Title and body of the lesson. The title names the feature only, so that a later lesson on it takes its place."""
    more = found.ratio >= 1
    times = found.ratio if more else 1 / found.ratio
    verdict = f"Pieces with {found.feature} drew {times:.1f} times {'more' if more else 'fewer'} readers: "
    if found.is_gone or not found.is_telling:
        verdict = f"That pieces with {found.feature} draw more or fewer readers no longer shows in the numbers: "
    lines = [
        f"{verdict}a median of {_weekly(found.having):g} visitors a week with it, {_weekly(found.others):g} without.",
        "",
        f"With {found.feature}:",
        "",
        *_lines(found.having),
        "",
        "Without:",
        "",
        *_lines(found.others),
        "",
        (
            f"{counted(len(found.having), 'piece')} against {len(found.others)}, which differ in other ways too: "
            "a hint, not a proof."
        ),
    ]
    return f"What {found.feature} does for readership", "\n".join(lines)


def new_hosts(found: Engagement) -> list[tuple[str, int, float]]:
    """(host, visits now, usual visits) of hosts that began to send a piece's readers; needs an earlier period."""
    if not found.earlier:
        return []
    arrived = []
    for (kind, host), visits in sorted(found.page.referrers.items(), key=lambda item: (-item[1], item[0])):
        past = [
            sum(count(line.get("count")) for line in record.get("referrers") or () if line.get("host") == host)
            for record in found.earlier
        ]
        usual = float(median(past))
        enough = visits >= max(NEW_HOST_VISITS, NEW_HOST_SHARE * found.page.views)
        if kind == "host" and not is_engine(host) and enough and visits >= NEW_HOST_TIMES * usual:
            arrived.append((host, visits, usual))
    return arrived


def _has_tag(tag: str) -> Callable[[Record], bool]:
    return lambda piece: tag in (piece.get("tags") or ())


def _compare(feature: str, test: Callable[[Record], bool], readings: Sequence[Reading]) -> Comparison | None:
    having = tuple(item for item in readings if test(item.piece))
    others = tuple(item for item in readings if not test(item.piece))
    if min(len(having), len(others)) < FEWEST_PIECES:
        return None
    ratio = _ratio(having, others)
    without_one = [_ratio([item for item in having if item is not left], others) for left in having]
    without_one += [_ratio(having, [item for item in others if item is not left]) for left in others]
    is_sturdy = all(value >= STURDY for value in without_one) or all(value <= 1 / STURDY for value in without_one)
    return Comparison(feature, having, others, ratio, is_sturdy)


def _ratio(having: Sequence[Reading], others: Sequence[Reading]) -> float:
    return (_weekly(having) + 1) / (_weekly(others) + 1)  # one visitor more on each side: no division by nothing


def _weekly(readings: Sequence[Reading]) -> float:
    return float(median(item.weekly for item in readings))


def _lines(readings: Sequence[Reading]) -> list[str]:
    ordered = sorted(readings, key=lambda item: (-item.weekly, item.piece.id))
    return [
        f"- {item.piece.get('title')} (content/{item.piece.id}): {item.weekly:g} a week, {', '.join(item.sources)}"
        for item in ordered
    ]
