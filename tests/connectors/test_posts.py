"""What holds at every site of posts, whatever somebody does there and wherever our process ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aios.errors import RefusedError
from tests.connectors.blogs import House, house, pictured
from tests.connectors.cases import DOT

KINDS = ["wordpress", "ghost", pytest.param("real wordpress", marks=pytest.mark.peer("wordpress"))]


@pytest.fixture(params=KINDS)
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    made = house(tmp_path, request.param)
    yield made
    made.stand.stop()


@pytest.mark.parametrize("place", ["pictures", "draft"])
def test_a_publication_that_was_cut_off_is_not_found_and_is_made_whole_once(here: House, place: str) -> None:
    effect = here.planned("publish", **pictured(here.root))
    here.killed(effect, place)
    assert here.found(effect) is None
    assert {each["status"] for each in here.listed()} <= {"draft"}
    outcome = here.site().act(effect)
    assert here.found(effect) == outcome
    only = here.one()
    assert (only["status"], only["record"], only["edited"], only["url"]) == ("published", "hello", False, effect.target)


def test_a_draft_that_was_delivered_twice_leaves_one_post(here: House) -> None:
    effect = here.planned("publish")
    here.killed(effect, "draft")
    posts = here.site().acts.posts
    (begun,) = posts.of("hello")
    assert begun.marker
    posts.create(begun.text, begun.marker, effect.payload)
    assert len(here.listed()) == 2
    here.site().act(effect)
    assert here.one()["slug"] == "hello"


def test_what_was_edited_at_the_site_is_never_overwritten(here: House) -> None:
    here.act("publish")
    here.edit(here.one()["id"], title="By hand")
    assert here.one()["edited"]
    with pytest.raises(RefusedError, match=r"was edited at the site since aios left it: by Ann.*, 20\d\d-") as caught:
        here.act("update", title="Ours")
    assert "take the edit over" in caught.value.hint
    assert here.one()["title"] == "By hand"
    here.act("unpublish")
    assert (here.one()["title"], here.one()["status"], here.one()["edited"]) == ("By hand", "draft", True)
    with pytest.raises(RefusedError, match="was edited at the site"):
        here.act("publish", title="Again")


def test_an_update_that_is_bound_to_the_edit_replaces_exactly_that(here: House) -> None:
    here.act("publish")
    here.edit(here.one()["id"], title="By hand")
    seen = here.one()["hash"]
    here.edit(here.one()["id"], title="By hand again")
    with pytest.raises(RefusedError, match="was edited"):
        here.act("update", title="Ours", over=seen)
    here.act("update", title="Ours", over=here.one()["hash"])
    assert (here.one()["title"], here.one()["edited"]) == ("Ours", False)


def test_a_post_that_lost_its_mark_is_nobodys_until_an_update_is_bound_to_it(here: House) -> None:
    here.act("publish")
    here.strip(here.one()["id"])
    assert here.one()["record"] is None
    for act in ("update", "unpublish"):
        with pytest.raises(RefusedError, match="without the mark of hello"):
            here.act(act, title="Ours") if act == "update" else here.act(act)
    with pytest.raises(RefusedError, match="the address /hello/ belongs to post"):
        here.act("publish")
    here.act("update", title="Ours", over=here.one()["hash"])
    assert (here.one()["title"], here.one()["record"]) == ("Ours", "hello")


def test_a_taken_address_is_refused_and_nothing_is_left(here: House) -> None:
    here.theirs("taken")
    with pytest.raises(RefusedError, match=r"the address /taken/ belongs to post .* “Theirs”"):
        here.act("publish", slug="taken")
    here.act("publish")
    with pytest.raises(RefusedError, match="the address /taken/ belongs to post"):
        here.act("update", id="hello", slug="taken")
    assert sorted(each["slug"] for each in here.listed()) == ["hello", "taken"]


def test_where_the_site_would_show_it_elsewhere_it_is_refused_and_nothing_stays_public(here: House) -> None:
    effect = here.planned("publish")
    other = here.site(permalinks="/blog/%postname%/")
    wrong = here.planned("publish", slug="other")
    wrong = replace(wrong, target=other.target("cms.publish", wrong.payload))
    with pytest.raises(RefusedError, match=r"would show it at .*/other/, not at .*/blog/other/") as caught:
        other.act(wrong)
    assert "permalinks" in caught.value.hint
    assert all(each["status"] != "published" for each in here.listed())
    here.site().act(effect)
    assert [finding.rule for finding in other.check()] == [f"{here.use}-permalinks"]
    assert here.site().check() == []


def test_what_an_update_replaced_comes_back_as_a_whole(here: House) -> None:
    here.act("publish", title="First", tags=["Garden & Co", "bread"], summary="A & b")
    before = here.one()
    update = here.act("update", id="hello", slug="moved", title="Second", tags=["cake"], markdown="Other.\n")
    assert (here.one()["slug"], here.one()["title"]) == ("moved", "Second")
    here.undo(update)
    after = here.one()
    assert (after["hash"], after["slug"], after["status"]) == (before["hash"], "hello", "published")
    assert not after["edited"]
    with pytest.raises(RefusedError, match="has changed since"):
        here.act("unpublish", id="hello", undoes=update)


def test_a_withdrawn_post_comes_back_and_can_be_published_again(here: House) -> None:
    here.act("publish")
    withdrawn = here.act("unpublish")
    assert here.one()["status"] == "draft"
    with pytest.raises(RefusedError, match="is not public"):
        here.act("update", title="No")
    here.undo(withdrawn)
    assert here.one()["status"] == "published"
    here.act("unpublish", why="again") if False else here.act(
        "unpublish", undoes=here.planned("restore", undoes=withdrawn)
    )
    here.act("publish", title="Again")
    assert (here.one()["title"], here.one()["status"]) == ("Again", "published")


def test_a_draft_is_published_as_the_same_post_or_thrown_away(here: House) -> None:
    draft = here.act("draft")
    first = here.one()
    assert first["status"] == "draft"
    here.act("publish", title="Out")
    assert (here.one()["id"], here.one()["status"], here.one()["title"]) == (first["id"], "published", "Out")
    with pytest.raises(RefusedError, match="is published already"):
        here.act("draft", title="Later")
    other = here.act("draft", slug="other")
    undoing = here.planned("restore", slug="other", undoes=other)
    here.killed(undoing, "marked for the trash")
    assert here.found(undoing) is None
    here.site().act(undoing)
    assert here.one()["slug"] == "hello"
    assert here.found(draft) is not None
    here.act("publish", slug="other", title="Anew")
    assert [each["slug"] for each in here.listed()] == ["hello", "other"]


def test_only_the_approved_bytes_of_a_picture_are_sent(here: House) -> None:
    fields = pictured(here.root)
    picture = here.root / DOT["path"]
    before = here.stand.snapshot()
    picture.write_bytes(picture.read_bytes() + b"x")
    with pytest.raises(RefusedError, match="is not the file that was approved"):
        here.act("publish", **fields)
    picture.unlink()
    with pytest.raises(RefusedError, match="cannot be read"):
        here.act("publish", **fields)
    outside = here.root.parent / f"{here.root.name}-outside.png"
    outside.write_bytes(b"\x89PNG\r\n\x1a\n")
    picture.symlink_to(outside)
    with pytest.raises(RefusedError, match="leads out of the company"):
        here.act("publish", **fields)
    assert here.stand.snapshot() == before


def test_what_is_dated_ahead_of_time_is_refused(here: House) -> None:
    with pytest.raises(RefusedError, match="which lies ahead"):
        here.act("publish", date="2026-03-10")
    assert here.listed() == []


def test_text_is_never_markup_or_a_code_of_the_site(here: House) -> None:
    here.act(
        "publish", title="<script>a</script> & [b]", summary="<i>s</i>", markdown="<img src=x onerror=y> [gallery]\n"
    )
    post = here.site().acts.posts.at("hello")
    assert post is not None
    assert here.one()["title"] == ("<script>a</script> & [b]" if here.use == "ghost" else post.title)
    assert "<img" not in post.text.html
    if here.use == "wordpress":
        assert "[" not in post.text.html + post.text.title
        assert "<" not in post.text.title + post.text.excerpt
