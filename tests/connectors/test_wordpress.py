"""WordPress alone: its readers' pages, its users' rights, and what it answers when it is not what was said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from aios.connectors.registry import KINDS
from aios.domain.effect import Effect
from aios.errors import AiosError, CredentialsError, RefusedError
from tests.connectors.blogs import House, house, pictured
from tests.connectors.cases import DOT, SECRETS
from tests.connectors.stands.serving import Asked, Said, serve
from tests.connectors.stands.wordpress import settings
from tests.peers import wordpress

peer = pytest.mark.peer("wordpress")
TEXT = """\
Good *morning*.[^a] See [us](https://test.example/x) or [that](other.md).

## A part

![A dot](media/dot.png)

[gallery] and a line:

https://www.youtube.com/watch?v=dQw4w9WgXcQ

```sh
echo "[caption]" > https://x
https://www.youtube.com/watch?v=dQw4w9WgXcQ
```

| a | b |
|---|--:|
| 1 | 2 |

<script>alert(1)</script>

[^a]: A note with `code`.
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[House]:
    made = house(tmp_path, "wordpress")
    yield made
    made.stand.stop()


@pytest.fixture
def real(tmp_path: Path) -> House:
    return house(tmp_path, "real wordpress")


@peer
def test_readers_see_the_article_and_nothing_of_it_runs(real: House) -> None:
    fields = {**pictured(real.root), "markdown": TEXT, "title": "Hello <b>there</b> & [gallery]"}
    real.act("publish", **fields, tags=["Garden & Co"])
    status, text = wordpress.running().get("/hello/")
    assert status == 200
    page = html.document_fromstring(text)
    (article,) = page.xpath("//*[contains(@class, 'entry-content')]")
    assert "Hello <b>there</b> & [gallery]" in page.findtext(".//title")
    assert article.xpath(".//h2[@id='a-part']/text()") == ["A part"]
    assert article.xpath(".//a/@href")[:2] == ["#fn-hello-1", "https://test.example/x"]
    assert article.xpath(".//li[@id='fn-hello-1']//a/@href") == ["#fnref-hello-1"]
    assert article.xpath(".//td")[1].text == "2"
    assert not article.xpath(".//script | .//iframe | .//@*[starts-with(name(), 'on')]")
    assert "[gallery] and a line:" in article.text_content()
    assert article.text_content().count("https://www.youtube.com") == 2
    (source,) = article.xpath(".//img/@src")
    assert source.endswith(f"/dot-{DOT['sha256'][7:23]}.png")
    real.act("unpublish")
    assert wordpress.running().get("/hello/")[0] == 404


@peer
def test_a_picture_is_uploaded_once_for_all_articles(real: House) -> None:
    fields = pictured(real.root)
    for slug in ("one", "two"):
        real.act("publish", slug=slug, **fields)
    real.act("update", slug="one", title="Changed", **fields)
    assert wordpress.running().sql("select count(*) from wp_posts where post_type = 'attachment'") == [["1"]]


@peer
def test_an_author_publishes_updates_and_restores_without_the_right_to_any_html(real: House) -> None:
    site = real.site(username="bob")
    fields = {**real.planned("publish").payload, **pictured(real.root), "markdown": TEXT}
    target = site.target("cms.publish", fields)
    assert site.check() == []
    site.act(Effect("site", "cms.publish", target, fields))
    assert not real.one()["edited"]
    update = Effect("site", "cms.update", target, {**fields, "title": "Second"})
    site.act(update)
    assert (real.one()["title"], real.one()["edited"]) == ("Second", False)
    real.undo(update)
    assert real.one()["title"] == fields["title"]


@peer
def test_an_address_that_a_post_has_which_this_user_may_not_see_is_refused(real: House) -> None:
    real.act("draft", slug="secret")
    wordpress.running().sql(
        "update wp_posts set post_content = 'x', post_status = 'private' where post_name = 'secret'"
    )
    payload = {**real.planned("publish").payload, "slug": "secret"}
    site = real.site(username="bob")
    with pytest.raises(RefusedError, match="the address /secret/ belongs to"):
        site.act(Effect("site", "cms.publish", site.target("cms.publish", payload), payload))
    assert [each["slug"] for each in real.listed()] == ["secret"]


@peer
@pytest.mark.parametrize(
    ("user", "secret", "hint"),
    [
        ("ann", "wrong", "Users → Profile"),
        ("nobody", SECRETS["TOKEN"], "Users → Profile"),
        ("sue", SECRETS["TOKEN"], "the role Author"),
    ],
)
def test_who_may_not_is_told_why(real: House, user: str, secret: str, hint: str) -> None:
    given = {**settings(real.stand.address), "username": user}
    site = KINDS["wordpress"]().connect("site", given, real.around({"TOKEN": secret}))
    with pytest.raises(CredentialsError) as caught:
        site.act(real.planned("publish"))
    assert hint in caught.value.hint
    assert secret not in str(caught.value)
    assert real.listed() == []


@peer
def test_plain_permalinks_are_told_with_what_to_do(real: House) -> None:
    wordpress.running().permalinks("")
    with pytest.raises(RefusedError) as caught:
        real.act("publish")
    assert "Permalinks must not be “Plain”" in caught.value.hint
    (finding,) = real.site().check()
    assert finding.rule == "connector-unreachable"


@peer
def test_addresses_with_a_date_are_found_where_the_site_puts_them(real: House) -> None:
    dated = "/%year%/%monthnum%/%postname%/"
    wordpress.running().permalinks(dated)
    site = real.site(permalinks=dated)
    effect = real.planned("publish")
    effect = replace(effect, target=site.target("cms.publish", effect.payload))
    assert site.act(effect).url == f"http://{real.stand.address}/2026/03/hello/"
    assert site.lookup(effect).found == site.act(effect)
    assert site.check() == []


def test_a_page_of_that_address_is_in_the_way(here: House) -> None:
    here.service.page("about")
    with pytest.raises(RefusedError, match="the address /about/ belongs to page 1 “About”"):
        here.act("publish", slug="about")


def test_what_the_site_keeps_in_words_of_its_own_is_no_edit(here: House) -> None:
    here.service.kses = lambda text: text.replace(' loading="lazy"', "")
    here.act("publish", **pictured(here.root))
    here.act("update", title="Second", **pictured(here.root))
    assert (here.one()["edited"], here.one()["title"]) == (False, "Second")


def test_without_revisions_a_restoration_is_refused_with_what_to_do_instead(here: House) -> None:
    here.service.revisions = False
    here.act("publish")
    update = here.act("update", title="Second")
    with pytest.raises(RefusedError, match="keeps no revision") as caught:
        here.undo(update)
    assert "cms.update" in caught.value.hint


def test_a_post_in_the_trash_is_left_there_and_told(here: House) -> None:
    done = here.act("publish")
    here.wordpress().ask("DELETE", f"/wp/v2/posts/{here.one()['id']}")
    assert here.found(done) is not None
    with pytest.raises(RefusedError, match="in its trash") as caught:
        here.act("update", title="Second")
    assert "take it out" in caught.value.hint


def test_a_copy_that_somebody_made_is_not_taken_for_ours(here: House) -> None:
    here.act("publish")
    ours = here.service.posts[int(here.one()["id"])]
    here.service._make({**ours, "slug": "copy"})
    here.act("update", title="Second")
    assert [(each["slug"], each["title"], each["record"]) for each in here.listed()] == [
        ("hello", "Second", "hello"),
        ("copy", "Hello <b>there</b>", None),
    ]


def test_categories_are_theirs_and_set_at_first(here: House) -> None:
    here.service.terms["categories"] |= {7: "News & more"}
    site = here.site(categories={"greeting": "news-more", "*": "Uncategorized"})
    site.act(here.planned("publish"))
    assert here.service.posts[int(here.one()["id"])]["categories"] == [1, 7]
    wrong = here.site(categories={"greeting": "Nowhere"})
    with pytest.raises(RefusedError, match="no category “Nowhere”"):
        wrong.act(here.planned("publish", slug="other"))
    assert [finding.rule for finding in wrong.check()] == ["wordpress-category"]


def test_every_post_is_listed_however_many_there_are(here: House) -> None:
    for number in range(230):
        here.service._make({"title": f"T{number}", "slug": f"s{number}", "status": "publish"})
    assert len(here.listed()) == 230
    assert len(here.site().read("cms.list", {"limit": 120}).data["articles"]) == 120


@pytest.mark.parametrize("url", ["http://blog.example", "http://192.0.2.7:8080"])
def test_a_password_does_not_travel_in_clear(here: House, url: str) -> None:
    with pytest.raises(RefusedError, match="is not encrypted"):
        here.site(url=url)


def test_without_its_secret_it_says_which_is_missing(here: House) -> None:
    site = KINDS["wordpress"]().connect("site", settings(here.stand.address), here.around({}))
    with pytest.raises(RefusedError, match="the secret TOKEN is not set"):
        site.act(here.planned("publish"))


ANSWERS: dict[str, tuple[Said, str]] = {
    "another program": (Said(None, 404, {"Content-Type": "text/html"}), "is it WordPress?"),
    "a plugin": (Said({"code": "rest_login_required", "message": "No."}, 401), "a plugin may keep the REST API"),
    "elsewhere": (Said(None, 301, {"Location": "https://www.test.example/"}), "write the one that readers see"),
    "forbidden": (Said({"code": "rest_forbidden", "message": "No."}, 403), "the role Author"),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_what_is_no_open_wordpress_is_told_with_a_hint(here: House, what: str) -> None:
    said, hint = ANSWERS[what]

    def answer(asked: Asked) -> Said:
        return said

    address, stop = serve(answer)
    try:
        site: Any = KINDS["wordpress"]().connect("site", settings(address), here.around())
        with pytest.raises(AiosError) as caught:
            site.act(here.planned("publish"))
        assert hint in caught.value.hint
        assert [finding.hint != "" for finding in site.check()] == [True]
    finally:
        stop()
