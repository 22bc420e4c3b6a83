"""Does memory make the next piece cheaper? The same topics, in the same order, with memory and without.

With: one company that makes, approves and publishes piece after piece. Without: for each piece a fresh copy of the
company as it was before the first, so that no note and no piece of the runs before is there. Everything else is the
same, so the share of one in the other is what memory saves, and a topic that is dear by itself is dear in both.

`python -m tests.benchmarks.compounding` prints every piece; `python -m tests.benchmarks compounding` the totals from
the second piece on.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aios.app import Company, found_company
from aios.domain.names import branch_of
from aios.runs.conductor import carry_on
from aios.runs.gate import approve
from aios.runs.start import start_run
from aios.store.documents import parse
from tests.benchmarks.durable_step import Row
from tests.benchmarks.working_notes import working_notes

BEGIN = datetime(2026, 11, 23, 9, tzinfo=UTC)
# What the example company can tell, piece by piece: each topic has something of those before.
PRICES = (
    "raising prices for existing customers",
    "price rises and churn",
    "announcing a price change",
    "annual billing and price rises",
    "what customers ask after a price rise",
    "price rises in yearly contracts",
)
WORK = (
    "refunds and invoices",
    "cancelling and refunds",
    "renewals and cancelling",
    "invoices and renewals",
    "support and refunds",
    "onboarding and support",
    "support and cancelling",
    "newsletters and renewals",
)
COLUMNS = (
    "cpu", "read_kb", "words", "questions", "searched", "from_notes", "passages", "held", "headings", "kept",
    "score", "avoided",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """What one piece took; `cpu` in seconds of processor time, `read_kb` in KB of sources and notes."""

    topic: str
    told: Mapping[str, float]

    def __getitem__(self, name: str) -> float:
        return self.told[name]


def company(root: Path, sources: Mapping[str, str]) -> None:
    """The example company, with more sources."""
    found_company(root, name="", email="", example=True)
    for path, text in sources.items():
        (root / path).write_text(text, encoding="utf-8")
    if sources:
        subprocess.run(["git", "add", "-A"], cwd=root, check=True)
        subprocess.run(["git", "commit", "-qm", "Bring in working notes"], cwd=root, check=True)
    here = Company.find(root)
    here.recall(here.tree(), "warm the index", 1, (), "")


def make(root: Path, topic: str, at: datetime) -> Piece:
    """A piece from the intent to its page; what it took is told at its proposal."""
    here = Company.find(root, clock=lambda: at)
    started = cpu()
    run = start_run(here.context, "publish-content", {"topic": topic}, trigger=here.trigger())
    standing = carry_on(here.context, run)
    spent = cpu() - started
    if standing.question:
        raise ValueError(f"{topic}: {standing.question['text']}")
    branch = branch_of(run)
    piece = parse("state/content/x.md", here.git.read_blob(f"{branch}:state/content/{run.split('/')[1]}.md") or b"")[0]
    approve(here.context, run)
    carry_on(here.context, run, effects=True)
    rows = here.projection.query("SELECT * FROM work", limit=1_000)
    told = next(row for each in rows.rows if (row := dict(zip(rows.columns, each, strict=True)))["run"] == run)
    score = float(piece.data.get("score") or 0) if piece else 0.0
    return Piece(topic, {name: float(told.get(name) or 0) for name in COLUMNS} | {"cpu": spent, "score": score})


def cpu() -> float:
    """Seconds of processor time of this process and of the attempts that it forked."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def series(sources: Mapping[str, str], topics: tuple[str, ...]) -> tuple[list[Piece], list[Piece]]:
    """The pieces with memory, and those without."""
    with tempfile.TemporaryDirectory() as place:
        template, kept = Path(place) / "template", Path(place) / "kept"
        company(template, sources)
        shutil.copytree(template, kept, symlinks=True)
        ours, control = [], []
        for number, topic in enumerate(topics):
            at = BEGIN + timedelta(days=7 * number)
            ours.append(make(kept, topic, at))
            fresh = Path(place) / "fresh"
            shutil.copytree(template, fresh, symlinks=True)
            control.append(make(fresh, topic, at))
            shutil.rmtree(fresh)
        return ours, control


def worlds() -> Iterator[tuple[str, dict[str, str], tuple[str, ...]]]:
    yield "25 sources", {}, PRICES
    yield "105 sources", working_notes(), WORK


def run() -> list[Row]:
    """From the second piece on: with memory, and the same without."""
    rows = []
    for world, sources, topics in worlds():
        ours, control = series(sources, topics)
        for name, what, target in (
            ("cpu", "CPU s", "≤ 1.1"),
            ("read_kb", "KB read", "≤ 0.8"),
            ("searched", "full searches", "≤ 0.5"),
            ("score", "score of the piece", "≥ 0.9"),
            ("words", "words of the piece", "≥ 0.85"),
        ):
            one, two = (sum(piece[name] for piece in pieces[1:]) / len(topics[1:]) for pieces in (ours, control))
            rows.append(Row(f"{what} a piece, {world} (peer: no memory)", one, two, one / two if two else None, target))
    return rows


def main() -> None:
    for world, sources, topics in worlds():
        ours, control = series(sources, topics)
        print(f"\n{world}\n{'':46}" + "".join(f"{name:>11}" for name in COLUMNS))  # noqa: T201
        for one, two in zip(ours, control, strict=True):
            print(f"{one.topic[:44]:46}" + "".join(f"{one[name]:>11.3g}" for name in COLUMNS))  # noqa: T201
            print(f"{'  without memory':46}" + "".join(f"{two[name]:>11.3g}" for name in COLUMNS), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
