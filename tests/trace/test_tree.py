"""A trace as text: what is said, how wide it gets, and that nothing in it reaches the terminal as a command."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len

from aios.domain.span import SpanKind
from aios.trace.tree import as_text, lines
from aios.trace.wording import dollars, duration, plain, tokens
from tests.trace.samples import huge, ordinary, span, trace

WHOLE = """\
publish-content/a-fine-topic  done
started 2026-11-02 09:00:00 UTC · over after 1 d · 01m83na8zgh8kgemmy5tdkmdth
worked 4.00 s · waited 1 d for you · 2 model calls, 1 from the cache · 1200 → 300 tokens · $0.01 · 1 failed

✓ plan          1.00 s  c0ffee0000  three parts
└─ ✓ planner@1  800 ms              tier small · 80% confident
   ├─ ✓ tiny    600 ms              1200 → 300 tokens, $0.01
   └─ ✓ tiny      1 ms              from the cache · 700 → 100 tokens
✓ dig[2]        1.50 s              found more
└─ ✓ recall     100 ms              “a topic” · 3 hits
✗ dig[1]        1.00 s              the source is gone
✓ dig[1]        1.00 s              attempt 2 · found it
⏸ approve          1 d              approved by me@test.example · policy: ask, it is published
✓ cms.publish   500 ms              https://test.example/a/"""


def test_a_trace_tells_times_cost_verdicts_and_errors() -> None:
    assert as_text(lines(ordinary())) == WHOLE


@pytest.mark.parametrize("width", [20, 31, 40, 60, 80, 99, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    for told in (ordinary(), huge(), trace(span("非常に長い名前" * 20, 0, 1, aios__title="💥" * 300))):
        assert all(cell_len(line) <= max(width, 30) for line in as_text(lines(told, width)).splitlines())


def test_a_narrow_terminal_still_tells_what_failed_and_how_long_it_took() -> None:
    text = as_text(lines(ordinary(), 50))
    assert "✗ dig[1]" in text
    assert "the source is" in text
    assert "c0ffee" not in text


def test_a_wide_terminal_shows_when_it_was_and_a_long_wait_does_not_dwarf_the_work() -> None:
    text = as_text(lines(ordinary(), 120)).splitlines()
    plan = next(line for line in text if "✓ plan " in line)
    gate = next(line for line in text if "approve" in line)
    assert plan.count("█") >= 3
    assert gate.count("░") <= 3


def test_nothing_that_a_terminal_would_obey_or_hide_gets_through() -> None:
    evil = "a\x1b[2Jb\x07\u202ec\u200bd\ne\ud800"
    told = trace(
        span(evil, 0, 1, error=evil, aios__title=evil),
        span(evil, 0, 2, kind=SpanKind.GATE, aios__wait=evil, aios__decision=evil, aios__decided_by=evil),
        span(evil, 0, 3, kind=SpanKind.CALL, gen_ai__request__model=evil, gen_ai__response__finish_reasons=[evil]),
        span(evil, 0, 4, kind=SpanKind.RECALL, aios__recall__query=evil),
        span(evil, 0, 5, kind=SpanKind.EFFECT, aios__effect__target=evil, aios__commit=evil),
        status=evil,
        notes=(),
    )
    text = as_text(lines(told))
    assert all(char.isprintable() for line in text.split("\n") for char in line)
    assert "⟨U+202E⟩" in text
    assert "⟨U+001B⟩" in text
    text.encode()


ODD = [
    "aios.attempt",
    "aios.title",
    "aios.confidence",
    "aios.tier",
    "aios.recall.hits",
    "aios.recall.query",
    "aios.read.documents",
    "aios.cost.usd",
    "aios.commit",
    "aios.status",
    "aios.wait",
    "aios.untimed",
    "aios.open",
    "gen_ai.usage.input_tokens",
    "gen_ai.response.finish_reasons",
]


@pytest.mark.parametrize("value", [None, True, -1, 1.5, "text", ["a", 1], {"a": "b"}, float("nan"), 10**30])
def test_odd_attributes_do_not_break_it(value: object) -> None:
    attributes: dict[str, Any] = {name.replace(".", "__"): value for name in ODD}
    kinds = [kind for kind in SpanKind if kind is not SpanKind.RUN]
    told = trace(*(span(kind.value, 0, 1, kind=kind, **attributes) for kind in kinds))
    assert len(lines(told, 120)) == 4 + len(kinds)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.00042, "0.4 ms"),
        (0.42, "420 ms"),
        (0.9999, "1.00 s"),
        (9.994, "9.99 s"),
        (9.999, "10.0 s"),
        (59.96, "1 min"),
        (200, "3 min 20 s"),
        (3599.9, "1 h"),
        (7500, "2 h 5 min"),
        (86_400, "1 d"),
        (273_600, "3 d 4 h"),
        (1e9, "11574 d 1 h"),
    ],
)
def test_durations_are_told_in_units_that_people_choose(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_small_sums_keep_the_digits_that_tell_something() -> None:
    assert [dollars(usd) for usd in (0, 0.000_004, 0.000_4, 0.126, 12.5)] == [
        "$0",
        "$0.000004",
        "$0.0004",
        "$0.13",
        "$12.50",
    ]


def test_what_cannot_be_seen_is_named() -> None:
    assert plain("a\u00a0b\tc\u200bd") == "a b c⟨U+200B⟩d"
    assert plain("x" * 400, 10) == "x" * 9 + "…"


def test_large_counts_keep_three_digits() -> None:
    assert [tokens(count) for count in (0, 9999, 10_000, 12_345, 180_000, 999_999, 1_250_000)] == [
        "0",
        "9999",
        "10k",
        "12.3k",
        "180k",
        "1M",
        "1.25M",
    ]


def test_fewer_levels_are_fewer_lines() -> None:
    assert len(lines(huge(500), depth=1)) == 4 + 100
    assert len(lines(huge(500))) == 4 + 500


def test_a_run_with_nothing_in_it_has_a_trace() -> None:
    assert "no model asked" in as_text(lines(trace(), 80))
