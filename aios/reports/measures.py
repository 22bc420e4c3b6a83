"""What is compared from run to run: costs, the operator's share, and reuse. Each says against what it is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Row = Mapping[str, Any]  # of the projection's table `work`, by column


class About(StrEnum):
    COST = "cost"
    OPERATOR = "operator"
    REUSE = "reuse"


class Basis(StrEnum):
    RUN = "per run"
    WORDS = "per 100 words"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Measure:
    """`column` over `whole` (a share), or as it is. Less is better, but for reuse. `show` writes a value for people."""

    name: str
    label: str
    about: About
    column: str
    show: Callable[[float], str]
    whole: str = ""
    by_words: bool = False

    def basis(self, *, words: bool) -> Basis:
        """`words`: has every run a piece?"""
        return Basis.SHARE if self.whole else Basis.WORDS if self.by_words and words else Basis.RUN

    def of(self, row: Row, *, words: bool) -> float | None:
        """The value in a run; None where its record does not tell."""
        value = _number(row.get(self.column))
        if value is None:
            return None
        divisor: float | None = 1.0
        if self.whole:
            divisor = _number(row.get(self.whole))
        elif self.by_words and words:
            divisor = (_number(row.get("words")) or 0.0) / 100
        return value / divisor if divisor else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def seconds(value: float) -> str:
    if value < 120:
        return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 7_200 else f"{value / 3_600:.1f} h"


def _dollars(value: float) -> str:
    return f"{value:.4f} USD"


def _count(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:.1f}"


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _kilobytes(value: float) -> str:
    return f"{value:,.1f} KB"


MEASURES = (
    Measure("seconds", "work", About.COST, "seconds", seconds, by_words=True),
    Measure("usd", "money", About.COST, "usd", _dollars, by_words=True),
    Measure("tokens", "tokens", About.COST, "tokens", _count, by_words=True),
    Measure("calls", "model calls", About.COST, "calls", _count, by_words=True),
    Measure("read_kb", "material read", About.COST, "read_kb", _kilobytes, by_words=True),
    Measure("searched", "questions that needed a full search", About.COST, "searched", _percent, whole="questions"),
    Measure("edited", "characters you changed", About.OPERATOR, "edited", _count, by_words=True),
    Measure("waited", "proposal to decision", About.OPERATOR, "waited", seconds),
    Measure("held", "passages that memory held", About.REUSE, "held", _percent, whole="passages"),
    Measure("from_notes", "questions answered from notes", About.REUSE, "from_notes", _percent, whole="questions"),
    Measure("kept", "headings taken over", About.REUSE, "kept", _percent, whole="headings"),
)
