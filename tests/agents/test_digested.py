"""What earlier plans tell of the sources: those that are as they were are not searched again, all others are."""

from __future__ import annotations

from typing import Any

import pytest

from aios.agents.offline.front import load
from aios.agents.offline.planner import planner
from aios.agents.offline.researcher import ENOUGH_WORDS
from aios.agents.offline.writer import writer
from aios.domain.front_matter import render_markdown, split
from tests.agents.company import source
from tests.agents.material import invoices
from tests.agents.test_holdings import FIRST, SECOND, Watched, asked, made, published

FEES = "state/sources/late-fees.md"
ONE, TWO = "publish-content/x/01", "publish-content/x/02"
NEW = """# Late invoices and telephone reminders

A telephone reminder for late invoices is a call of two minutes on the tenth day after the due date.

## When to send a reminder by telephone

Late invoices above a thousand euros are worth a call on the very first day. The call names the invoice and the amount.
Payment follows within a day in most cases, and nobody has to write a second reminder for late invoices.
"""


def plan_of(company: Watched, topic: str, run: str, **how: Any) -> dict[str, Any]:
    """The new plan's front matter; the plan is in the company afterwards."""
    reply = planner(asked("planner", {"topic": topic}, run=run, **how), company)
    company.apply(reply)
    return load(company.files[f"state/content/{reply.output['record']}.md"])[0]


def fresh(plan: dict[str, Any]) -> list[list[str] | None]:
    return [question.get("fresh") for section in plan["outline"] for question in section["questions"]]


def test_the_first_plan_knows_of_nothing_and_everything_is_searched() -> None:
    assert set(map(type, fresh(plan_of(Watched(invoices()), FIRST, ONE)))) == {type(None)}


def test_sources_that_are_as_they_were_are_not_searched_again() -> None:
    company = Watched(invoices())
    published(company, FIRST, ONE)
    record, replies = made(company, SECOND, TWO)
    plan = load(company.files[f"state/content/{record}.md"])[0]
    assert fresh(plan) == [[]] * len(plan["outline"])
    assert company.searches == []
    assert all(reply.output["passages"] for reply in replies)


def test_a_new_source_is_looked_at_by_the_questions_that_it_speaks_to_and_quoted() -> None:
    company = Watched(invoices())
    published(company, FIRST, ONE)
    company = Watched({**company.files, "state/sources/by-telephone.md": source("Reminders by telephone", NEW)})
    record, replies = made(company, SECOND, TWO)
    plan = load(company.files[f"state/content/{record}.md"])[0]
    assert any(found == ["by-telephone"] for found in fresh(plan))
    assert "by-telephone" in {name for reply in replies for name in reply.output["sources"]}
    assert any(line == "new since then: by-telephone" for line in plan["changed"])


def test_a_changed_source_is_read_anew_and_the_plan_says_so() -> None:
    company = Watched(invoices())
    published(company, FIRST, ONE)
    company = Watched({**company.files, FEES: company.files[FEES] + NEW})
    plan = plan_of(company, SECOND, TWO)
    assert any(found and "late-fees" in found for found in fresh(plan))
    assert any(line == "changed since then, and read anew: late-fees" for line in plan["changed"])
    notes = [note for section in plan["outline"] for question in section["questions"] for note in question["notes"]]
    held = [load(company.files[note])[0]["source"] for note in notes]
    assert all(named != ["state/sources/late-fees.md"] for named in held)


@pytest.mark.parametrize(
    "change", [{"updated": "2024-01-01T00:00:00Z"}, {"sources": ["bread"]}, {"run": TWO}, {"x-read": "?"}]
)
def test_plans_that_are_old_or_of_this_run_or_on_something_else_tell_nothing(change: dict[str, Any]) -> None:
    company = Watched(invoices())
    record = published(company, FIRST, ONE)
    path = f"state/content/{record}.md"
    data, body, _ = load(company.files[path])
    company.files[path] = render_markdown({**data, **change}, body)
    assert set(map(type, fresh(plan_of(company, SECOND, TWO)))) == {type(None)}


def test_what_the_plan_finds_too_thin_is_searched_for_whatever_is_known() -> None:
    company = Watched(invoices())
    published(company, FIRST, ONE)
    notes = [path for path in company.files if path.startswith("memory/research/")]
    company = Watched({path: text for path, text in company.files.items() if path not in notes})
    record, _ = made(company, SECOND, TWO)
    plan = load(company.files[f"state/content/{record}.md"])[0]
    thin = [section["coverage"]["words"] < ENOUGH_WORDS for section in plan["outline"]]
    assert any(thin)
    assert company.searches.count(("sources",)) == 2 * sum(thin)


def test_a_piece_says_what_no_published_piece_quotes_where_there_is_enough_of_it() -> None:
    more = {f"state/sources/more-{n}.md": source(f"Late invoices, part {n}", _more(n)) for n in range(6)}
    company = Watched({**invoices(), **more})
    first = published(company, FIRST, ONE)
    record, _ = made(company, SECOND, TWO)
    company.apply(writer(asked("writer", {"record": record}, run=TWO), company))
    places = [
        {
            line.rpartition("(")[2]
            for line in split(company.files[f"state/content/{name}.md"])[1].splitlines()
            if line[:2] == "[^"
        }
        for name in (first, record)
    ]
    assert len(places[1]) >= 6
    assert len(places[0] & places[1]) <= 0.4 * len(places[1])  # three in five, if nothing is left out


def _more(number: int) -> str:
    """Text on the same subject with words of its own for each number."""
    things = ("ledger", "courier", "branch", "reseller", "garden", "harbour")
    thing, other = things[number], things[(number + 1) % 6]
    return f"""# Invoices and payment at the {thing}

The {thing} keeps its invoices in a folder of their own, and the payment of each is noted on the
{other} within {number + 2} days.
Nobody at the {thing} waits for a second letter, since the {other} calls on every customer who is late with a payment.

## Payment at the {thing}

Every payment that reaches the {thing} before noon is booked on the same day, which took the {other}
{number + 4} weeks to learn.
Invoices without a number are sent back to the {other}, and the {thing} has lost no payment to a wrong number since.

## Invoices that the {thing} writes off

The {thing} wrote off {number + 3} invoices in the spring because the {other} had moved without leaving
an address behind.
An invoice that is {number + 90} days old goes to the {other}, who settles for half of it and keeps
the {thing} out of court.
"""
