"""What somebody outside says, without our keys in it."""

from __future__ import annotations

import pytest

from aios.connectors.quoting import quoted

KEY = "s3cret-value-nobody-may-see"


@pytest.mark.parametrize("before", range(180, 205))
@pytest.mark.parametrize("end", [False, True])
def test_no_half_of_a_key_is_left_where_the_line_is_cut(before: int, end: bool) -> None:
    text = "x" * before + KEY + "y" * before
    found = quoted(text, [KEY], 200, end=end)
    assert len(found) <= 200
    assert not any(KEY[at : at + 6] in found for at in range(len(KEY) - 5))


def test_what_is_too_short_to_be_a_key_stays() -> None:
    assert quoted("it is  on\nfire", ["on", ""], 200) == "it is on fire"
