"""Records beside what services hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from aios.connectors.reading import Reader
from aios.domain.effect import Capability, Collected
from aios.domain.finding import Finding
from aios.errors import TransientError
from aios.runs.live import GONE, TEXT, Seen, compare
from aios.store.catalog import Catalog
from aios.store.trees import OverlayTree
from tests.records.dict_tree import company

PIECE = "state/content/a-piece.md"
TEXT_OF_PIECE = """---
schema: content.v1
title: A piece
slug: a-piece
status: {status}
url: https://x.example/a-piece/
created: 2026-01-02
---

Words.
"""
CUSTOMER = """schema: customer.v1
name: Acme
email: Ops@acme.example
status: active
"""
LIVE = {
    "id": "9",
    "record": None,
    "slug": "a-piece",
    "title": "A piece",
    "status": "published",
    "url": "https://x.example/a-piece",
}


@dataclass(frozen=True, slots=True)
class Holding(Reader):
    """A service that holds what it is told."""

    holds: Mapping[str, Any]
    fails: bool = False

    def capabilities(self) -> Mapping[str, Capability]:
        return {name: Capability(name, False, {"type": "object"}) for name in self.holds}

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        if self.fails:
            raise TransientError("nobody answers")
        return Collected(self.holds[capability])

    def check(self) -> Sequence[Finding]:
        return []


def seen(*articles: Mapping[str, Any], status: str = "published", ignore: frozenset[str] = frozenset()) -> Seen:
    tree = OverlayTree(company(), {PIECE: TEXT_OF_PIECE.format(status=status).encode()})
    site = Holding("site", {"cms.list": {"articles": list(articles)}})
    return compare(Catalog(tree), {"site": site}, {"site": ignore})


def test_what_is_the_same_is_no_difference() -> None:
    found = seen(LIVE)
    assert (found.compared, found.differences, dict(found.unknown), found.silent) == (1, (), {}, ())


def test_a_difference_names_the_field_with_both_values() -> None:
    (found,) = seen({**LIVE, "title": "A piece, retold", "hash": "00ff"}).differences
    assert (found.record, found.connector, found.version) == ("content/a-piece", "site", "00ff")
    assert dict(found.ours) == {"title": "A piece"}
    assert dict(found.live) == {"title": "A piece, retold"}


def test_a_field_that_is_ours_by_its_schema_takes_over_nothing() -> None:
    (found,) = seen({**LIVE, "record": "a-piece", "url": "https://x.example/moved/"}).differences
    assert dict(found.live) == {"url": "https://x.example/moved/"}
    assert (found.kept, found.choices) == (("url",), [])


def test_an_ignored_field_may_differ() -> None:
    assert seen({**LIVE, "title": "Another"}, ignore=frozenset({"content.title"})).differences == ()


def test_what_was_edited_at_the_service_is_told_without_its_text() -> None:
    (found,) = seen({**LIVE, "edited": True}).differences
    assert set(found.live) == {TEXT}
    assert seen({**LIVE, "edited": True}, ignore=frozenset({"content.text"})).differences == ()


def test_what_is_published_here_and_not_there_is_gone() -> None:
    (found,) = seen().differences
    assert found.gone
    assert dict(found.live) == {"status": GONE}


@pytest.mark.parametrize("articles", [(), ({**LIVE, "status": "draft"},)])
def test_a_draft_of_ours_need_not_be_there(articles: tuple[Mapping[str, Any], ...]) -> None:
    assert seen(*articles, status="drafted").differences == ()


def test_what_only_the_service_knows_is_counted() -> None:
    other = {"id": "10", "slug": "other", "title": "Other", "status": "published", "url": "https://x.example/other/"}
    assert seen(LIVE, other).unknown == {"site": 1}


def test_what_was_withdrawn_at_the_service_is_retired_in_our_words() -> None:
    (found,) = seen({**LIVE, "status": "trash"}).differences
    assert dict(found.live) == {"status": "retired"}


def test_a_value_of_no_sane_shape_is_not_offered() -> None:
    assert seen({**LIVE, "title": {"rendered": "x"}}).differences == ()
    assert seen({**LIVE, "title": "x" * 3_000}).differences == ()


def test_two_records_of_one_item_do_not_hide_each_other() -> None:
    again = TEXT_OF_PIECE.format(status="published").replace("title: A piece", "title: Twin").encode()
    tree = OverlayTree(
        company(), {PIECE: TEXT_OF_PIECE.format(status="published").encode(), "state/content/twin.md": again}
    )
    found = compare(Catalog(tree), {"site": Holding("site", {"cms.list": {"articles": [LIVE]}})})
    assert [each.record for each in found.differences] == ["content/twin"]


def test_customers_are_found_by_address_in_any_case() -> None:
    tree = OverlayTree(company(), {"state/customers/acme.yaml": CUSTOMER.encode()})
    pay = Holding("pay", {"customers.list": {"customers": [{"id": "c1", "email": "ops@ACME.example", "name": "Acme"}]}})
    assert compare(Catalog(tree), {"pay": pay}).differences == ()
    renamed = Holding(
        "pay", {"customers.list": {"customers": [{"id": "c1", "email": "ops@acme.example", "name": "Acme AG"}]}}
    )
    (found,) = compare(Catalog(tree), {"pay": renamed}).differences
    assert dict(found.live) == {"name": "Acme AG"}


def test_a_service_that_cannot_be_asked_is_told_and_holds_up_nobody() -> None:
    tree = OverlayTree(company(), {PIECE: TEXT_OF_PIECE.format(status="published").encode()})
    down = Holding("blog", {"cms.list": {}}, fails=True)
    found = compare(Catalog(tree), {"blog": down, "site": Holding("site", {"cms.list": {"articles": [LIVE]}})})
    assert found.differences == ()
    assert found.silent == ("blog cannot be asked (cms.list): nobody answers",)


@pytest.mark.parametrize("holds", [None, [], {"articles": None}, {"articles": ["x", 3]}])
def test_an_answer_of_no_known_shape_holds_nothing(holds: Any) -> None:
    tree = OverlayTree(company(), {})
    assert compare(Catalog(tree), {"site": Holding("site", {"cms.list": holds})}).compared == 0
