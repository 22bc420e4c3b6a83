"""A second piece on a related topic takes less than the first and than it would without memory; and is as good."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aios.app import Company
from aios.example import DEMO_TOPIC, SECOND_TOPIC
from aios.runs.comparison import Figures, figures
from aios.runs.conductor import carry_on
from aios.runs.gate import approve
from aios.runs.start import start_run
from tests.benchmarks.compounding import company


def proposed(root: Path, topic: str, *, publish: bool = False) -> Figures:
    here = Company.find(root)
    run = start_run(here.context, "publish-content", {"topic": topic}, trigger=here.trigger())
    carry_on(here.context, run)
    told = figures(here.context, run)
    if publish:
        approve(here.context, run)
        carry_on(here.context, run, effects=True)
    return told


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> tuple[Figures, Figures, Figures]:
    """The first piece, the second, and the second in a company that never made the first."""
    root = tmp_path_factory.mktemp("company")
    company(root / "one", {})
    shutil.copytree(root / "one", root / "blank", symlinks=True)
    first = proposed(root / "one", DEMO_TOPIC, publish=True)
    return first, proposed(root / "one", SECOND_TOPIC), proposed(root / "blank", SECOND_TOPIC)


def test_it_reads_and_searches_less_than_the_first_and_than_without_memory(
    pieces: tuple[Figures, Figures, Figures],
) -> None:
    first, second, without = pieces
    assert without.material > 0.9 * first.material  # it is no smaller a topic
    assert second.material < 0.75 * min(first.material, without.material)
    assert second.per_100_words < 0.75 * min(first.per_100_words, without.per_100_words)
    assert (first.searched, without.searched) == (first.questions, without.questions)
    assert second.searched < second.questions / 2


def test_it_is_as_long_and_as_good_and_repeats_nothing_wholesale(pieces: tuple[Figures, Figures, Figures]) -> None:
    _, second, without = pieces
    assert second.words > 0.9 * without.words
    assert second.score > 0.95 * without.score
    assert second.held < 0.2 * second.passages


def test_it_names_what_it_reused(pieces: tuple[Figures, Figures, Figures]) -> None:
    first, second, without = pieces
    assert (second.grew_from, bool(second.kept)) == ("Raising prices for existing customers", True)
    assert second.known > 0.8 * second.sources
    assert set(second.origins) & {f"memory/research/raising-prices-for-existing-customers-q{n}.md" for n in range(1, 8)}
    assert (first.known, without.known, without.origins) == (0, 0, {})
