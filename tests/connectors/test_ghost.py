"""Ghost alone: its tokens, its own comparison of versions, and texts that somebody continued in its editor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from aios.connectors.ghost.api import token
from aios.connectors.registry import KINDS
from aios.errors import CredentialsError, RefusedError
from tests.connectors.blogs import House, house, pictured
from tests.connectors.cases import NOW
from tests.connectors.stands.ghost import KEY


@pytest.fixture
def here(tmp_path: Path) -> Iterator[House]:
    made = house(tmp_path, "ghost")
    yield made
    made.stand.stop()


def test_a_token_is_taken_for_minutes_and_a_wrong_key_is_told_without_being_shown(here: House) -> None:
    here.act("publish")
    here.service.now += 600
    with pytest.raises(CredentialsError, match="jwt expired") as caught:
        here.act("update", title="Second")
    assert "clock" in caught.value.hint
    assert KEY.partition(":")[2] not in str(caught.value)
    wrong = KINDS["ghost"]().connect(
        "site", here.stand.settings(here.stand.address), here.around({"GHOST_KEY": "no-key"})
    )
    with pytest.raises(CredentialsError, match="is no Admin API key") as caught:
        wrong.act(here.planned("publish", slug="other"))
    assert "no-key" not in str(caught.value)


def test_the_token_is_the_one_that_the_standard_describes() -> None:
    assert token(KEY, NOW).count(".") == 2
    assert token(KEY, NOW) != token(KEY, NOW + timedelta(seconds=1))


def test_an_edit_between_our_look_and_our_write_is_not_overwritten(here: House) -> None:
    here.act("publish")
    site, post = here.site(), here.site().acts.posts.at("hello")
    assert post is not None
    here.edit(post.id, title="By hand")
    with pytest.raises(RefusedError, match="somebody saved it at the site just now"):
        site.acts.posts.write(post, replace(post.text, title="Ours"), post.marker, post.status)
    assert here.one()["title"] == "By hand"


def test_what_was_added_in_its_editor_is_an_edit_and_survives_a_withdrawal(here: House) -> None:
    here.act("publish")
    here.service.append(here.one()["id"], "By hand.")
    with pytest.raises(RefusedError, match="was edited at the site"):
        here.act("update", title="Second")
    here.act("unpublish")
    assert here.one()["edited"]
    assert "By hand." in here.service.posts[here.one()["id"]]["lexical"]


def test_what_it_put_elsewhere_is_taken_back(here: House) -> None:
    here.service.elsewhere = "/news"
    with pytest.raises(RefusedError, match=r"would show it at .*/news/hello/"):
        here.act("publish")
    assert all(each["status"] == "draft" for each in here.listed())


def test_a_picture_that_one_of_our_posts_shows_is_not_uploaded_again(here: House) -> None:
    for slug in ("one", "two"):
        here.act("publish", slug=slug, **pictured(here.root))
    assert len(here.service.images) == 1


def test_what_is_too_long_for_it_is_refused_before_anything_is_sent(here: House) -> None:
    with pytest.raises(RefusedError, match="300 characters of summary"):
        here.act("publish", summary="x" * 301)
    assert here.listed() == []


def test_the_internal_tag_is_no_readers_and_theirs_is_matched_whatever_its_case(here: House) -> None:
    here.service.names.append("bread")
    here.act("publish", tags=["Bread", "#hidden"])
    (post,) = here.service.posts.values()
    assert [tag["name"] for tag in post["tags"]] == ["bread", "hidden", "#aios"]
    assert not here.one()["edited"]
