"""Of the operator's words on a piece, commands and what points into it stay with it; the rest may be a rule."""

from __future__ import annotations

import pytest

from aios.agents.offline.general import rules_in


@pytest.mark.parametrize(
    "words",
    [
        "shorter; drop section Discounts",
        "title: What a price rise costs",
        "more about notice periods. Drop the last section",
        "the second paragraph repeats the first",
        "say who the reader is in the first paragraph",
        "use the other quotation here",
        "Abschnitt 2 ist zu lang",
        "nicer",
        "publish anyway",
        "",
    ],
)
def test_what_is_about_this_piece_only_is_no_rule(words: str) -> None:
    assert rules_in(words) == []


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("No exclamation marks", ["No exclamation marks"]),
        ("shorter; too many adverbs", ["too many adverbs"]),
        ("Always name the currency. This heading is dull.", ["Always name the currency."]),
        ("in every piece, drop the section on discounts", ["in every piece, drop the section on discounts"]),
        (
            "Never repeat the first paragraph; nie Preise ohne Währung",
            ["Never repeat the first paragraph", "nie Preise ohne Währung"],
        ),
    ],
)
def test_what_holds_beyond_it_is_in_the_order_in_which_it_was_said(words: str, rules: list[str]) -> None:
    assert rules_in(words) == rules
