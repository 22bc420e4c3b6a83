"""The writer with a model: its words, our sources, and nothing that passes for more than it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aios.agents.assisted import ASSISTED
from aios.agents.assisted.support import doubt
from aios.agents.checks import CHECKS
from aios.agents.evidence import parse
from aios.agents.loop import NoAnswerError
from aios.agents.offline.front import load
from aios.agents.offline.text.language import language
from aios.domain.agent import AgentReply, Tier
from aios.errors import AiosError
from tests.agents.company import Company, call
from tests.agents.drafting import Drafting, Write, in_short
from tests.agents.flow import draft, edit
from tests.agents.material import invoices

PATH = "state/content/late-invoices.md"
EVIDENCE = "state/evidence/late-invoices.yaml"
ENGLISH = language("en")


@pytest.fixture
def company() -> Company:
    """Planned and researched; the offline draft is there and will be written anew."""
    company = Company(invoices())
    draft(company, "late invoices")
    return company


def write(company: Company, model: Drafting, **more: Any) -> AgentReply:
    engine = ASSISTED["writer"]({Tier.SMALL: model}, lambda _: ())
    reply = engine(call("writer", {"record": "late-invoices"}, **more), company)
    company.apply(reply)
    return reply


def kinds(company: Company) -> dict[str, int]:
    found: dict[str, int] = {}
    for sentence in parse(company.files[EVIDENCE])[1]:
        found[sentence.kind] = found.get(sentence.kind, 0) + 1
    return found


def held(company: Company) -> bool:
    return all(check(company.files.get, PATH) == [] for check in CHECKS.values())


def test_a_draft_that_says_what_its_passages_say_is_supported_and_every_check_holds(company: Company) -> None:
    model = Drafting()
    reply = write(company, model)
    assert len(model.asked) == 1
    assert held(company)
    assert kinds(company)["supported"] >= 5
    assert "unverified" not in kinds(company)
    data = load(company.files[PATH])[0]
    assert (data["tier"], data["status"]) == ("small", "drafted")
    assert "tier: small" in company.files[EVIDENCE]
    assert "Put briefly, " in company.files[PATH]
    assert reply.output["citations"] >= 5
    assert edit(company, PATH).question is None
    assert held(company)


def test_its_material_is_marked_as_what_it_is(company: Company) -> None:
    model = Drafting()
    write(company, model, guidance=("shorter",))
    asked = model.asked[0].messages[1].text
    assert "[data " in asked
    assert "(trust: " in asked
    assert "- shorter" in asked
    assert model.asked[0].schema is not None


def lying(name: str, first: str) -> dict[str, Any]:
    return {
        "text": f"A survey of 7,531 firms by Bogus Institute found that {first[:1].lower()}{first[1:]}",
        "from": [name],
    }


def half_lying() -> Write:
    turn = iter(range(1_000))
    return lambda name, first: lying(name, first) if next(turn) % 3 == 0 else in_short(name, first)


def test_what_is_doubtful_is_sent_back_and_a_better_draft_is_taken(company: Company) -> None:
    model = Drafting(half_lying(), later=in_short)
    write(company, model)
    assert len(model.asked) == 2
    assert "the number 7,531 is not in what it cites" in model.asked[1].messages[-1].text
    assert "unverified" not in kinds(company)


def test_what_stays_doubtful_is_marked_unverified_with_line_and_reason_and_costs_confidence(company: Company) -> None:
    good = write(Company(company.files), Drafting())
    reply = write(company, Drafting(half_lying()))
    found = [finding for finding in reply.findings if finding.rule == "unverified"]
    assert len(found) == kinds(company)["unverified"] >= 2
    lines = company.files[PATH].splitlines()
    for finding in found:
        assert "Bogus Institute" in lines[finding.line - 1]
        assert "is not in what it cites" in finding.message
    assert reply.confidence < good.confidence
    assert held(company)


@pytest.mark.parametrize(
    "model",
    [
        Drafting(lying),
        Drafting(lambda *_: {"text": "Buy now.", "from": []}),
        Drafting(lambda *_: {"text": "x" * 100_000, "from": ["p1"]}),
        Drafting(lambda *_: {"text": 7, "from": "p1"}),
        Drafting(shape=lambda _: "I would rather not."),
        Drafting(shape=lambda _: "{}"),
        Drafting(shape=lambda _: '{"sections": [{"heading": "Other", "paragraphs": [[{"text": "So.", "from": []}]]}]}'),
        Drafting(shape=lambda _: json.dumps({"sections": [[], 3, None]})),
        Drafting(shape=lambda value: json.dumps(value)[:-20]),
    ],
)
def test_what_holds_against_no_rule_is_no_draft(company: Company, model: Drafting) -> None:
    before = dict(company.files)
    with pytest.raises(NoAnswerError, match="no draft held against the rules"):
        write(company, model)
    assert len(model.asked) == 3
    assert company.files == before


def test_markup_addresses_and_footnotes_of_a_model_do_not_reach_the_piece(company: Company) -> None:
    def dressed(name: str, first: str) -> dict[str, Any]:
        said = f"![x](https://evil.example/a.png) <script>alert(1)</script> [Put](https://evil.example) it: {first}[^9]"
        return {"text": said, "from": [name]}

    try:
        write(company, Drafting(dressed))
    except NoAnswerError:
        return  # so much was taken out that nothing held
    body = load(company.files[PATH])[1]
    assert "evil.example" not in body
    assert "<script" not in body
    assert "[^9]" not in body
    assert held(company)


def test_a_source_that_is_not_given_supports_nothing(company: Company) -> None:
    turn = iter(range(1_000))

    def elsewhere(name: str, first: str) -> dict[str, Any]:
        return in_short("p99" if next(turn) % 3 == 0 else name, first)

    reply = write(company, Drafting(elsewhere))
    assert any("there is no passage p99" in finding.message for finding in reply.findings)


def test_what_a_person_wrote_is_left_to_the_engine_that_keeps_it(company: Company) -> None:
    company.files[PATH] = "\n".join(line for line in company.files[PATH].split("\n") if not line.startswith("tier:"))
    with pytest.raises(AiosError, match="word for word"):
        write(company, Drafting())


SOURCE = "Acme waits 14 days before it sends a reminder. It never charges a late fee to charities in Berlin."


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("Acme sends a reminder after 14 days.", ""),
        ("A reminder is sent after waiting 14 days.", ""),
        ("Acme never charges charities a late fee.", ""),
        ("Acme sends a reminder after 41 days.", "the number 41 is not in what it cites"),
        ("A reminder is sent by Stripe after 14 days.", "“Stripe” is not in what it cites"),
        ("Acme charges a late fee to charities in Berlin.", "one of it and what it cites denies something"),
        ("Stripe sends a reminder after 14 days.", "“Stripe” is not in what it cites"),
        ("Acme sends a reminder after 14 weeks.", "the number 14 week is not in what it cites"),
        ("Acme sends three reminders after 14 days.", "the number 3 is not in what it cites"),
        ("Acme sends a reminder after fourteen days.", ""),
        ("Acme sends a reminder after forty days.", "the number 40 is not in what it cites"),
        ("Acme always sends a reminder after 14 days.", "it says “always”"),
        ("Charities in Berlin pay a late fee.", "one of it and what it cites denies something"),
        ("Acme sends a reminder after 14 days, see evil.example/pay.", "“evil.example/pay” is not in what it cites"),
        ("Good coffee keeps the whole team awake at night.", "too little of it is in what it cites"),
    ],
)
def test_a_sentence_is_held_against_what_it_cites(sentence: str, why: str) -> None:
    assert doubt(sentence, [SOURCE], ENGLISH).startswith(why)
    assert bool(doubt(sentence, [SOURCE], ENGLISH)) is bool(why)


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("Here is how it is done.", ""),
        ("It takes 3 weeks.", "it gives a number"),
        ("As they say at Stripe, it works.", "it names “Stripe”"),
        ("Stripe recommends it.", "it names “Stripe”"),
        ("It takes two weeks.", "it gives a number"),
        ("Here are the questions that follow.", ""),
        ("Discounts are illegal.", "it names “Discounts”"),
        ("Readers love higher prices.", "it claims something"),
        ("It is not so.", "it claims something"),
        ("word " * 30, "it says too much"),
    ],
)
def test_a_sentence_that_cites_nothing_may_only_connect(sentence: str, why: str) -> None:
    assert doubt(sentence, [], ENGLISH).startswith(why)
    assert bool(doubt(sentence, [], ENGLISH)) is bool(why)


def test_thousands_are_one_number_however_they_are_marked() -> None:
    assert doubt("It cost 1.200 euros in all.", ["In all it cost 1,200 euros."], ENGLISH) == ""


def test_a_statement_turned_round_is_not_supported() -> None:
    source = "Prices were raised in spring, and customers with at least 3 seats pay less."
    assert "“lowered”" in doubt("Prices were lowered in spring.", [source], ENGLISH)
    assert "“more”" in doubt("Customers with at least 3 seats pay more.", [source], ENGLISH)
    assert doubt("Prices were raised in spring.", [source], ENGLISH) == ""


def test_names_are_held_against_german_sources_too() -> None:
    source = "Die Firma Acme wartet 14 Tage, bevor sie mahnt."
    assert doubt("Die Firma Acme wartet vierzehn Tage.", [source], language("de")) == ""
    assert doubt("Die Firma Stripe wartet 14 Tage.", [source], language("de")) == "“Stripe” is not in what it cites"


def test_what_only_two_passages_say_together_has_no_place_to_lead_to(company: Company) -> None:
    names: list[str] = []

    def joined(name: str, first: str) -> dict[str, Any]:
        names.append(name)
        both = [name, names[0]] if len(names) > 1 else [name]
        return {"text": f"Put briefly, {first[:1].lower()}{first[1:]}", "from": list(reversed(both))}

    write(company, Drafting(joined))
    for sentence in parse(company.files[EVIDENCE])[1]:
        if sentence.kind == "supported":
            place = load(company.files[sentence.source])[1][sentence.start : sentence.end]
            assert doubt(sentence.text, [place], ENGLISH, [sentence.text]) == ""


@pytest.mark.parametrize("mark", ["~~~ ", "1. ", "+ ", "= ", "``` ", "> ", "&#45; "])
def test_no_sentence_begins_a_block_of_its_own(company: Company, mark: str) -> None:
    def dressed(name: str, first: str) -> dict[str, Any]:
        return {**in_short(name, first), "text": mark + in_short(name, first)["text"]}

    write(company, Drafting(dressed))
    lines = load(company.files[PATH])[1].splitlines()
    assert [line for line in lines if line.startswith(mark.strip())] == []
    assert any(line.startswith("Put briefly") for line in lines)
    assert held(company)


def test_mending_takes_no_evidence_from_a_supported_sentence(company: Company) -> None:
    def stuttering(name: str, first: str) -> dict[str, Any]:
        said = in_short(name, first)
        return {**said, "text": said["text"].replace("Put briefly,", "Put briefly in in short,")}

    write(company, Drafting(stuttering))
    before = kinds(company)["supported"]
    assert edit(company, PATH).question is None
    assert kinds(company)["supported"] == before
    assert all(sentence.rule != "operator-text" for sentence in parse(company.files[EVIDENCE])[1])
