"""The static site as its readers, their feed readers and a search engine meet it, and what it survives."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import feedparser  # type: ignore[import-untyped]
import pytest
from lxml import etree, html

from aios.connectors.static_site.connector import StaticSite
from aios.connectors.static_site.settings import site_of
from aios.domain.effect import Effect, Outcome
from aios.errors import RefusedError

URL = "https://test.example"
PROSE = "//div[@class='prose']//a[not(@class)]/@href"
HOSTILE = (
    "[a](javascript:alert(4)) [b](JaVaScRiPt&colon;alert(5)) [c](data:text/html,x) [d](//evil.example/x) "
    "[e](ftp://test.example/x) <javascript:alert(6)> ![f](javascript:alert(7)) ![h](//evil.example/p) ![g](http://[::z]/)"
)


def act_until(place: str, site: StaticSite, effect: Effect) -> None:
    replace(site, checkpoint=lambda here: os.kill(os.getpid(), signal.SIGKILL) if here == place else None).act(effect)


class Stand:
    """A site in a folder, and acts on it in few words."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.folder = root / "public"
        self.site = StaticSite("it", site_of({"url": URL, "title": "Test & Co", **settings}, self.folder))

    def planned(self, act: str, slug: str, **more: Any) -> Effect:
        payload: dict[str, Any] = {"id": f"content/{slug}", "slug": slug, **more}
        if act != "unpublish":
            payload = {"title": slug.title(), "markdown": "Text.\n", "date": "2026-03-02", **payload}
        return Effect("it", f"cms.{act}", self.site.target(f"cms.{act}", payload), payload)

    def act(self, act: str, slug: str, **more: Any) -> Outcome:
        return self.site.act(self.planned(act, slug, **more))

    def three(self) -> Stand:
        """Three articles, two of them of one day, published in no order and from several time zones."""
        self.act("publish", "middle", date="2026-03-03", tags=["Garden & Co", "bread"], markdown="[1](old.md)\n")
        old = {"date": "2026-03-03T07:00+09:00", "updated": "2026-03-05T08:30Z", "author": "A"}
        self.act("publish", "old", **old, tags=["bread"])
        last = {"updated": "2026-03-05T10:00+09:00", "summary": "<i> & no", "markdown": "*E* & [m](middle)\n"}
        self.act("publish", "last", date="2026-03-03", **last)
        return self

    def page(self, path: str) -> Any:
        return html.document_fromstring((self.folder / path).read_bytes())

    def feed(self) -> Any:
        found = feedparser.parse((self.folder / "feed.xml").read_bytes(), sanitize_html=False)
        assert not found.bozo, found
        return found

    def sitemap(self) -> dict[str, str]:
        root = etree.fromstring((self.folder / "sitemap.xml").read_bytes())
        return {each.findtext("{*}loc"): each.findtext("{*}lastmod", "") for each in root.findall("{*}url")}

    def files(self) -> dict[str, bytes]:
        """What a web server would serve, whatever its name begins with; not what the site keeps for itself."""
        inside = ((path.relative_to(self.folder), path) for path in self.folder.rglob("*") if path.is_file())
        return {str(name): path.read_bytes() for name, path in inside if name.parts[0] != ".site"}


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def test_a_feed_reader_finds_every_article_newest_first_with_dates_and_text(stand: Stand) -> None:
    feed = stand.three().feed()
    assert (feed.version, feed.feed.title, feed.feed.updated) == ("atom10", "Test & Co", "2026-03-05T08:30:00Z")
    assert [each.link for each in feed.entries] == [f"{URL}/last/", f"{URL}/middle/", f"{URL}/old/"]
    last, middle, old = feed.entries
    assert (middle.published, old.published) == ("2026-03-03T00:00:00Z", "2026-03-03T07:00:00+09:00")
    assert (old.updated, old.author, last.summary) == ("2026-03-05T08:30:00Z", "A", "<i> & no")
    assert [(tag.term, tag.label) for tag in middle.tags] == [("garden-co", "Garden & Co"), ("bread", "bread")]
    assert last.content[0].value == f'<p><em>E</em> &amp; <a href="{URL}/middle/">m</a></p>'


@pytest.mark.parametrize("url", [URL, f"{URL}/a/blog", f"{URL}//a//blog//"])
def test_the_sitemap_lists_what_can_be_read_by_its_canonical_address(tmp_path: Path, url: str) -> None:
    stand = Stand(tmp_path, url=url).three()
    for act in ("publish", "unpublish"):
        stand.act(act, "gone")
    home = f"{URL}/a/blog/" if "blog" in url else f"{URL}/"
    paths = {address.removeprefix(home): changed for address, changed in stand.sitemap().items()}
    dated = {"": "2026-03-05", "last/": "2026-03-05", "middle/": "2026-03-03", "old/": "2026-03-05"}
    assert paths == {**dated, "about/": "", "tags/bread/": "", "tags/garden-co/": ""}
    for path in paths:
        assert stand.page(f"{path}index.html").xpath("//link[@rel='canonical']/@href") == [home + path]
    assert stand.page("404.html").xpath("//h2/a/@href")[0] == f"{home.removeprefix(URL)}last/"


