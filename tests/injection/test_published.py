"""Hostile texts in every field of published articles: nothing runs, loads or leads anywhere that was not shown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from lxml import etree, html

from aios.connectors.static_site.articles import Article
from aios.connectors.static_site.connector import StaticSite
from aios.connectors.static_site.pages import pages
from aios.connectors.static_site.settings import site_of
from aios.domain.effect import Effect
from aios.domain.unseen import with_unseen_shown, without_unseen
from aios.proposals.neutral import fenced, neutral
from tests.injection.looking import assert_nothing_live, assert_page_is_harmless, assert_plain
from tests.injection.texts import HOST, TEXTS, Hostile

SITE = site_of({"url": "https://acme.example", "title": "Acme", "author": "Olga"}, Path("public"))


def payload(hostile: Hostile) -> dict[str, Any]:
    """An article with the text wherever a text may be."""
    text = hostile.text
    short = text[:200].strip() or "x"
    return {
        "id": f"content/{hostile.name}", "slug": f"x-{hostile.name}", "title": short, "summary": text[:2_000],
        "description": text[:1_000], "date": "2026-11-02T09:00:00Z", "tags": [short[:60]], "author": short[:100],
        "metrics_tag": hostile.name,
        "markdown": f"Before.\n\n{text}\n\n## {short}\n\n| a | {short} |\n|---|---|\n| b | c |\n",
    }  # fmt: skip


@pytest.fixture(scope="module")
def site() -> Mapping[str, bytes]:
    every = [payload(each) for each in TEXTS]
    return pages({each["id"]: Article(each["id"], each, listed=True, date=each["date"]) for each in every}, SITE)


def shown(hostile: Hostile) -> str:
    told = payload(hostile)
    effect = Effect("site", "cms.publish", "x", told, "run", "step", told["id"])
    return StaticSite("site", SITE).preview(effect).text


@pytest.mark.parametrize("hostile", TEXTS, ids=[each.name for each in TEXTS])
def test_an_articles_page_holds_nothing_that_was_not_shown(site: Mapping[str, bytes], hostile: Hostile) -> None:
    page = site[f"x-{hostile.name}/index.html"]
    assert b"Content-Security-Policy" in page
    assert_page_is_harmless(page, shown(hostile))
    root = html.fromstring(page)
    (data,) = root.xpath("//script")
    assert json.loads(data.text)["headline"] == payload(hostile)["title"]


def test_no_other_page_leads_to_the_hostile_host(site: Mapping[str, bytes]) -> None:
    others = [path for path in site if path.endswith(".html") and not path.startswith("x-")]
    assert len(others) > 10
    for path in others:
        assert_page_is_harmless(site[path], "")


def test_feed_and_map_are_well_formed_and_hold_texts_as_texts(site: Mapping[str, bytes]) -> None:
    for path in ("feed.xml", "sitemap.xml"):
        root = etree.fromstring(site[path], parser=etree.XMLParser(resolve_entities=False, no_network=True))
        assert root.getroottree().docinfo.internalDTD is None
        for element in root.iter():
            if element.tag.endswith(("link", "loc", "id")):
                assert HOST not in f"{element.get('href')}{element.text}"
            if element.get("type") == "html":
                assert_page_is_harmless(f"<html><body>{element.text}".encode(), "\n".join(map(shown, TEXTS)))


@pytest.mark.parametrize("hostile", TEXTS, ids=[each.name for each in TEXTS])
def test_what_the_operator_is_shown_holds_all_of_it_and_nothing_live(hostile: Hostile) -> None:
    review = f"# {neutral(hostile.text)}\n\n- {neutral(hostile.text)}\n\n{fenced(shown(hostile))}\n\n## Ours\n"
    assert_plain(review)
    assert_nothing_live(review)
    assert review.endswith("\n## Ours\n")
    assert review.count("\n") >= shown(hostile).count("\n")
    named = set(re.findall(r"⟨U\+\w+⟩", with_unseen_shown(payload(hostile)["markdown"].replace("\r\n", "\n"))))
    assert [name for name in named if name not in review] == []
    assert {char for char in without_unseen(hostile.text) if not char.isspace()} - set(review) == set()
