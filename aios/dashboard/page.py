"""One page to be, and where pages of things are. All links are relative: the pages work from a disk."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

T = TypeVar("T")
# (section, its first page, its name); the order of the navigation.
SECTIONS = (
    ("overview", "index.html", "Overview"),
    ("waiting", "waiting.html", "Waiting"),
    ("runs", "runs/index.html", "Runs"),
    ("content", "content.html", "Content"),
    ("records", "records/index.html", "Records"),
    ("decisions", "decisions.html", "Decisions"),
    ("memory", "memory.html", "Memory"),
    ("connectors", "connectors.html", "Connectors"),
    ("cost", "cost.html", "Cost"),
    ("log", "log/index.html", "Log"),
)


@dataclass(frozen=True, slots=True)
class Page:
    """`path` is relative to the top, with `/`. `template` is rendered with `data`; `raw` is written as it is."""

    path: str
    section: str
    title: str
    template: str
    data: Mapping[str, Any]
    raw: str = ""

    @property
    def top(self) -> str:
        """From this page to the top: empty, or `../` as often as it takes."""
        return "../" * self.path.count("/")


def record_page(ref: str) -> str:
    return f"records/{ref}.html"


def run_page(run: str) -> str:
    return f"runs/{run.rpartition('/')[2]}.html"


def proposal_page(run: str) -> str:
    return f"proposals/{run.rpartition('/')[2]}.html"


def trace_page(run: str) -> str:
    return f"runs/{run.rpartition('/')[2]}-trace.html"


def kind_page(kind: str, number: int = 1) -> str:
    return f"records/kind-{kind}{'' if number == 1 else f'-{number}'}.html"


def log_page(number: int) -> str:
    return "log/index.html" if number == 1 else f"log/{number}.html"


def href(page: Page, target: str) -> str:
    """A link from a page to another, by paths from the top."""
    here = posixpath.dirname(page.path)
    return quote(posixpath.relpath(target, here or "."), safe="/#")


def paged(things: Sequence[T], size: int) -> list[Sequence[T]]:
    """Things in portions; one empty portion where there is none."""
    return [things[start : start + size] for start in range(0, len(things), size)] or [things]
