"""What the pages are made of, gathered once and handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from aios.domain.event import Event
from aios.domain.wording import counted
from aios.reports.compounding import Compounding
from aios.runs.connections import Connection
from aios.runs.inbox import Item

Row = Mapping[str, Any]


class Ask(Protocol):
    """SQL to the projection: rows by column."""

    def __call__(self, sql: str, params: Sequence[Any] = ()) -> list[Row]: ...


@dataclass(frozen=True, slots=True)
class Beat:
    """When the host last looked for what is due, how that came out, and its page."""

    at: str
    outcome: str
    url: str


@dataclass(frozen=True)
class Source:
    """`at` is the moment (ISO 8601 UTC), `tip` main's commit, `forge` the repository's pages at its host (empty: it has
    none). `paused` says why effects are stopped, `wrong` counts the errors in the company's files. `events` are the
    newest, newest first, of `all_events`; `blob(oid)` gives a file's content. `trace(run)` gives a run's trace as a
    page, `review(run)` an open proposal's review as Markdown; each empty where there is none. `beat` is the last look
    for what is due at the host; without `sees_services` this machine holds no key and cannot say how they are."""

    name: str
    tagline: str
    at: str
    tip: str
    main: str
    forge: str
    paused: str
    wrong: int
    waiting: Sequence[Item]
    connections: Sequence[Connection]
    compounding: Sequence[Compounding]
    costs: Mapping[str, Any]
    ask: Ask
    events: Sequence[Event]
    all_events: int
    blob: Callable[[str], bytes | None]
    trace: Callable[[str], str]
    review: Callable[[str], str]
    beat: Beat | None = None
    sees_services: bool = True

    @cached_property
    def refs(self) -> frozenset[str]:
        """The records that have a page."""
        return frozenset(str(row["ref"]) for row in self.ask("SELECT ref FROM records WHERE kind <> 'run'"))

    @cached_property
    def kinds(self) -> list[tuple[str, int]]:
        rows = self.ask("SELECT kind, count(*) AS n FROM records WHERE kind <> 'run' GROUP BY kind ORDER BY kind")
        return [(str(row["kind"]), int(row["n"])) for row in rows]

    @cached_property
    def runs(self) -> list[Row]:
        """Newest first."""
        return self.ask("SELECT * FROM runs ORDER BY started DESC, run DESC")

    @cached_property
    def reviews(self) -> Mapping[str, str]:
        """Of the proposals that are open, by run."""
        runs = dict.fromkeys(item.run for item in self.waiting if item.run)
        return {run: text for run in runs if (text := self.review(run))}

    @cached_property
    def run_ids(self) -> frozenset[str]:
        return frozenset(str(row["run"]) for row in self.runs)

    def commit_page(self, commit: str) -> str:
        return f"{self.forge}/commit/{commit}" if self.forge and commit else ""

    def file_page(self, path: str) -> str:
        return f"{self.forge}/blob/{self.main}/{path}" if self.forge else ""

    def branch_page(self, run: str) -> str:
        """Where an open proposal is found at the host."""
        workflow, subject, _ = run.split("/")
        return f"{self.forge}/pulls?q=is%3Apr+head%3Aaios%2F{workflow}%2F{subject}" if self.forge else ""


def by(rows: Iterable[Row], column: str) -> dict[str, list[Row]]:
    """Rows by what a column holds."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(str(row[column]), []).append(row)
    return found


def standing(source: Source) -> str:
    """How things stand, in one sentence."""
    needs = sum(1 for item in source.waiting if item.needs_you)
    return (
        f"{counted(needs, 'thing')} {'waits' if needs == 1 else 'wait'} for you" if needs else "Nothing waits for you"
    )
