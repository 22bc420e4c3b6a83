"""What notes hold is not looked for again; what they say is taken from the sources, if it still stands there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aios.agents.checks import CHECKS
from aios.agents.evidence import CITATION
from aios.agents.offline.editor import editor
from aios.agents.offline.front import load
from aios.agents.offline.material import read_source, units
from aios.agents.offline.planner import planner
from aios.agents.offline.published import AGAIN, freshness, quoted
from aios.agents.offline.researcher import researcher
from aios.agents.offline.text.language import language
from aios.agents.offline.writer import writer
from aios.domain.agent import AgentCall, AgentReply
from aios.domain.front_matter import render_markdown, split
from aios.domain.keys import digest
from tests.agents.company import Company, call, piece, source
from tests.agents.material import REMINDERS, invoices

FIRST = "late invoices"
SECOND = "invoices and payment"


class Watched(Company):
    """A company that notes what is searched for and where."""

    def __init__(self, files: dict[str, str]) -> None:
        super().__init__(files)
        self.searches: list[tuple[str, ...]] = []

    def recall(self, query: str, *, limit: int = 0, kinds: Any = ()) -> Any:
        self.searches.append(tuple(kinds))
        return super().recall(query, limit=limit, kinds=kinds)


def asked(
    name: str, given: dict[str, Any], *, run: str, now: str = "2026-11-23T09:00:00Z", **settings: int
) -> AgentCall:
    made = call(name, given)
    contract = replace(made.contract, settings={**made.contract.settings, **settings})
    return replace(made, run=run, now=now, contract=contract)


def made(company: Watched, topic: str, run: str, **how: Any) -> tuple[str, list[AgentReply]]:
    """Plan and research; gives the record and what the researcher replied. The plan may not search for notes."""
    planned = planner(asked("planner", {"topic": topic}, run=run, **how), company)
    assert planned.question is None
    company.apply(planned)
    company.searches.clear()
    record = planned.output["record"]
    replies = [
        researcher(asked("researcher", {"record": record, "question": question}, run=run, **how), company)
        for question in planned.output["questions"]
    ]
    for reply in replies:
        company.apply(reply)
    return record, replies


def published(company: Watched, topic: str, run: str) -> str:
    record, _ = made(company, topic, run)
    company.apply(writer(asked("writer", {"record": record}, run=run), company))
    company.apply(editor(asked("editor", {"record": record}, run=run), company))
    path = f"state/content/{record}.md"
    data, body, _ = load(company.files[path])
    company.files[path] = render_markdown({**data, "status": "published"}, body)
    return record


def held(replies: list[AgentReply]) -> list[dict[str, Any]]:
    notes = [load(text or "")[0] for reply in replies for text in reply.files.values()]
    return [entry for note in notes for entry in note["x-passages"] if entry.get("held")]


def places(replies: list[AgentReply]) -> list[list[tuple[str, int]]]:
    notes = [load(text or "")[0] for reply in replies for text in reply.files.values()]
    return [sorted((entry["source"], entry["start"]) for entry in note["x-passages"]) for note in notes]


def test_the_same_question_is_answered_from_notes_without_a_search_and_as_well() -> None:
    company = Watched(invoices())
    record, first = made(company, FIRST, "publish-content/x/01")
    assert held(first) == []
    assert ("sources",) in company.searches
    again, second = made(company, FIRST, "publish-content/x/02")
    assert again == record
    assert places(second) == places(first)
    assert len(held(second)) == sum(len(each) for each in places(second)) > 5
    assert company.searches == []  # the plan named the notes, and they held everything
    assert all("held by notes" in reply.title for reply in second)
    assert any("held by" in reason.what for reason in second[0].reasons)


def test_what_is_taken_over_is_in_its_source_and_says_who_found_it_first() -> None:
    company = Watched(invoices())
    made(company, FIRST, "publish-content/x/01")
    _, second = made(company, FIRST, "publish-content/x/02", now="2026-12-01T09:00:00Z")
    _, third = made(company, FIRST, "publish-content/x/03", now="2026-12-02T09:00:00Z")
    for entry in (*held(second), *held(third)):
        text = split(company.files[entry["source"]])[1][entry["start"] : entry["end"]]
        assert digest(text.encode()) == entry["sha256"]
        assert entry["held"].startswith("memory/research/late-invoices-q")
        assert entry["first"] == "2026-11-23T09:00:00Z"  # however often it was taken over since


def test_only_what_is_left_is_looked_for() -> None:
    company = Watched(invoices())
    made(company, FIRST, "publish-content/x/01")
    gone = "memory/research/late-invoices-q1.md"
    del company.files[gone]
    _, second = made(company, FIRST, "publish-content/x/02")
    assert not held(second[:1])
    assert held(second[1:])
    assert company.searches == []  # what was noted of it is gone, but the sources are as they were
    assert places(second[:1])[0]


def renewed(company: Watched, change: Callable[[dict[str, Any]], None]) -> None:
    for path in [path for path in company.files if path.startswith("memory/research/")]:
        data, body, _ = load(company.files[path])
        change(data)
        company.files[path] = render_markdown(data, body)


def expired(data: dict[str, Any]) -> None:
    data["expires"] = "2026-11-22"


def replaced(data: dict[str, Any]) -> None:
    data["replaced_by"] = "memory/research/better.md"


def old(data: dict[str, Any]) -> None:
    data["created"] = "2024-01-01T00:00:00Z"


def taken_over_from_an_old_one(data: dict[str, Any]) -> None:
    for entry in data["x-passages"]:
        entry |= {"first": "2024-01-01", "held": "memory/research/old.md"}


def without_a_date(data: dict[str, Any]) -> None:
    del data["created"]


def without_room(data: dict[str, Any]) -> None:
    for looked in data["x-looked"]:
        looked["left"] = 2


def from_before_notes_told(data: dict[str, Any]) -> None:
    del data["x-looked"]


def of_this_run(data: dict[str, Any]) -> None:
    data["run"] = "publish-content/x/02"


def damaged(data: dict[str, Any]) -> None:
    data |= {"x-looked": "all of it", "x-passages": [7, {"start": "x"}]}


def invented(data: dict[str, Any]) -> None:
    for entry in data["x-passages"]:
        entry["start"] += 3


def of_another_piece(data: dict[str, Any]) -> None:
    for entry in (*data["x-passages"], *data["x-looked"]):
        entry["source"] = entry["source"].replace("state/sources", "state/content")


@pytest.mark.parametrize(
    "change",
    [
        expired, replaced, old, taken_over_from_an_old_one, without_a_date, without_room, from_before_notes_told,
        of_this_run, damaged, invented, of_another_piece,
    ],
)  # fmt: skip
def test_notes_that_may_not_be_used_are_not(change: Callable[[dict[str, Any]], None]) -> None:
    company = Watched(invoices())
    _, first = made(company, FIRST, "publish-content/x/01")
    renewed(company, change)
    _, second = made(company, FIRST, "publish-content/x/02")
    assert held(second) == []
    assert places(second) == places(first)


def test_how_old_a_note_may_be_is_the_contracts_to_say() -> None:
    company = Watched(invoices())
    made(company, FIRST, "publish-content/x/01")
    _, strict = made(company, FIRST, "publish-content/x/02", now="2026-12-23T09:00:00Z", notes_days=20)
    assert held(strict) == []


def test_a_source_that_changed_is_read_again() -> None:
    company = Watched(invoices())
    made(company, FIRST, "publish-content/x/01")
    path = "state/sources/reminders.md"
    company.files[path] += "\n## Late invoices by post\n\nReminders for late invoices that come by post are read.\n"
    company = Watched(company.files)
    _, second = made(company, FIRST, "publish-content/x/02")
    assert held(second)
    assert all(entry["source"] != path for entry in held(second))


def test_what_now_comes_from_outside_is_marked_so_whatever_the_note_says() -> None:
    company = Watched(invoices("operator"))
    made(company, FIRST, "publish-content/x/01")
    company = Watched({**company.files, **invoices("external")})
    _, second = made(company, FIRST, "publish-content/x/02")
    assert {entry["trust"] for entry in held(second)} <= {"external"}
    assert all(load(text or "")[0]["trust"] == "external" for reply in second for text in reply.files.values())


def test_a_piece_never_comes_to_quote_a_piece() -> None:
    company = Watched(invoices())
    published(company, FIRST, "publish-content/x/01")
    second = published(company, SECOND, "publish-content/x/02")
    path = f"state/content/{second}.md"
    for check in CHECKS.values():
        assert list(check(company.files.get, path)) == []
    cited = [CITATION.search(line) for line in company.files[path].splitlines() if line.startswith("[^")]
    assert cited
    assert all(match and match["source"].startswith("sources/") for match in cited)


class OnTheWeb(Watched):
    """A company with a site."""

    def records(self, kind: str) -> Any:
        found = super().records(kind)
        return (
            [replace(each, data={**each.data, "url": "https://own.example"}) for each in found]
            if (kind == "company")
            else found
        )


@pytest.mark.parametrize(("tier", "quoted_again"), [("offline", False), (None, True)])
def test_a_page_of_ours_that_was_read_back_is_no_source_unless_a_person_wrote_it(
    tier: str | None, quoted_again: bool
) -> None:
    url = "https://own.example/reminders/"
    about = {"topic": "reminding people", "url": url, **({"tier": tier} if tier else {})}
    sources = invoices()
    sources["state/sources/reminders.md"] = source("Reminders for late invoices", REMINDERS, origin=f"{url}index.html")
    company = OnTheWeb({**sources, "state/content/reminders.md": piece("Reminding people", **about)})
    record, _ = made(company, FIRST, "publish-content/x/01")
    assert ("reminders" in load(company.files[f"state/content/{record}.md"])[0]["sources"]) is quoted_again


def test_what_a_published_piece_quotes_is_worth_less_to_the_next_but_not_to_its_own_renewal() -> None:
    company = Watched(invoices())
    first = published(company, FIRST, "publish-content/x/01")
    record = company.record("content", first)
    assert record is not None
    places = quoted([record], but="another")
    known = language("en")
    fees = read_source(company, "state/sources/late-fees.md")
    assert fees is not None
    worth = [freshness(unit, places) for unit in units(fees, known)]
    assert min(worth) == AGAIN
    assert quoted([record], but=first) == {}
    assert quoted([replace(record, data={**record.data, "status": "edited"})], but="another") == {}
    assert {freshness(unit, {}) for unit in units(fees, known)} == {1.0}


def test_where_everything_was_said_before_a_piece_is_still_made() -> None:
    company = Watched(invoices())
    published(company, FIRST, "publish-content/x/01")
    planned = planner(asked("planner", {"topic": SECOND}, run="publish-content/x/02"), company)
    assert len(planned.output["questions"]) >= 3


def test_equal_calls_give_equal_replies_with_notes_too() -> None:
    one, two = Watched(invoices()), Watched(invoices())
    for company in (one, two):
        made(company, FIRST, "publish-content/x/01")
        made(company, SECOND, "publish-content/x/02")
    assert one.files == two.files