def test_the_index_is_newest_first_and_a_subject_has_a_page_while_an_article_has_it(stand: Stand) -> None:
    assert stand.three().page("index.html").xpath("//ol[@class='list']//h2/a/@href") == ["last/", "middle/", "old/"]
    assert stand.page("index.html").xpath("//nav[@class='subjects']/p")[0].text_content() == "bread 2Garden & Co 1"
    assert stand.page("tags/bread/index.html").xpath("//h2/a/@href") == ["../../middle/", "../../old/"]
    stand.act("update", "middle", date="2026-03-03", tags=["bread"])
    assert not (stand.folder / "tags/garden-co").exists()


def test_hostile_text_ends_as_text(tmp_path: Path) -> None:
    bad = "</title></script><script>alert(1)</script><img src=x onerror=alert(2)>]]>\"'"
    text = f'# {bad}\n\n{bad}\n\n<div onclick=alert(3)>\n\n[a](https://ok.example "{bad[:30]}") {HOSTILE}\n'
    stand = Stand(tmp_path, about=f"We *bake*: [it](bad).\n\n{bad}\n{HOSTILE}")
    stand.act("publish", "bad", title=bad, summary=bad, description=bad, markdown=text, tags=[bad[:60]], author=bad)
    for name in [each for each in stand.files() if each.endswith(".html")]:
        page = stand.page(name)
        assert {each.get("type") for each in page.xpath("//script")} <= {"application/ld+json"}, name
        assert not page.xpath("//img | //iframe | //@*[starts-with(name(), 'on')] | //div[not(@class)]"), name
        for _, _, link, _ in page.iterlinks():
            assert link == "data:," or (urlsplit(link).scheme in {"", "https"} and link[:2] != "//"), (name, link)
    page = stand.page("bad/index.html")
    assert (page.findtext(".//h1"), page.findtext(".//title")) == (bad, f"{bad} · Test & Co")
    assert (json.loads(page.findtext(".//script"))["headline"], page.xpath(PROSE)) == (bad, ["https://ok.example"])
    assert stand.page("about/index.html").xpath(PROSE) == ["../bad/"]
    assert "We bake: it." in stand.page("about/index.html").text_content()
    assert stand.feed().entries[0].title == bad
    stand.act("update", "bad", title="a\x07b\ufffe", markdown="x\x0b\n")  # what XML does not know
    assert stand.feed().entries[0].title == "ab"


@pytest.mark.parametrize(("links", "url"), [("files", URL), ("files", f"{URL}/a/blog/"), ("clean", f"{URL}/a/blog/")])
def test_every_link_of_every_page_leads_to_a_file_of_the_site(tmp_path: Path, links: str, url: str) -> None:
    stand = Stand(tmp_path, url=url, links=links).three()
    stand.act("publish", "more", markdown=f"[1](old) [2](last.md#x) [3](../middle/index.html) [4]({url}/old/)\n")
    stand.act("update", "renamed", id="content/more", markdown="[1](old)\n")
    stand.act("unpublish", "last")
    for name in [each for each in stand.files() if each.endswith(".html")]:
        named = [link for _, _, link, _ in stand.page(name).iterlinks()]
        inside = [link for link in named if not urlsplit(link).scheme and not link.startswith("#")]
        assert len(inside) > 5
        for link in inside:
            assert "//" not in link, (name, link)
            assert link.startswith("/") == (name == "404.html"), (name, link)  # which is shown at any address
            found = (stand.folder / name).parent / link.removeprefix(stand.site.site.base)
            served = links == "clean" or name == "404.html"
            assert (found / "index.html" if served and found.is_dir() else found).is_file(), (name, link)


def test_a_link_to_an_address_is_not_taken_for_another_articles_record(stand: Stand) -> None:
    stand.act("publish", "bread", tags=["bread"])
    stand.act("publish", "cake", id="z/bread")  # its record has the name of another's address
    text = f"[a]({URL}/bread/) [b](bread) [c](cake.html) [d]({URL}/tags/bread/) [e](no)\n"
    stand.act("publish", "links", markdown=text)
    assert stand.page("links/index.html").xpath(PROSE) == ["../bread/", "../bread/", "../cake/", f"{URL}/tags/bread/"]
    assert stand.site.check() == []


def test_an_address_of_the_sites_own_or_that_another_article_has_or_had_is_refused(stand: Stand) -> None:
    for slug in ("about", "tags", "feed", "assets", "index", "404"):
        with pytest.raises(RefusedError, match="belongs to the site itself"):
            stand.act("publish", slug)
    assert stand.files() == {}
    stand.act("publish", "one")
    stand.act("update", "two", id="content/one")
    for slug in ("one", "two"):
        with pytest.raises(RefusedError, match="belongs to content/one"):
            stand.act("publish", slug, id="content/other")


