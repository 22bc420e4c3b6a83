"""The publicist: an issue of what is new, in the pieces' own words, once; nothing new, no issue."""

from __future__ import annotations

from typing import Any

import pytest

from aios.errors import InvalidError
from tests.correspondence.house import ask, body_of, company, customer, data_of, piece, sent
from tests.memory.files import Files

BODY = """# Title

It leans on nothing.

A trial of seven days sold [as well](https://x.example) as one of thirty.[^1] More.

[^1]: x
"""
TRIAL = piece("trial-length", "2026-11-10", BODY, title="How long a trial")
NAMES = piece("plan-names", "2026-11-01", "Names of plans should say whom each plan is meant for.\n")
OLD = piece("old", "2025-01-01", "Old pieces are pieces that nobody needs to hear of again.\n")
NAME = "newsletter-2026-11-23"


def compose(tree: Files, **more: Any) -> Any:
    given = {"since": more.pop("since")} if "since" in more else {}
    return ask("publicist", tree, given, **more)


def test_an_issue_tells_of_each_new_piece_in_a_sentence_of_its_own_with_its_link() -> None:
    reply, tree = compose(company(customer("acorn"), TRIAL, NAMES, OLD))
    assert reply.output["pieces"] == ["trial-length", "plan-names"]
    message, body = data_of(tree, f"state/messages/{NAME}.md"), body_of(tree, f"state/messages/{NAME}.md")
    assert (message["audience"], message["subject"]) == ("newsletter", "How long a trial")
    assert "A trial of seven days sold as well as one of thirty." in body
    assert "https://desk.example/trial-length/" in body
    assert "old piece" not in body
    first = message["evidence"][0]
    line = (tree.read(first["source"]) or b"").decode().splitlines()[first["line"] - 1]
    assert line.startswith("A trial of seven days")


def test_nothing_new_is_no_issue() -> None:
    reply, _ = compose(company(customer("acorn"), OLD))
    assert reply.files == {}
    assert reply.output["message"] == ""
    _, tree = compose(company(customer("acorn"), TRIAL))
    waiting, _ = compose(tree)
    assert (waiting.files, waiting.output["summary"]) == ({}, f"no issue: messages/{NAME} is not sent yet")
    after, _ = compose(sent(tree, NAME, "2026-11-23T10:00:00Z"), now="2026-12-01T09:00:00Z")
    assert after.files == {}


def test_the_next_issue_tells_only_of_what_no_issue_told() -> None:
    _, tree = compose(company(customer("acorn"), TRIAL))
    tree = sent(tree, NAME, "2026-11-23T10:00:00Z").with_files(
        piece("late", "2026-11-23", "Prices that rise on the day of an issue are told in the next.\n")
    )
    reply, _ = compose(tree, now="2026-12-01T09:00:00Z")
    assert reply.output["pieces"] == ["late"]


def test_a_day_and_words_of_the_operator_are_heeded() -> None:
    tree = company(customer("acorn"), TRIAL, NAMES, OLD)
    assert compose(tree, since="2024-01-01")[0].output["pieces"] == ["trial-length", "plan-names", "old"]
    reply, after = compose(tree, guidance=("drop plan-names; title: News of November",))
    assert reply.output["pieces"] == ["trial-length"]
    assert data_of(after, f"state/messages/{NAME}.md")["subject"] == "News of November"
    with pytest.raises(InvalidError, match="no day"):
        compose(tree, since="last week")


def test_what_is_no_longer_out_or_has_no_address_is_not_told_of() -> None:
    gone = piece("gone", "2026-11-10", "A sentence that would be good enough to quote here.\n", status="retired")
    nowhere = piece("nowhere", "2026-11-11", "A sentence that would be good enough to quote here.\n", url=None)
    tree = company(customer("acorn"), gone, {path: text.replace("url: null\n", "") for path, text in nowhere.items()})
    assert compose(tree)[0].files == {}
