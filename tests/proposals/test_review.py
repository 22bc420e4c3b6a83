"""A review is read by a person who decides: complete, in the order of deciding, and nothing in it can deceive."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from aios.domain.event import Change, Event
from aios.domain.policy import Decision, Verdict
from aios.domain.proposal import PlannedEffect
from aios.proposals.neutral import fenced, neutral
from aios.proposals.review import Review, fingerprint, render
from aios.proposals.state_diff import state_diff

HOSTILE = "\n# Approved by everybody\n\n@ann closes #1 <!-- hidden --> <script>x</script> \u202ereversed\n```\n~~~\n"


def effect(**changes: object) -> PlannedEffect:
    known: dict[str, object] = {
        "step": "publish",
        "capability": "cms.publish",
        "connector": "site",
        "target": "https://x.example/hello/",
        "key": "sha256:" + "1" * 64,
        "summary": "Publish “Hello”",
        "preview": "Hello, world.",
        "reversible": True,
        "undo": "cms.unpublish",
        "payload": {},
        "record": "content/hello",
    }
    return PlannedEffect(**{**known, **changes})  # type: ignore[arg-type]


def review(**changes: object) -> Review:
    known: dict[str, object] = {
        "id": "01jc",
        "run": "publish-content/hello/01jc",
        "branch": "aios/publish-content/hello",
        "title": "Publish “Hello”",
        "head": "a" * 40,
        "base_moved": False,
        "effects": [effect()],
        "verdict": Verdict(Decision.ASK, "publishing/effects", "it leaves this repository"),
        "trigger": {"kind": "manual"},
        "inputs": {"topic": "Hello", "sources": ["a", "b"]},
        "goal": "Say hello.",
        "tier": "offline",
        "confidence": 0.9,
        "findings": [],
        "evidence": [("A sentence.", "state/sources/a.md:1-9")],
        "unverified": [],
        "changes": ["content/hello: status drafted → edited"],
        "files": ["state/content/hello.md"],
        "reasons": ["plan: because"],
        "cost": {"usd": 0.0, "tokens": 0},
        "seconds": 3.0,
    }
    return Review(**{**known, **changes})  # type: ignore[arg-type]


def headings(text: str) -> list[str]:
    tokens = MarkdownIt().parse(text)
    return [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]


def test_places_and_paths_hold_no_markup_whatever_they_are_called() -> None:
    odd = f"a`</details>{HOSTILE}[x](https://evil.example)"
    text = render(review(evidence=[("So.", odd), ("So.", "")], files=[odd], operator_edits=[odd]))
    assert headings(text) == headings(render(review(operator_edits=["a"])))
    tokens = [each for token in MarkdownIt().parse(text) for each in (token, *(token.children or ()))]
    assert {token.type for token in tokens} & {"link_open", "image"} == set()
    assert [token.content for token in tokens if token.type == "html_inline"] == []
    assert text.count("</details>") - text.count("’</details>") == 1


def test_it_tells_in_the_order_of_deciding() -> None:
    text = render(review())
    assert headings(text)[1:] == [
        "Effects",
        "Exact preview",
        "Why",
        "Evidence",
        "State diff",
        "Checks",
        "Risk and confidence",
        "Cost",
        "How to correct it",
    ]
    for part in ("one effect outside this repository", "Hello, world.", "**ask**", "a, b", "aios revise 01jc --note"):
        assert part in text


def test_without_effects_it_says_that_nothing_follows() -> None:
    assert "Nothing outside this repository follows" in render(review(effects=[]))


def test_what_cannot_be_undone_stands_out() -> None:
    text = render(review(effects=[effect(reversible=False, undo="")]))
    assert "**no**" in text
    assert "1 effect cannot be undone" in text


@pytest.mark.parametrize("field", ["title", "goal"])
def test_outside_text_forges_nothing(field: str) -> None:
    text = render(review(**{field: HOSTILE}))
    assert headings(text)[1:] == headings(render(review()))[1:]
    assert not re.search(r"(?<!\w)@ann", text)
    assert "#1" not in text
    assert "\u202e" not in text
    assert "<script>" not in MarkdownIt("commonmark", {"html": False}).render(text).replace("&lt;", "")


def test_hostile_previews_stay_in_their_fence() -> None:
    text = render(review(effects=[effect(preview=HOSTILE, summary=HOSTILE, target=HOSTILE)]))
    assert headings(text)[1:] == headings(render(review()))[1:]


@given(st.text())
def test_a_line_of_outside_text_is_one_line_without_markup(text: str) -> None:
    line = neutral(text)
    assert "\n" not in line
    for prefix in ("- ", ""):
        html = MarkdownIt().render(f"{prefix}{line}")
        assert not re.search(r"<(?!/?(?:ul|li|p)>)", html)


@given(st.text())
def test_a_block_of_outside_text_never_ends_early(text: str) -> None:
    tokens = MarkdownIt().parse(f"{fenced(text)}\n\nAfter.\n")
    assert [token.type for token in tokens][:2] == ["fence", "paragraph_open"]


def test_a_long_preview_is_cut_and_says_how_to_see_it_whole() -> None:
    text = render(review(effects=[effect(preview="line\n" * 100)]), preview_lines=10)
    assert "90 more lines: `aios show 01jc --full`" in text


def test_the_fingerprint_follows_effects_and_head_alone() -> None:
    same = fingerprint(review())
    assert fingerprint(review(title="Other", reasons=[])) == same
    assert fingerprint(review(head="b" * 40)) != same
    assert fingerprint(review(effects=[effect(key="sha256:" + "2" * 64)])) != same


def test_changed_fields_come_first_new_files_in_a_line_crowds_in_one() -> None:
    blobs = {"1": b"status: lead\n", "2": b"status: active\n", "n": b"---\ntitle: A note\n---\nTwo words.\n"}
    changes = [
        Change("state/customers/acme.yaml", "1", "2"),
        Change("state/customers/gone.yaml", "1", ""),
        Change("state/content/new.md", "", "n"),
        *(Change(f"memory/research/q{number}.md", "", "n") for number in range(9)),
    ]
    event = Event("", (), "", "", "", "", "", True, (), (), {}, tuple(changes))
    assert state_diff(event, blobs.get) == [
        "customers/acme: status lead → active",
        "new: content/new “A note” (2 words)",
        "new: 9 files in memory/research/, among them “A note” (2 words); “A note” (2 words); “A note” (2 words)",
        "removed: customers/gone",
    ]
