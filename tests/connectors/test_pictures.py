"""Pictures from a text to a page: bound to the file by what is approved, and kept as long as a version shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from lxml import html

from aios.connectors.cms import ARTICLE
from aios.connectors.static_site.connector import StaticSite
from aios.connectors.static_site.settings import site_of
from aios.domain.effect import Effect, HowKnown, Receipt
from aios.domain.keys import digest
from aios.domain.record import Record
from aios.effects.material import Material
from aios.effects.payloads import article
from aios.errors import CorruptError, InvalidError, RefusedError
from aios.store.trees import EmptyTree, OverlayTree
from tests.connectors.cases import PNG

BODY = "![A *dot*](media/dot.png) ![again](media/dot.png 'T')\n\n[^1]\n\n[^1]: ![](<a b.gif>) ![away](https://x.example/y.png)\n"
FILES = {"state/content/media/dot.png": PNG, "a b.gif": b"GIF89a"}


def payload(body: str, files: dict[str, bytes]) -> dict[str, Any]:
    data = {"title": "Hello", "created": "2026-03-02"}
    record = Record("content", "hello", "state/content/hello.md", "content.v1", data, body)
    return article(record, Material(OverlayTree(EmptyTree(), dict(files))))


def test_every_picture_of_the_company_is_bound_by_its_hash() -> None:
    made = payload(BODY, FILES)
    jsonschema.validate(made, ARTICLE)
    assert made["media"] == [
        {
            "source": "media/dot.png",
            "path": "state/content/media/dot.png",
            "sha256": digest(PNG),
            "media_type": "image/png",
            "alt": "A *dot*",
        },
        {"source": "a%20b.gif", "path": "a b.gif", "sha256": digest(b"GIF89a"), "media_type": "image/gif"},
    ]
    assert "media" not in payload("No picture.\n", FILES)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("media/none.png", "no file of the company"),
        ("../../../etc/passwd.png", "no file of the company"),
        ("..%2f..%2f..%2fetc/x.png", "no file of the company"),
        ("drawing.svg", "no picture that can be published"),
        ("text.png", "no picture that can be published"),
    ],
)
def test_what_is_no_picture_of_the_company_is_told_before_anybody_approves(source: str, said: str) -> None:
    files = {"state/content/drawing.svg": b"<svg/>", "state/content/text.png": b"<script>"}
    with pytest.raises(InvalidError, match=said) as caught:
        payload(f"![x]({source})\n", files)
    assert caught.value.hint


class Stand:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.page = root / "public/hello/index.html"
        self.site = StaticSite("it", site_of({"url": "https://test.example", "title": "T"}, root / "public"), root)
        for name, content in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)

    def effect(self, act: str, made: dict[str, Any]) -> Effect:
        return Effect("it", f"cms.{act}", self.site.target("", made), made)

    def shown(self) -> list[bytes]:
        sources = html.document_fromstring(self.page.read_bytes()).xpath("//img/@src")
        return [(self.page.parent / source).read_bytes() for source in sources]


def test_the_static_site_lays_pictures_beside_the_page_and_takes_them_away_with_it(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.site.act(stand.effect("publish", payload(BODY, FILES)))
    assert stand.shown() == [PNG, PNG, b"GIF89a"]
    update = stand.effect("update", payload("Nothing.\n", {}))
    stand.site.act(update)
    assert [path.name for path in stand.page.parent.iterdir()] == ["index.html"]
    (tmp_path / "a b.gif").unlink()  # an earlier version comes back all the same
    undoing = stand.site.undo(update, Receipt(update.key, "done", HowKnown.ACTED, "2026-03-09T12:00:00Z"))
    assert undoing is not None
    stand.site.act(undoing)
    assert stand.shown() == [PNG, PNG, b"GIF89a"]
    assert stand.site.check() == []


def test_the_static_site_refuses_other_bytes_than_the_approved_and_changes_nothing(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    (tmp_path / "a b.gif").write_bytes(b"GIF89b")
    with pytest.raises(RefusedError, match="a b.gif is not the file that was approved"):
        stand.site.act(stand.effect("publish", payload(BODY, FILES)))
    assert not stand.page.exists()
    assert stand.site.lookup(stand.effect("publish", payload(BODY, FILES))).found is None


def test_a_kept_picture_that_was_changed_on_the_disk_is_never_shown(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.site.act(stand.effect("publish", payload(BODY, FILES)))
    (tmp_path / f"public/.site/media/{digest(PNG)[7:]}").write_bytes(b"other")
    with pytest.raises(CorruptError, match="is not what was published"):
        stand.site.act(stand.effect("update", payload(f"More.\n\n{BODY}", FILES)))
