"""What the report says of runs that get cheaper, that do not, and that get dearer; and of records that tell little."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from aios.reports.compounding import Compounding, Outcome, as_dict, beside, compounding, sentence
from aios.reports.page import page
from tests.reports.series import row, runs

CHEAPER = [1 - 0.06 * number for number in range(12)]
HOSTILE = "</style><script>alert(1)</script>\"'&\x1b[31m"


def one(rows: list[dict[str, Any]]) -> Compounding:
    (report,) = compounding(rows)
    return report


def test_a_known_fall_is_found_with_its_size() -> None:
    report = one(runs(CHEAPER))
    assert report.outcome is Outcome.CHEAPER
    work = next(line for line in report.lines if line.measure.name == "seconds")
    assert work.trend.change == pytest.approx(-0.66, abs=0.12)
    assert sentence(report).startswith("It gets cheaper: over 12 runs, work per 100 words fell")
    assert any("Reuse: passages that memory held rose, 0%" in line for line in beside(report))


@pytest.mark.parametrize("seed", range(12))
def test_where_nothing_changes_it_says_that_there_is_no_trend(seed: int) -> None:
    report = one(runs([1.0] * 12, seed=seed, noise=0.3))
    assert report.outcome is Outcome.NONE
    assert "No trend: over 12 runs" in sentence(report)


def test_a_worsening_is_called_one() -> None:
    report = one(runs(CHEAPER[::-1]))
    assert report.outcome is Outcome.DEARER
    assert sentence(report).startswith("It gets dearer")
    assert all(line.better is not True for line in report.lines)


def test_cheaper_without_more_reuse_is_not_put_down_to_reuse() -> None:
    rows = [{**each, "held": 3, "from_notes": 1} for each in runs(CHEAPER)]
    assert "Reuse does not grow with it, so reuse is not what makes it cheaper." in beside(one(rows))


def test_cheaper_in_one_way_and_dearer_in_another_is_both() -> None:
    rows = [{**each, "read_kb": 10.0 + 40 * place} for place, each in enumerate(runs(CHEAPER))]
    assert one(rows).outcome is Outcome.MIXED


@pytest.mark.parametrize("count", [1, 2, 4])
def test_few_runs_are_too_few_however_good_they_look(count: int) -> None:
    report = one(runs(CHEAPER[::3][:count], noise=0))
    assert report.outcome is Outcome.TOO_FEW
    assert "Too few runs to tell" in sentence(report)


def test_longer_pieces_are_no_dearer_and_shorter_ones_no_cheaper() -> None:
    rows = [
        {**each, "words": 2_000 - 150 * place, "seconds": 20 - 1.5 * place, "tokens": 0, "usd": 0.0, "read_kb": 1.0}
        for place, each in enumerate(runs([1.0] * 10, noise=0))
    ]
    work = next(line for line in one(rows).lines if line.measure.name == "seconds")
    assert work.better is None


def test_runs_without_a_piece_are_compared_as_they_are() -> None:
    rows = [row(number, workflow="watch", piece="", words=0, seconds=9.0 - number, read_kb=4.0) for number in range(8)]
    work = one(rows).lines[0]
    assert work.basis == "per run"
    assert work.better is True


def test_runs_before_there_were_figures_tell_what_they_can() -> None:
    old = [row(number, usd=0.02, tokens=900, waited=60) for number in range(6)]
    report = one(old)
    assert {line.measure.name for line in report.lines} == {"usd", "tokens", "waited"}
    assert any("6 runs ended before all of this was noted" in line for line in beside(report))
    mixed = one([*old, *({**each, "started": "2027" + each["started"][4:]} for each in runs(CHEAPER))])
    work = next(line for line in mixed.lines if line.measure.name == "seconds")
    assert (len(work.values), work.trend.count) == (18, 12)
    assert work.values[:6] == (None,) * 6


def test_workflows_are_told_apart() -> None:
    reports = compounding([*runs(CHEAPER), *(row(number, workflow="watch", seconds=1.0) for number in range(3))])
    assert [report.workflow for report in reports] == ["publish-content", "watch"]
    assert [report.outcome for report in reports] == [Outcome.CHEAPER, Outcome.TOO_FEW]


def test_what_the_cache_spared_is_said() -> None:
    rows = [{**each, "avoided": 3, "avoided_usd": 0.05} for each in runs([1.0] * 4)]
    assert "The cache answered 12 calls that would have cost 0.2000 USD." in beside(one(rows))


def test_its_json_has_the_same_fields_whatever_there_is_to_tell() -> None:
    full, little = as_dict(one(runs(CHEAPER))), as_dict(one([row(1)]))
    assert set(full) == set(little) == {"workflow", "outcome", "says", "measures", "runs"}
    fields = {
        "name", "label", "about", "compared", "better", "trend", "runs", "slope", "first", "last", "change", "chance",
        "values",
    }  # fmt: skip
    assert {frozenset(each) for report in (full, little) for each in report["measures"]} == {frozenset(fields)}
    assert set(full["runs"][0]) == set(little["runs"][0])
    assert json.loads(json.dumps(full)) == full
    assert as_dict(one(runs(CHEAPER)[::-1])) == full  # in whatever order the rows came


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(text: str) -> _Page:
    found = _Page()
    found.feed(text)
    assert found.open == []
    return found


def test_the_page_is_whole_and_says_its_charts_in_words() -> None:
    text = page(compounding(runs(CHEAPER)), company="Fernwerk", at="2026-11-23 09:00 UTC")
    found = read(text)
    assert found.tags.count("svg") == len(one(runs(CHEAPER)).lines)
    labels = [value for tag, name, value in found.attributes if (tag, name) == ("svg", "aria-label")]
    assert any(label.startswith("work per 100 words: ") and "for the better" in label for label in labels)
    assert "prefers-color-scheme: dark" in text
    assert "It gets cheaper" in text
    assert not re.search(r"https?://|@import|url\(", text)  # nothing is loaded from anywhere
    assert text == page(compounding(runs(CHEAPER)), company="Fernwerk", at="2026-11-23 09:00 UTC")


def test_what_records_say_is_text_and_never_markup() -> None:
    rows = [{**each, "run": f"publish-content/{HOSTILE}/1", "status": HOSTILE} for each in runs(CHEAPER)]
    rows += [row(1, workflow=HOSTILE, subject=HOSTILE, started=HOSTILE)]
    found = read(page(compounding(rows), company=HOSTILE, at="now"))
    assert "script" not in found.tags
    assert not [name for _, name, _ in found.attributes if name.startswith("on")]
    json.dumps([as_dict(report) for report in compounding(rows)])


def test_a_page_of_nothing_says_so() -> None:
    assert "No run has come to a proposal yet." in page([], company="", at="now")


def test_what_no_run_had_is_said_once_and_not_drawn() -> None:
    report = one([{**each, "usd": 0.0, "tokens": 0, "calls": 0, "edited": 0, "held": 0} for each in runs(CHEAPER)])
    assert "None in any run: money, tokens, model calls, characters you changed." in beside(report)
    shown = {line.measure.name for line in report.shown}
    assert shown.isdisjoint({"usd", "tokens", "calls", "edited"})
    assert {"seconds", "read_kb", "held"} <= shown  # reuse that never came is worth a look
    assert {each["name"] for each in as_dict(report)["measures"]} > shown
    assert read(page([report], company="Fernwerk", at="now")).tags.count("svg") == len(shown)


def test_fewer_full_searches_are_a_cost_that_falls() -> None:
    rows = [
        {**each, "questions": 12, "searched": 12 - place, "seconds": 5.0, "usd": 0.0, "tokens": 0, "words": 500}
        for place, each in enumerate(runs([1.0] * 12, noise=0))
    ]
    assert "questions that needed a full search fell, 100% → 8%" in sentence(one(rows))


def test_one_step_after_the_first_run_is_told_but_is_no_trend() -> None:
    report = one(runs([1.0] + [0.5] * 7, noise=0))
    assert report.outcome is Outcome.NONE
    told = next(line for line in beside(report) if line.startswith("The later runs beside the first"))
    assert "material read −50%" in told
    assert told.endswith("; one first run proves nothing.")
    same = [row(number, words=1_000, seconds=5.0 + number % 2 / 10, read_kb=10.0) for number in range(8)]
    assert not any("beside the first" in line for line in beside(one(same)))
