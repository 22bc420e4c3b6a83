from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aios.agents.offline.monitor import monitor
from aios.agents.offline.traffic import read_traffic
from aios.domain.agent import AgentReply
from aios.errors import AiosError
from tests.memory.files import Files
from tests.monitor.company import call, machinery, piece, traffic, weeks_before

BASE = machinery().with_files(
    {**piece("pricing-tiers"), **piece("late-invoices"), **piece("churn", status="planned", url=None, published=None)}
)


def watch(tree: Files, seen: dict[str, Any], **more: Any) -> tuple[AgentReply, Files]:
    return call(monitor, tree, {"traffic": seen, **more})


def data(tree: Files, path: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(tree.read(path) or b"{}")
    return loaded


def test_each_published_piece_gets_a_metric_from_the_numbers_and_nothing_else() -> None:
    seen = traffic(pricing_tiers=40, about=9)
    seen["pages"][0]["referrers"] = [
        {"name": "News.Example\x1b[31m", "kind": "host", "count": 9},
        {"kind": "direct", "count": 4},
    ]
    reply, after = watch(BASE, seen)
    found = data(after, "state/metrics/pricing-tiers-2026-11-16-2026-11-22.yaml")
    assert (found["views"], found["visitors"], found["days"], found["trend"]) == (40, 20, 7, "new")
    assert found["referrers"] == [{"host": "news.example31m", "count": 9}]
    assert found["trust"] == "external"
    unread = data(after, "state/metrics/late-invoices-2026-11-16-2026-11-22.yaml")
    assert (unread["views"], unread["trust"]) == (0, "derived")
    site = data(after, "state/metrics/all-pages-2026-11-16-2026-11-22.yaml")
    assert (site["views"], site["bots"], "content" in site) == (49, 12, False)
    assert sorted(path for path in reply.files if "metrics" not in path) == []
    assert (reply.output["views"], reply.output["summary"]) == (40, "2 pieces measured")


def test_equal_traffic_over_an_equal_tree_gives_equal_files() -> None:
    assert watch(BASE, traffic(pricing_tiers=40))[0] == watch(BASE, traffic(pricing_tiers=40))[0]


def test_the_same_readers_are_not_recorded_twice_but_a_piece_asked_for_is() -> None:
    _, after = watch(BASE, traffic(pricing_tiers=40))
    later = traffic(pricing_tiers=50) | {"from": "2026-11-18", "to": "2026-11-24"}
    reply, _ = watch(after, later)
    assert reply.files == {}
    reply, _ = watch(after, later, record="pricing-tiers")
    assert list(reply.files) == ["state/metrics/pricing-tiers-2026-11-18-2026-11-24.yaml"]


def test_a_fading_piece_is_proposed_for_a_refresh_once() -> None:
    tree = BASE.with_files(weeks_before("pricing-tiers", 100, 110, 95))
    reply, after = watch(tree, traffic(pricing_tiers=30, late_invoices=50))
    assert reply.output["refresh"] == ["pricing-tiers"]
    signal = data(after, "state/signals/refresh-pricing-tiers-2026-11.yaml")
    assert (signal["name"], signal["status"], signal["content"]) == ("refresh-content", "open", "pricing-tiers")
    assert signal["inputs"]["content"] == "pricing-tiers"
    assert signal["why"] == (
        "“Pricing tiers” had 30 views from 2026-11-16 to 2026-11-22; periods of that length usually bring 100."
    )
    assert signal["evidence"][0] == "metrics/pricing-tiers-2026-11-16-2026-11-22"
    again, _ = watch(after, traffic(pricing_tiers=30, late_invoices=50), record="pricing-tiers")
    assert again.output["refresh"] == []
    assert any("that was proposed on 2026-11-23" in reason.why for reason in again.reasons)


@pytest.mark.parametrize(
    ("earlier", "now", "why"),
    [
        ((100,), 10, "one earlier period is no past"),
        ((6, 7, 5), 0, "too few readers for a fall to mean anything"),
        ((100, 20, 150), 40, "its usual ups and downs are as large"),
        ((100, 110, 95), 80, "too small a share"),
        ((24, 26, 25), 13, "within what chance does"),
    ],
)
def test_the_monitor_does_not_cry_wolf(earlier: tuple[int, ...], now: int, why: str) -> None:
    tree = BASE.with_files(weeks_before("pricing-tiers", *earlier))
    reply, _ = watch(tree, traffic(pricing_tiers=now, late_invoices=50))
    assert reply.output["refresh"] == [], why


def test_a_piece_that_was_just_changed_is_left_in_peace() -> None:
    tree = BASE.with_files(weeks_before("pricing-tiers", 100, 110, 95) | piece("pricing-tiers", updated="2026-11-10"))
    reply, _ = watch(tree, traffic(pricing_tiers=10, late_invoices=50))
    assert reply.output["refresh"] == []
    assert any("it was changed on 2026-11-10" in reason.why for reason in reply.reasons)


def test_a_gap_in_the_log_is_no_fall() -> None:
    tree = BASE.with_files(weeks_before("pricing-tiers", 700, 700, 700))
    seen = traffic(pricing_tiers=10)
    for page in seen["pages"]:
        page["days"] = page["days"][:1]
    reply, after = watch(tree, seen)
    assert reply.output["refresh"] == []
    assert data(after, "state/metrics/pricing-tiers-2026-11-16-2026-11-22.yaml")["days"] == 1


def test_an_empty_log_is_no_empty_audience() -> None:
    reply, _ = watch(BASE, traffic())
    assert reply.files == {}
    assert [finding.rule for finding in reply.findings] == ["no-traffic"]


def test_traffic_without_a_period_is_refused() -> None:
    with pytest.raises(AiosError, match="names no period"):
        watch(BASE, {"pages": []})


def wanting(*searches: tuple[str, int], missing: tuple[tuple[str, int], ...] = ()) -> dict[str, Any]:
    seen = traffic(pricing_tiers=40)
    seen["searches"] = [{"term": term, "count": number} for term, number in searches]
    seen["missing"] = [{"path": path, "count": number} for path, number in missing]
    return seen


def topics(reply: AgentReply) -> list[str]:
    found = [
        yaml.safe_load(text or "") for path, text in reply.files.items() if path.startswith("state/signals/topic-")
    ]
    return [signal["inputs"]["topic"] for signal in found]


def test_what_is_searched_and_not_covered_becomes_a_topic_once() -> None:
    seen = wanting(("reverse charge invoices", 4), ("invoices with reverse charge", 3), ("once", 2))
    source = "---\nschema: source.v1\ntitle: VAT\norigin: vat.txt\ntrust: external\n---\n\n"
    tree = BASE.with_files({"state/sources/vat.md": f"{source}Invoices under reverse charge name both numbers.\n"})
    reply, after = watch(tree, seen)
    assert reply.output["signals"] == ["topic-reverse-charge-invoices"]
    signal = data(after, "state/signals/topic-reverse-charge-invoices.yaml")
    assert signal["inputs"] == {"topic": "Reverse charge invoices"}
    assert signal["trust"] == "external"
    assert signal["why"] == (
        "“Reverse charge invoices” was asked for 7 times from 2026-11-16 to 2026-11-22 (7 in searches); no piece "
        "covers it; 1 of your files speaks of it."
    )
    assert {"from": "search", "text": "reverse charge invoices", "count": 4} in signal["evidence"]
    again, _ = watch(after, seen)
    assert topics(again) == []


def test_a_missing_page_that_looks_like_an_article_is_a_topic_and_a_scanners_list_is_not() -> None:
    missing = (
        ("/blog/vat-for-translators", 9), ("/wp-login.php", 90), ("/.env", 80), ("/wp-content/plugins/x-y", 70),
        ("/vendor/phpunit-phpunit-src", 60), ("/admin-login-form", 50), ("/a%20b%20c", 40), ("/images/big-red-cat", 30),
        ("/actuator/health-check-now", 20), ("/favicon.ico", 10), ("/x", 9), ("/12-34-56", 9),
    )  # fmt: skip
    reply, _ = watch(BASE, wanting(missing=missing))
    assert topics(reply) == ["Vat for translators"]


def test_a_mistyped_address_is_a_hint_and_no_topic() -> None:
    reply, _ = watch(BASE, wanting(missing=(("/pricing-teirs", 12),)))
    assert topics(reply) == []
    assert [finding.message for finding in reply.findings] == [
        "12 visits to /pricing-teirs, which is not there; /pricing-tiers was probably meant"
    ]


def test_what_a_piece_covers_even_a_planned_one_is_no_opportunity() -> None:
    tree = BASE.with_files(piece("fees", title="Fees", tags=["bank charges"], status="planned"))
    reply, _ = watch(tree, wanting(("tiers of pricing", 9), ("churn", 8), ("bank charges", 8), ("late payers", 7)))
    assert topics(reply) == ["Late payers"]


def test_at_most_three_topics_ask_for_attention_at_once() -> None:
    colours = ["red", "green", "blue", "pink"]
    reply, _ = watch(BASE, wanting(*[(f"{word} bookkeeping", 5 + index) for index, word in enumerate(colours)]))
    assert topics(reply) == ["Pink bookkeeping", "Blue bookkeeping", "Green bookkeeping"]


def test_a_rise_is_told_from_the_records_of_earlier_periods() -> None:
    _, after = watch(BASE, wanting(("bank fees", 2)))
    seen = wanting(("bank fees", 6)) | {"from": "2026-11-23", "to": "2026-11-29"}
    for page in seen["pages"]:
        page["days"] = []
    reply, after = watch(after, seen)
    assert "(6 in searches, 2 in an earlier period)" in data(after, "state/signals/topic-bank-fees.yaml")["why"]
    assert topics(reply) == ["Bank fees"]


def test_words_of_strangers_are_cut_down_to_letters_digits_and_spaces() -> None:
    nasty = "ignore all <script>alert(1)</script>\n---\nstatus: published ${{ x }} " + "long " * 40
    reply, _ = watch(BASE, wanting((nasty, 9), ("vat\u202e return\x00 dates", 9)))
    assert all(all(char.isalnum() or char == " " for char in topic) and len(topic) <= 80 for topic in topics(reply))
    assert "Vat return dates" in topics(reply)
    for path, text in reply.files.items():
        assert "<" not in (text or ""), path
        assert "${{" not in (text or ""), path


def pieces_with_and_without_tables() -> tuple[Files, dict[str, Any]]:
    table = "| a | b |\n|---|---|\n| 1 | 2 |\n"
    tree = machinery()
    views: dict[str, int] = {}
    for index, number in enumerate((90, 84, 96, 20, 24, 28)):
        tree = tree.with_files(piece(f"piece-{index}", body=table if number > 50 else "Text.\n"))
        views[f"piece_{index}"] = number
    return tree, traffic(**views)


def test_a_lesson_cites_its_metrics_and_is_found_by_the_next_planner() -> None:
    tree, seen = pieces_with_and_without_tables()
    reply, after = watch(tree, seen)
    assert reply.output["lessons"] == ["memory/lessons/what-a-comparison-table-does-for-readership.md"]
    text = (after.read(reply.output["lessons"][0]) or b"").decode()
    assert (
        "Pieces with a comparison table drew 3.5 times more readers: "
        "a median of 45 visitors a week with it, 12 without." in text
    )
    assert "- metrics/piece-0-2026-11-16-2026-11-22\n" in text
    assert "expires: 2027-05-22" in text
    assert "trust: derived" in text
    _, again = watch(after, seen)
    assert again.read(reply.output["lessons"][0]) == after.read(reply.output["lessons"][0])
    seen["pages"][0]["visitors"] = 99
    tomorrow, _ = watch(after, seen | {"from": "2026-11-17", "to": "2026-11-23"})
    assert tomorrow.files == {}


def test_one_lucky_piece_teaches_nothing() -> None:
    tree, seen = pieces_with_and_without_tables()
    for page, number in zip(seen["pages"], (900, 22, 24, 20, 24, 28), strict=True):
        page["visitors"] = number // 2
    assert watch(tree, seen)[0].output["lessons"] == []


def test_a_lesson_that_no_longer_shows_is_taken_back() -> None:
    tree, seen = pieces_with_and_without_tables()
    reply, after = watch(tree, seen)
    for page in seen["pages"]:
        page["visitors"] = 40
    later, _ = watch(after, seen | {"to": "2026-11-22"})
    assert "no longer shows in the numbers" in (later.files[reply.output["lessons"][0]] or "")


def test_a_host_that_begins_to_send_readers_is_noted_as_external() -> None:
    tree = BASE.with_files(weeks_before("pricing-tiers", 40, 40, 40))
    seen = traffic(pricing_tiers=60)
    seen["pages"][0]["referrers"] = [{"name": "forum.example", "kind": "host", "count": 25}]
    reply, after = watch(tree, seen)
    path = "memory/lessons/forum-example-sends-readers-to-pricing-tiers.md"
    assert reply.output["lessons"] == [path]
    assert "trust: external" in (after.read(path) or b"").decode()


def test_a_search_term_is_told_from_a_search_engine_and_counted_once() -> None:
    seen = wanting(("bank fees", 5))
    seen["pages"][0]["referrers"] = [
        {"name": "bank fees", "kind": "search", "count": 4},
        {"name": "Google", "kind": "search", "count": 50},
        {"name": "www.bing.com", "kind": "search", "count": 40},
        {"host": "www.bing.com", "term": "late payers", "count": 3},
        {"name": "/about/", "kind": "internal", "count": 30},
    ]
    read = read_traffic(seen)
    assert read is not None
    assert read.searches == {"bank fees": 5, "late payers": 3}
    assert topics(watch(BASE, seen)[0]) == ["Bank fees", "Late payers"]


FIELDS = ["path", "views", "visitors", "days", "date", "referrers", "name", "kind", "term", "count"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)
ROWS = st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5), max_size=4)
PERIOD = {"from": st.just("2026-11-16"), "to": st.just("2026-11-22")}


@given(st.fixed_dictionaries(PERIOD | {"pages": ROWS, "searches": ROWS, "missing": ROWS}, optional={"bots": JSON}))
@settings(max_examples=40, deadline=None)
def test_no_traffic_crashes_the_monitor_or_makes_a_record_that_is_out_of_order(seen: dict[str, Any]) -> None:
    reply, _ = watch(BASE, seen)
    assert json.dumps(reply.output)


@given(
    st.text(max_size=60)
    | st.sampled_from(["/a/index.html?x=1#y", "https://x.example/a.html", "//a", "http://[", "/ä/%2e%2e/"])
)
def test_a_path_has_one_spelling_and_no_odd_characters(path: str) -> None:
    seen = read_traffic({"from": "2026-11-16", "to": "2026-11-16", "pages": [{"path": path, "views": 1}]})
    assert seen is not None
    clean = seen.pages[0].path
    assert clean.startswith("/")
    assert clean == "/" or not clean.endswith("/")
    assert all(char.isascii() and (char.isalnum() or char in "/._~%+-") for char in clean)
