"""What a run found before reaches an agent on a model: decisions first, summarized to its room, nothing silently."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aios.agents.conversation import CHARS_PER_TOKEN
from aios.agents.so_far import so_far
from aios.agents.working import WorkingMemory
from aios.domain.agent import Found
from tests.agents.test_loop import call

FOUND = tuple(Found("dig", item, {"note": f"part {item} " + "word " * 40, "url": "x"}) for item in range(6))


def long_run(steps: int = 40) -> list[Found]:
    """A run that decided something first, then dug up a lot, and judged it at the end."""
    text = "It begins with this sentence. " + "And goes on at length. " * 200
    dug = [
        Found("dig", item, {"passages": ["p" * 300] * 20, "text": text, "useful": item % 2 == 0})
        for item in range(steps)
    ]
    plan = Found("plan", None, {"record": "pricing-page", "outline": [{"heading": "h" * 500}] * 9}, ("drop the intro",))
    return [plan, *dug, Found("judge", None, {"accepted": True, "score": 0.81, "report": text})]


def test_where_there_is_room_everything_is_given_in_order() -> None:
    told = so_far(FOUND, 4_000)
    assert told.told() == {"given": 6, "summarized": 0, "on_one_line": 0, "left_out": 0, "which": {}}
    lines = told.text.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"dig[{number}]" for number in range(1, 7)]


@pytest.mark.parametrize("room", [80, 150, 400, 1_000, 2_400, 10_000])
def test_a_long_run_stays_within_its_room_and_keeps_what_was_decided(room: int) -> None:
    found = long_run()
    told = so_far(found, room)
    assert len(told.text) <= room * CHARS_PER_TOKEN
    assert told == so_far(list(found), room)
    assert "plan: the operator said “drop the intro”; record pricing-page" in told.text
    assert "judge: accepted true; score 0.81" in told.text
    counts = told.told()
    assert sum(counts[name] for name in ("given", "summarized", "on_one_line", "left_out")) == len(found)


def test_details_come_back_for_the_newest_and_what_is_left_out_is_named() -> None:
    told = so_far(long_run(), 700)
    assert told.summarized[-1] == "judge"
    assert "report It begins with this sentence. (and 1000 words more)" in told.text
    few = so_far(long_run(), 150)
    gone = len(few.left_out)
    assert few.text.startswith(f"(left out for want of room: {gone} results, dig[1–{gone}])")
    assert few.told()["which"]["left_out"] == f"dig[1–{gone}]"


def test_a_summary_tells_the_first_sentence_and_how_many_entries_there_are() -> None:
    told = so_far(long_run(1), 400)
    assert "dig[1]: useful true; passages 20 entries, the first: " in told.text
    assert "text It begins with this sentence." in told.text
    assert told.whole == []


def test_nothing_before_and_no_room_are_no_text() -> None:
    assert so_far((), 100).text == ""
    assert so_far(FOUND, 1).text == ""
    assert so_far(FOUND, 1).left_out == [f"dig[{number}]" for number in range(1, 7)]


@pytest.mark.parametrize("output", ["x" * 10_000, ["y" * 5_000] * 3, 7, {"a": {"b": ["z" * 9_000]}}, {}])
def test_any_output_is_held_to_a_summary(output: Any) -> None:
    told = so_far((Found("plan", None, output),), 4_000)
    assert told.text.startswith("plan: ")
    assert len(told.text) < 600


def test_the_manifest_of_a_conversation_names_what_was_summarized_and_left_out() -> None:
    memory = WorkingMemory(1_000)
    memory.begin(replace(call(), found=tuple(long_run())), ())
    told = memory.manifest()["earlier_steps"]
    assert told["left_out"] > 0
    assert told["which"]["left_out"].startswith("dig[1–")
    assert "the operator said “drop the intro”" in memory.messages[1].text
