"""The page of a trace: whole, readable without a script, harmless whatever a run says, asking nobody anything."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from aios.domain.span import SpanKind
from aios.trace.outline import Trace
from aios.trace.waterfall import page
from tests.trace.samples import huge, ordinary, span, trace

_VOID = {"meta", "rect", "circle", "line", "br"}
_TAGS = re.findall(
    r"\w+",
    """html head meta title style body header main footer section p h1 h2 span code small b ul ol li dl dt dd div
    details summary table thead tbody tr th td svg defs pattern line rect circle text""",
)


class Page(HTMLParser):
    """The page as a parser has it: every tag with its attributes and the tags around it, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str], tuple[str, ...]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}, tuple(self.open)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag, f"{tag} is closed where {self.open} is open"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}, tuple(self.open)))

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes, _ in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(text for tag, text in self.texts if tag != "style").split())


EVIL = "</style></title><script>alert(1)</script><img src=x onerror=alert(1)>"
EVIL += "\"' onfocus='x\u202egpj\u200b\x1b[2J\ud800&amp;"
NAMES = "aios.step aios.title aios.status aios.commit aios.wait aios.decision aios.decided_by aios.reason aios.answer"
NAMES += " aios.policy.verdict aios.policy.why aios.tier aios.recall.query aios.effect.target aios.effect.outcome"
NAMES += " gen_ai.request.model gen_ai.tool.name aios.tool.target aios.connector aios.due"


def hostile() -> Trace:
    attributes: dict[str, Any] = {name.replace(".", "__"): EVIL for name in NAMES.split()} | {EVIL: EVIL}
    kinds = [kind for kind in SpanKind if kind is not SpanKind.RUN]
    spans = [span(EVIL, 0, 1, kind=kind, error=EVIL, identity=f"{EVIL}{kind}", **attributes) for kind in kinds]
    waits = [
        span(EVIL, 0, 1, kind=SpanKind.GATE, identity=wait, **{**attributes, "aios__wait": wait})
        for wait in ("decision", "question", "time")
    ]
    told = trace(*spans, *waits, status=EVIL, notes=(EVIL,))
    return Trace(f"{EVIL}/{EVIL}/{EVIL}", told.status, told.root, told.spans, told.notes)


EVERY = {"ordinary": ordinary, "huge": huge, "hostile": hostile, "empty": trace}


@pytest.fixture(params=EVERY)
def told(request: pytest.FixtureRequest) -> str:
    return page(EVERY[request.param]())


def test_a_page_is_whole_and_made_of_known_parts_only(told: str) -> None:
    found = Page(told)
    assert found.open == []
    assert {tag for tag, _, _ in found.tags} <= set(_TAGS)
    for _, attributes, _ in found.tags:
        assert not any(name.startswith("on") or name in {"style", "href", "src"} for name in attributes)


def test_a_page_asks_nothing_of_anybody_and_says_so_to_the_browser(told: str) -> None:
    found = Page(told)
    policy = next(each["content"] for each in found.all("meta") if each.get("http-equiv") == "Content-Security-Policy")
    style = next(text for tag, text in found.texts if tag == "style")
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in style.replace("url(#waiting)", "")
    assert "@import" not in style
    assert len(found.all("style")) == 1


def test_what_cannot_be_seen_is_named_and_what_would_break_out_is_text() -> None:
    text = page(hostile())
    assert "<script>" not in text
    assert "\u202e" not in text
    assert "\u200b" not in text
    assert "\x1b" not in text
    assert "⟨U+202E⟩" in text
    text.encode()
    assert "alert(1)" in Page(text).text


def test_rows_can_be_reached_by_keyboard_and_open_to_all_that_is_known() -> None:
    found = Page(page(ordinary()))
    summaries = [around for tag, _, around in found.tags if tag == "summary"]
    assert len(summaries) == 10
    assert all(around[-1] == "details" for around in summaries)
    assert [name for name in (text for tag, text in found.texts if tag == "dt") if name == "aios.policy.why"]
    assert [each["aria-label"] for each in found.all("ol") if "aria-label" in each]
    assert all(each.get("aria-hidden") == "true" for each in found.all("svg"))
    assert found.all("html")[0]["lang"] == "en"
    assert all("scope" in each for each in found.all("th"))


def test_what_stands_in_git_is_named_with_the_command_that_shows_it() -> None:
    told = page(trace(span("plan", 0, 1, aios__commit="a" * 40, aios__context=f"sha256:{'b' * 64}")))
    assert f"git show {'a' * 40}" in told
    assert f"git show aios/traces:context/bb/{'b' * 64}.json" in told
    evil = page(trace(span("plan", 0, 1, aios__commit="--output=/etc/x", aios__context="x; rm -rf ~")))
    assert "look at it with" not in evil


def test_children_are_lists_within_their_parents_item() -> None:
    found = Page(page(ordinary()))
    depths = [around.count("ol") for tag, _, around in found.tags if tag == "summary"]
    assert depths == [1, 2, 3, 3, 1, 2, 1, 1, 1, 1]


def test_totals_and_decisions_are_told() -> None:
    text = Page(page(ordinary())).text
    for part in (
        "Worked 4.00 s",
        "Waited for you 1 d",
        "1 from the cache",
        "1200 → 300",
        "800 saved by the cache",
        "$0.01",
        "Failed attempts 1",
        "approved by me@test.example",
        "policy says ask: it is published",
        "2 gaps in which nothing ran are folded",
    ):
        assert part in text


def test_what_the_trace_cannot_tell_is_said() -> None:
    assert "nobody knows" in Page(page(trace(notes=("nobody knows",)))).text


def test_a_large_trace_is_folded_away_and_nothing_of_it_is_lost() -> None:
    text = page(huge(1000))
    found = Page(text)
    assert sum(1 for tag, each in found.texts if tag == "b") == 1001  # every span but the run, and the row of them all
    assert "100 attempts" in Page(page(huge())).text
    assert not [each for each in found.all("details") if "open" in each]
    assert len(text) < 1_500_000


def test_a_group_in_which_something_failed_is_open() -> None:
    spans = [span(f"dig[{n}]", n, n + 1, aios__step="dig", error="gone" if n == 40 else "") for n in range(90)]
    found = Page(page(trace(*spans)))
    assert [each["class"] for each in found.all("details") if "open" in each] == ["group"]
    assert "1 failed" in found.text


def test_only_what_is_known_to_the_second_is_a_mark_and_not_a_bar() -> None:
    found = Page(page(trace(span("plan", 1, 1, aios__untimed=True), span("dig", 1, 2))))
    assert len(found.all("circle")) == 1
    assert "—" in found.text


def test_every_bar_lies_within_its_lane() -> None:
    for made in (ordinary(), huge(), trace(span("late", 5, 9), end=6), trace(span("back", 4, 2))):
        for each in Page(page(made)).all("rect"):
            if "x" in each:
                left, width = float(each["x"].rstrip("%")), float(each["width"].rstrip("%"))
                assert left >= 0
                assert width > 0
                assert left + width <= 100.01


def test_a_run_that_is_not_over_says_as_of_when() -> None:
    text = Page(page(trace(span("plan", 0, 1), status="waits for you"))).text
    assert re.search(r"It was not over at 2026-11-02 09:00:01 UTC", text)
