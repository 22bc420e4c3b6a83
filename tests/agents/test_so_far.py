"""What a run found before reaches an agent on a model: the newest whole, older ones shortened, the oldest counted."""

from __future__ import annotations

from aios.agents.so_far import so_far
from aios.domain.agent import Found

FOUND = tuple(Found("dig", item, {"note": f"part {item} " + "word " * 40, "url": "x"}) for item in range(6))


def test_where_there_is_room_everything_is_given_in_order() -> None:
    told = so_far(FOUND, 4_000)
    assert told.told() == {"given": 6, "shortened": 0, "left_out": 0}
    lines = told.text.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"dig[{number}]" for number in range(1, 7)]


def test_the_newest_stay_whole_older_ones_become_a_line_and_the_oldest_a_count() -> None:
    told = so_far(FOUND, 130)
    assert told.whole >= 1
    assert told.shortened >= 1
    assert told.left_out >= 1
    assert told.whole + told.shortened + told.left_out == 6
    lines = told.text.splitlines()
    assert lines[0] == f"({told.left_out} earlier results are left out)"
    assert lines[1].endswith("gave note, url")
    assert lines[-1].startswith('dig[6]: {"note":"part 5')
    assert len(told.text) <= 130 * 4 + 60


def test_nothing_before_and_no_room_are_no_text() -> None:
    assert so_far((), 100).text == ""
    assert so_far(FOUND, 1).text == ""
    assert so_far(FOUND, 1).left_out == 6


def test_a_long_output_is_cut() -> None:
    told = so_far((Found("plan", None, "x" * 10_000),), 4_000)
    assert told.text.endswith("…")
    assert len(told.text) < 1_600
