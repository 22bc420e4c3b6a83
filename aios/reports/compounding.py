"""Does reuse make the next piece of work cheaper? Told per workflow from the runs' own figures, or that it does not.

Only costs decide what is said: work, money, tokens, calls, what agents read. The operator's share and the reuse itself
are told beside them. All measures of a workflow are judged together, so that one of many does not look special by
chance; fewer runs than could show anything are said to be too few.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Any

from aios.domain.wording import counted
from aios.reports.measures import MEASURES, About, Basis, Measure, Row
from aios.reports.trend import FEWEST, Trend, Verdict, chance_of, holm, trend

TOLD = (
    "run", "piece", "status", "started", "words", "seconds", "wall", "usd", "tokens", "calls", "avoided",
    "avoided_usd", "read_kb", "passages", "held", "questions", "searched", "from_notes", "headings", "kept",
    "grew_from", "lessons", "revisions", "edited", "waited",
)  # fmt: skip


WORTH_TELLING = 0.1  # a step that is told without being a trend


class Outcome(StrEnum):
    CHEAPER = "cheaper"
    DEARER = "dearer"
    MIXED = "mixed"
    NONE = "no trend"
    TOO_FEW = "too few runs"


@dataclass(frozen=True, slots=True)
class Line:
    """A measure over the runs: its values in their order (None where a run does not tell) and its trend."""

    measure: Measure
    basis: Basis
    values: tuple[float | None, ...]
    trend: Trend

    @property
    def told(self) -> list[float]:
        return [value for value in self.values if value is not None]

    @property
    def idle(self) -> bool:
        """A cost, or something left to the operator, that no run had at all: nothing to draw."""
        return self.measure.about is not About.REUSE and not any(self.told)

    @property
    def better(self) -> bool | None:
        """Is the trend for the better? None where there is none."""
        if self.trend.verdict not in {Verdict.RISING, Verdict.FALLING}:
            return None
        return (self.trend.verdict is Verdict.RISING) == (self.measure.about is About.REUSE)


@dataclass(frozen=True, slots=True)
class Compounding:
    """One workflow: its runs, oldest first, and what became of each measure."""

    workflow: str
    runs: tuple[Row, ...]
    lines: tuple[Line, ...]

    @property
    def shown(self) -> tuple[Line, ...]:
        """The lines that have something to show."""
        return tuple(line for line in self.lines if not line.idle)

    @property
    def outcome(self) -> Outcome:
        costs = [line for line in self.lines if line.measure.about is About.COST]
        if all(line.trend.verdict is Verdict.TOO_FEW for line in costs):
            return Outcome.TOO_FEW
        found = {line.better for line in costs} - {None}
        return (
            Outcome.NONE
            if not found
            else Outcome.MIXED
            if len(found) > 1
            else Outcome.CHEAPER
            if True in found
            else Outcome.DEARER
        )


def compounding(rows: Iterable[Row]) -> list[Compounding]:
    """The report per workflow, by name. `rows` are those of the projection's table `work`."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(str(row["workflow"]), []).append(row)
    return [_of(name, sorted(runs, key=_begun)) for name, runs in sorted(grouped.items())]


def _begun(row: Row) -> tuple[str, str]:
    return str(row.get("started") or ""), str(row.get("run") or "")


def _of(workflow: str, runs: Sequence[Row]) -> Compounding:
    lengths = [row["words"] for row in runs if row.get("words") is not None]
    words = bool(lengths) and all(lengths)
    series = [(measure, tuple(measure.of(row, words=words) for row in runs)) for measure in MEASURES]
    told = [[value for value in values if value is not None] for _, values in series]
    # What is the same in every run asks no question: money, where no model is paid.
    asked = [place for place, values in enumerate(told) if len(values) >= FEWEST and len(set(values)) > 1]
    chances = dict(zip(asked, holm([chance_of(told[place]) for place in asked]), strict=True))
    lines = [
        Line(measure, measure.basis(words=words), values, trend(told[place], chance=chances.get(place)))
        for place, (measure, values) in enumerate(series)
        if told[place]
    ]
    return Compounding(workflow, tuple(runs), tuple(lines))


def sentence(report: Compounding) -> str:
    """What the figures say, in plain words."""
    runs = counted(len(report.runs), "run")
    costs = [line for line in report.lines if line.measure.about is About.COST]
    most = max((line.trend.count for line in costs), default=0)
    match report.outcome:
        case Outcome.TOO_FEW:
            told = "" if most == len(report.runs) else f", {most} of them with figures"
            return f"Too few runs to tell: {runs}{told}; it takes {FEWEST} before a trend can be told from chance."
        case Outcome.NONE:
            return f"No trend: over {runs}, nothing that costs gets measurably less or more."
        case Outcome.CHEAPER:
            return f"It gets cheaper: over {runs}, {_moves(costs)}."
        case Outcome.DEARER:
            return f"It gets dearer: over {runs}, {_moves(costs)}."
        case Outcome.MIXED:
            return f"Cheaper in one way and dearer in another: over {runs}, {_moves(costs)}."


