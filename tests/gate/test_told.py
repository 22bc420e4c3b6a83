"""Merged with nothing applied cannot be missed: the job's page says it first, and the exit code says it too."""

from __future__ import annotations

import re

import pytest

from aios.cli.apply_shared import exit_code, summary
from aios.errors import Exit
from aios.runs.adopting import Adopted, Outcome
from aios.runs.applying import TakenIn
from aios.runs.closing import Closed

URL = "https://hub.test.example/pull/7"


def _adopted(outcome: Outcome) -> Adopted:
    return Adopted("a/b/c", outcome, "eve", 7, URL, why="eve <b>merged</b> it | and", hint="`aios reject` it")


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.APPROVED, Exit.OK),
        (Outcome.UNCONFIRMED, Exit.WAITING),
        (Outcome.SHOWN, Exit.WAITING),
        (Outcome.REFUSED, Exit.REFUSED),
        (Outcome.BUSY, Exit.REFUSED),
    ],
)
def test_what_was_merged_and_is_not_done_is_told_first(outcome: Outcome, code: Exit) -> None:
    taken = TakenIn("main", (_adopted(outcome),))
    assert exit_code(taken, []) == code
    text = summary(taken, [], {}, [])
    assert ("## Merged, and nothing was done" in text) == (code != Exit.OK)
    assert "<b>" not in text
    linked = f"| [\\#\u20607 a/b/c]({URL}) |" if outcome is not Outcome.APPROVED else ""
    assert linked in text, text


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://x.example/a) [b](c", "https://x.example/a|b"])
def test_an_address_that_is_none_leads_nowhere(url: str) -> None:
    refused = Adopted("a/b/c", Outcome.REFUSED, "eve", 7, url, why="[here](https://evil.example)", hint="@ann")
    text = summary(TakenIn("main", (refused,)), [], {}, [])
    row = next(line for line in text.splitlines() if "a/b/c" in line)
    assert "](" not in re.sub(r"`[^`]*`", "", row).replace("\\](", "")
    assert row.replace("\\|", "").count("|") == 5
    assert "7 a/b/c" in text
    assert "@ann" not in text


def test_closed_by_nobody_who_may_and_not_pushed_are_told() -> None:
    closed = Closed("a/b/c", 7, URL, "eve", rejected=False, why="eve closed #7")
    assert exit_code(TakenIn("main", closed=(closed,)), []) == Exit.REFUSED
    assert "eve closed " in summary(TakenIn("main", closed=(closed,)), [], {}, [])
    assert exit_code(TakenIn("main"), ["main: clash"]) == Exit.REFUSED
    assert "Nothing approved waits" in summary(TakenIn("main"), [], {}, [])
