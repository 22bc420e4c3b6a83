from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios.agents.offline.deployer import deployer
from aios.agents.offline.fields import set_fields
from aios.domain.agent import AgentReply
from aios.domain.front_matter import split
from aios.domain.slug import slug
from aios.errors import AiosError, RefusedError
from aios.store.documents import parse
from tests.memory.files import Files
from tests.monitor.company import call, machinery, piece

BASE = machinery().with_files(piece("pricing-tiers"))
NEW: dict[str, Any] = {"status": "edited", "published": None, "url": None, "description": "x" * 90}


def ready(tree: Files, record: str) -> tuple[AgentReply, str]:
    reply, after = call(deployer, tree, {"record": record})
    return reply, (after.read(f"state/content/{record}.md") or b"").decode()


def test_an_edited_piece_gets_its_tag_and_keeps_everything_else() -> None:
    tree = BASE.with_files(piece("late-invoices", **NEW))
    before = (tree.read("state/content/late-invoices.md") or b"").decode()
    reply, after = ready(tree, "late-invoices")
    assert after == before.replace("---\n\nText.", "metrics_tag: late-invoices\n---\n\nText.")
    assert reply.output == {
        "record": "late-invoices",
        "slug": "late-invoices",
        "metrics_tag": "late-invoices",
        "capability": "cms.publish",
        "url": "",
        "summary": "“Late invoices” is ready for cms.publish at /late-invoices/",
    }
    assert reply.findings == ()


def test_making_ready_twice_changes_nothing() -> None:
    _, once = call(deployer, BASE.with_files(piece("late-invoices", **NEW)), {"record": "late-invoices"})
    _, twice = call(deployer, once, {"record": "late-invoices"})
    assert twice.read("state/content/late-invoices.md") == once.read("state/content/late-invoices.md")


def test_a_taken_address_gets_a_number_and_the_reason_is_told() -> None:
    tree = BASE.with_files(piece("tiers", **NEW | {"slug": "pricing-tiers"}))
    reply, after = ready(tree, "tiers")
    assert reply.output["slug"] == "pricing-tiers-2"
    assert "slug: pricing-tiers-2\n" in after
    assert reply.reasons[0].why == "/pricing-tiers/ belongs to content/pricing-tiers"


def test_a_published_piece_keeps_its_address_and_is_updated() -> None:
    tree = machinery().with_files(
        piece("pricing-tiers", status="edited", slug="better-title", url="https://x.example/old.html")
    )
    reply, after = ready(tree, "pricing-tiers")
    assert (reply.output["capability"], reply.output["slug"]) == ("cms.update", "old")
    assert "slug: old\n" in after


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"status": "drafted"}, "is drafted, not edited"),
        ({"body": " \n"}, "has no text"),
        ({"body": "As said.[^2]\n\n[^1]: A.\n"}, r"cites \[\^2\], which is not defined"),
    ],
)
def test_what_is_unfit_is_refused(fields: dict[str, str], message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        ready(BASE.with_files(piece("late-invoices", **NEW | fields)), "late-invoices")


def test_an_unknown_piece_is_an_error_with_a_hint() -> None:
    with pytest.raises(AiosError, match="no content record `nothing`"):
        ready(BASE, "nothing")


def test_brackets_in_code_are_no_citations() -> None:
    body = "Use `[^a]` or:\n\n```\n[^b]\n```\n\nAs said.[^1]\n\n[^1]: A source.\n"
    reply, _ = ready(BASE.with_files(piece("late-invoices", body=body, **NEW)), "late-invoices")
    assert reply.findings == ()


def test_doubts_are_told_with_their_line() -> None:
    body = "See [tiers](../pricing-tiers/) and [fees](../fees/).\n\nTODO: more.\n"
    tree = BASE.with_files(
        piece("fees", status="planned") | piece("late-invoices", body=body, **NEW | {"description": "x"})
    )
    reply, _ = ready(tree, "late-invoices")
    lines = (tree.read("state/content/late-invoices.md") or b"").decode().split("\n")
    assert [(finding.rule, lines[finding.line - 1] if finding.line else "") for finding in reply.findings] == [
        ("description-length", ""),
        ("placeholder", "TODO: more."),
        ("link-unpublished", "See [tiers](../pricing-tiers/) and [fees](../fees/)."),
    ]


@given(st.text(min_size=1), st.text(max_size=30))
def test_a_field_is_set_and_nothing_else_changes(value: str, body: str) -> None:
    text = f"---\nschema: content.v1  # a comment\nslug: old # kept\ntags:\n- a\n---\n\n{body}"
    changed = set_fields(text, {"slug": slug(value), "metrics_tag": slug(value)})
    assert split(changed)[1] == split(text)[1]
    document, _ = parse("state/content/x.md", changed.split("---\n\n")[0].encode() + b"---\n")
    assert document is not None
    assert dict(document.data) == {
        "schema": "content.v1", "slug": slug(value), "tags": ["a"], "metrics_tag": slug(value)
    }  # fmt: skip
    assert "schema: content.v1  # a comment\n" in changed
    assert "# kept\n" in changed


def test_a_field_of_several_lines_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="more than one line"):
        set_fields("---\nslug:\n  - a\n---\n", {"slug": "b"})
    with pytest.raises(ValueError, match="no front matter"):
        set_fields("text", {"slug": "b"})
