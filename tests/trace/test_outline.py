"""The tree of a run's spans, whatever is wrong with them; and what they took together."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios.domain.span import Span, SpanKind
from aios.trace.axis import Axis
from aios.trace.outline import Trace, outline, rows, seconds, union, without
from aios.trace.totals import totals
from tests.trace.samples import ROOT, RUN, SECOND, at, huge, ordinary, span, trace


def names(told: Trace) -> list[str]:
    return [f"{'  ' * row.depth}{row.span.name}" for row in rows(outline(told))]


def test_children_stand_under_their_parents_in_the_order_of_time() -> None:
    assert names(ordinary()) == [
        "publish-content",
        "  plan",
        "    planner@1",
        "      chat tiny",
        "      chat tiny",
        "  dig[2]",
        "    recall",
        "  dig[1]",
        "  dig[1]",
        "  approve",
        "  cms.publish",
    ]


def test_a_span_whose_parent_is_missing_hangs_under_the_run() -> None:
    assert names(trace(span("lost", 1, 2, parent="f" * 16))) == ["publish-content", "  lost"]


def test_a_circle_of_parents_is_cut_open_and_loses_nobody() -> None:
    first = span("first", 1, 2, identity="1" * 16, parent="2" * 16)
    second = span("second", 1, 3, identity="2" * 16, parent="1" * 16)
    own = span("own", 4, 5, identity="3" * 16, parent="3" * 16)
    told = names(trace(first, second, own))
    assert sorted(each.strip() for each in told) == ["first", "own", "publish-content", "second"]


def test_a_span_told_twice_counts_once() -> None:
    step = span("plan", 1, 2)
    told = trace(step, step)
    assert names(told) == ["publish-content", "  plan"]
    assert totals(told).steps == 1


def test_a_thousand_levels_are_no_deeper_than_two() -> None:
    spans = [
        span(f"s{n}", n, 2000, identity=f"{n:016x}", parent=f"{n - 1:016x}" if n > 1 else ROOT) for n in range(1, 1001)
    ]
    told = rows(outline(trace(*spans)))
    assert [row.depth for row in told] == list(range(1001))


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 12), st.integers(-5, 50), st.integers(-5, 50)),
        max_size=12,
    )
)
def test_whatever_spans_say_each_is_told_exactly_once(made: list[tuple[int, int, int, int]]) -> None:
    spans = [
        Span(f"{own:016x}", f"{parent:016x}", SpanKind.STEP, f"s{own}", at(start), at(end))
        for own, parent, start, end in made
    ]
    told = trace(*spans)
    found = rows(outline(told))
    assert sorted(row.span.id for row in found) == sorted({ROOT, *(each.id for each in spans)})
    sums = totals(told)
    assert sums.working >= 0
    assert sums.idle >= 0


def test_a_clock_that_was_set_back_makes_nothing_negative() -> None:
    step = span("plan", 5, 3)
    assert seconds(step) == 0
    sums = totals(trace(step, span("write", 1, 2), end=6))
    assert sums.working == 1
    assert sums.whole == 6


def test_time_is_counted_once_however_much_goes_on_in_it() -> None:
    sums = totals(ordinary())
    assert sums.working == pytest.approx(1.0 + 1.5 + 1.0 + 0.5)
    assert sums.waiting_operator == pytest.approx(86_400)
    assert sums.working + sums.waiting + sums.idle == pytest.approx(sums.whole)


def test_what_the_cache_answered_is_not_counted_as_spent() -> None:
    sums = totals(ordinary())
    assert (sums.calls, sums.hits) == (2, 1)
    assert (sums.tokens_in, sums.tokens_out, sums.tokens_saved) == (1200, 300, 800)
    assert sums.usd == 0.0123
    assert sums.errors == 1


def test_a_steps_own_word_on_its_cost_counts_where_no_call_was_kept() -> None:
    step = span("plan", 1, 1, aios__untimed=True, gen_ai__usage__input_tokens=10, aios__cost__usd=0.5)
    sums = totals(trace(step))
    assert (sums.tokens_in, sums.usd, sums.untimed) == (10, 0.5, 1)


@pytest.mark.parametrize("value", ["many", None, True, float("nan"), float("inf"), [1]])
def test_a_number_that_is_none_counts_nothing(value: object) -> None:
    call = span("chat", 0, 1, kind=SpanKind.CALL, gen_ai__usage__input_tokens=value)
    assert totals(trace(call)).tokens_in in {0, 1}


def test_long_waits_are_folded_and_work_is_to_scale() -> None:
    axis = Axis.of(ordinary())
    assert [fold.why for fold in axis.folds] == ["", "decision"]
    assert axis.folds[1].seconds == pytest.approx(86_400.8)
    assert axis.working < 6
    assert axis.at(at(2.2)) - axis.at(at(1.2)) == pytest.approx(axis.at(at(4.2)) - axis.at(at(3.2)))


def test_the_axis_of_any_trace_runs_from_nought_to_one_and_never_back() -> None:
    for told in (ordinary(), huge(), trace(), trace(end=0), trace(span("plan", 0, 0), end=0), trace(span("a", 3, 1))):
        axis = Axis.of(told)
        first, last = told.root.start, told.root.end
        places = [axis.at(first + (last - first) * n // 50) for n in range(51)]
        assert places == sorted(places)
        assert axis.at(first - SECOND) == 0
        assert axis.at(last + SECOND) == 1
        assert all(0 <= place <= 1 for _, place in axis.ticks())


def test_a_hundred_waits_leave_room_for_the_work() -> None:
    spans = [span(f"s{n}", n * 100, n * 100 + 1) for n in range(100)]
    axis = Axis.of(trace(*spans))
    assert len(axis.folds) == 99
    assert sum(fold.right - fold.left for fold in axis.folds) == pytest.approx(0.4)


def test_intervals_are_joined_and_taken_away() -> None:
    assert union([(5, 6), (1, 2), (2, 3), (9, 8)]) == [(1, 3), (5, 6)]
    assert without([(0, 10)], [(2, 3), (5, 20)]) == [(0, 2), (3, 5)]


def test_the_root_of_another_run_does_not_count_as_the_root() -> None:
    told = ordinary()
    other = replace(told.root, id="e" * 16, name="other")
    assert names(replace(told, spans=(*told.spans, other)))[0] == "publish-content"
    assert RUN.startswith("publish-content")