def test_a_renamed_article_leaves_pages_that_lead_to_it_and_stays_one_entry_of_the_feed(stand: Stand) -> None:
    stand.act("publish", "one")
    stand.act("publish", "linking", markdown="[there](one)\n")
    for slug in ("two", "one", "three"):
        stand.act("update", slug, id="content/one")
    for old in ("one", "two"):
        page = stand.page(f"{old}/index.html")
        assert page.xpath("//meta[@http-equiv='refresh']/@content") == ["0; url=../three/"]
        assert page.xpath("//link[@rel='canonical']/@href") == [f"{URL}/three/"]
        assert f"{URL}/{old}/" not in stand.sitemap()
    assert stand.page("linking/index.html").xpath(PROSE) == ["../three/"]
    assert {each.link: each.id for each in stand.feed().entries}[f"{URL}/three/"] == f"{URL}/one/"


def test_a_page_deleted_by_hand_is_noticed_and_made_whole_by_the_next_act(stand: Stand) -> None:
    outcome = stand.site.act(done := stand.planned("publish", "one"))
    (stand.folder / "one/index.html").unlink()
    assert ([each.rule for each in stand.site.check()], stand.site.lookup(done).found) == (["site-stale"], None)
    stand.act("publish", "two")
    assert (stand.site.check(), stand.site.lookup(done).found) == ([], outcome)


def test_files_of_others_are_left_alone(stand: Stand) -> None:
    mine = {"one/photo.jpg": b"a", "tags/bread/notes.txt": b"b", ".well-known/security.txt": b"c", "CNAME": b"d"}
    for name, content in mine.items():
        (stand.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (stand.folder / name).write_bytes(content)
    stand.act("publish", "one", tags=["bread"])
    stand.act("update", "one")  # the subject's page goes, and its folder would go with it were it empty
    assert mine.items() <= stand.files().items()
    assert "tags/bread/index.html" not in stand.files()


@pytest.mark.parametrize("place", ["one/index.html", "one", "one/index.html/photo.jpg", "index.html"])
def test_what_is_refused_for_a_file_in_the_way_is_not_published_later(stand: Stand, place: str) -> None:
    (stand.folder / place).parent.mkdir(parents=True)
    (stand.folder / place).write_text("mine")
    with pytest.raises(RefusedError, match="not of this site's making"):
        stand.act("publish", "one")
    assert stand.files() == {place: b"mine"}
    (stand.folder / Path(place).parts[0]).rename(stand.folder / "elsewhere")
    stand.act("publish", "two")
    assert [each.title for each in stand.feed().entries] == ["Two"]


@pytest.mark.parametrize("place", ["the article", "404.html", "feed.xml", "new/index.html", "sitemap.xml"])
def test_a_site_whose_writer_was_killed_is_made_whole_by_the_next_act(tmp_path: Path, place: str) -> None:
    stand, whole = (Stand(tmp_path / name).three() for name in ("killed", "whole"))
    effect = stand.planned("publish", "new", tags=["bread"])
    child = get_context("spawn").Process(target=act_until, args=(f"writing {place}", stand.site, effect))
    child.start()
    child.join()
    assert (child.exitcode, stand.site.lookup(effect).found) == (-signal.SIGKILL, None)
    begun = place != "the article"
    assert [each.rule for each in stand.site.check()] == ["site-stale"] * begun
    if begun:
        whole.site.act(effect)
    for each in (stand, whole):
        each.act("publish", "after")
    assert (stand.files(), stand.site.check()) == (whole.files(), [])
    assert bool(stand.site.lookup(effect).found) == begun


def test_a_site_in_german_speaks_german(tmp_path: Path) -> None:
    stand = Stand(tmp_path, language="de-AT")
    text = "Das steht fest.[^1]\n\n## Über Öl\n\n[^1]: Quelle.\n"
    stand.act("publish", "gruesse", title="Grüße", markdown=text, updated="2026-03-15", tags=["Süßes"], tier="offline")
    page = stand.page("gruesse/index.html")
    for said in ("2. März 2026", "aktualisiert am 15. März 2026", "Min. Lesezeit", "Quellen und", "Ohne Sprachmodell"):
        assert said in page.text_content()
    assert page.xpath("//html[@lang='de-AT']//h2[@id='ueber-oel']")
    assert stand.page("tags/suesses/index.html").findtext(".//h1") == "Artikel zu „Süßes“"
    assert stand.page("404.html").findtext(".//h1") == "Seite nicht gefunden"
    stand.act("unpublish", "gruesse")
    assert stand.page("gruesse/index.html").findtext(".//h1") == "Zurückgezogen"