def beside(report: Compounding) -> list[str]:
    """What else there is to say: the operator's share, reuse, what the cache spared, what is not told."""
    said = []
    for about, title in ((About.OPERATOR, "Your share"), (About.REUSE, "Reuse")):
        lines = [line for line in report.shown if line.measure.about is about]
        moving = [line for line in lines if line.better is not None]
        if moving:
            said.append(f"{title}: {_moves(moving)}.")
        elif any(line.trend.verdict is Verdict.NONE for line in lines):
            said.append(f"{title}: no trend.")
    said += _after_the_first(report)
    reuse = [line for line in report.lines if line.measure.about is About.REUSE]
    if report.outcome is Outcome.CHEAPER and not any(line.better for line in reuse):
        said.append("Reuse does not grow with it, so reuse is not what makes it cheaper.")
    said += _spared(report)
    idle = [line.measure.label for line in report.lines if line.idle]
    if idle:
        said.append(f"None in any run: {', '.join(idle)}.")
    silent = sum(row.get("read_kb") is None for row in report.runs)
    if silent:
        said.append(f"{counted(silent, 'run')} ended before all of this was noted; what they tell is counted.")
    return said


def _spared(report: Compounding) -> list[str]:
    """What the cache answered, and what that would have cost as far as prices are known."""
    rows = [row for row in report.runs if row.get("avoided")]
    if not rows:
        return []
    calls = counted(sum(row["avoided"] for row in rows), "call")
    priced = [row["avoided_usd"] for row in rows if row.get("avoided_usd") is not None]
    if not priced:
        return [f"The cache answered {calls}; what that would have cost is not known: the model has no price."]
    more = ", and more from a model without a price" if len(priced) < len(rows) else ""
    return [f"The cache answered {calls} that would have cost {sum(priced):.4f} USD{more}."]


def _after_the_first(report: Compounding) -> list[str]:
    """Where there is no trend there may be one step, from a first run that could build on nothing to all later ones."""
    if report.outcome is not Outcome.NONE:
        return []
    costs = [line for line in report.shown if line.measure.about is About.COST and line.values[0]]
    steps = [(line.measure.label, median(line.told[1:]) / line.told[0] - 1) for line in costs if len(line.told) > 1]
    told = [f"{label} {step:+.0%}".replace("-", "−") for label, step in steps if abs(step) >= WORTH_TELLING]
    return [f"The later runs beside the first, in the median: {', '.join(told)}; one first run proves nothing."] * bool(
        told
    )


def change_of(line: Line) -> str:
    """From where to where, and by how much."""
    show, found = line.measure.show, line.trend
    if found.verdict is Verdict.TOO_FEW:
        return f"{show(line.told[0])} → {show(line.told[-1])}" if len(line.told) > 1 else show(line.told[0])
    told = line.better is not None and found.change is not None and line.basis is not Basis.SHARE
    share = f" ({found.change:+.0%})".replace("-", "−") if told else ""
    most = 1.0 if line.basis is Basis.SHARE else math.inf  # a straight line may leave what is possible; values cannot
    first, last = (show(min(max(0.0, value), most)) for value in (found.first, found.last))
    return f"{first} → {last}{share}"


def _moves(lines: Sequence[Line]) -> str:
    moved = [line for line in lines if line.better is not None]
    verb = {Verdict.FALLING: "fell", Verdict.RISING: "rose"}
    return "; ".join(
        f"{line.measure.label} {_basis(line)}{verb[line.trend.verdict]}, {change_of(line)}" for line in moved
    )


def _basis(line: Line) -> str:
    return "" if line.basis is Basis.SHARE else f"{line.basis} "


def as_dict(report: Compounding) -> dict[str, Any]:
    """For programs: every field is always there."""
    return {
        "workflow": report.workflow,
        "outcome": report.outcome.value,
        "says": [sentence(report), *beside(report)],
        "measures": [_line(line) for line in report.lines],
        "runs": [{name: row.get(name) for name in TOLD} for row in report.runs],
    }


def _line(line: Line) -> Mapping[str, Any]:
    found = line.trend
    return {
        "name": line.measure.name,
        "label": line.measure.label,
        "about": line.measure.about.value,
        "compared": line.basis.value,
        "better": line.better,
        "trend": found.verdict.value,
        "runs": found.count,
        "slope": round(found.slope, 6),
        "first": round(found.first, 6),
        "last": round(found.last, 6),
        "change": None if found.change is None else round(found.change, 4),
        "chance": round(found.chance, 6),
        "values": [None if value is None else round(value, 6) for value in line.values],
    }
