"""The planner makes an outline of what there is, or asks."""

from __future__ import annotations

from typing import Any

from aios.agents.offline.front import load
from aios.agents.offline.guidance import meant
from aios.agents.offline.text.language import language
from aios.domain.names import is_protected
from tests.agents.company import Company, call, contract, piece, yaml
from tests.agents.flow import plan
from tests.agents.material import invoices

PATH = "state/content/late-invoices.md"


def data(company: Company, path: str = PATH) -> dict[str, Any]:
    return load(company.files[path])[0]


def headings(company: Company, path: str = PATH) -> list[str]:
    return [section["heading"] for section in data(company, path)["outline"]]


def test_a_plan_has_three_to_seven_sections_with_questions_coverage_and_places() -> None:
    company = Company(invoices())
    reply = plan(company, "late invoices")
    record = data(company)
    assert record["status"] == "planned"
    assert record["topic"] == "late invoices"
    assert 3 <= len(record["outline"]) <= 7
    assert [item["section"] for item in reply.output["questions"]] == headings(company)
    for section in record["outline"]:
        assert section["coverage"]["passages"] >= 1
        assert all(place["source"] in record["sources"] for place in section["questions"][0]["material"])
    assert "bread" not in record["sources"]


def test_headings_come_from_the_sources() -> None:
    company = Company(invoices())
    plan(company, "late invoices")
    assert {"Late fees", "Reminders for late invoices", "Payment terms"} <= set(headings(company))


def test_too_little_material_is_a_question_and_no_file() -> None:
    company = Company(invoices())
    reply = plan(company, "sourdough bread")
    assert reply.files == {}
    assert reply.question is not None
    assert "too little material on “sourdough bread”" in reply.question.text
    assert '--input topic="sourdough bread" --input sources=PATH' in reply.question.text


def test_an_empty_company_is_asked_about_not_crashed_on() -> None:
    reply = plan(Company({}), "anything at all", sources=["gone"])
    assert reply.question is not None
    assert "nothing quotable" in reply.question.text


def test_the_parts_of_a_topic_that_nothing_speaks_of_are_gaps() -> None:
    reply = plan(Company(invoices()), "late invoices and astronomy")
    assert any("astronomy" in gap for gap in reply.output["gaps"])


def test_a_similar_earlier_piece_lends_its_outline_and_the_change_is_told() -> None:
    earlier = piece(
        "Chasing late invoices",
        topic="chasing late invoices by phone",
        headings=["Reminders", "Reminders for late invoices", "Phone scripts"],
        tags=["invoices"],
    )
    company = Company(invoices() | {"state/content/chasing-late-invoices.md": earlier})
    reply = plan(company, "late invoices and fees")
    record = data(company, f"state/content/{reply.output['record']}.md")
    assert reply.output["grew_from"] == record["grew_from"] == "chasing-late-invoices"
    assert "Reminders for late invoices" in record["kept"]
    assert any("Phone scripts" in line and "left out" in line for line in record["changed"])
    assert any("is new" in line for line in record["changed"])
    assert any("grew from “Chasing late invoices”" in reason.what for reason in reply.reasons)


def test_a_topic_that_is_covered_already_is_said_to_be() -> None:
    company = Company(invoices() | {"state/content/paying-late.md": piece("Late invoices", topic="late invoices")})
    reply = plan(company, "late invoice")
    assert [finding.rule for finding in reply.findings] == ["duplicate-topic"]
    assert reply.output["record"] == "late-invoice"


def test_the_same_topic_renews_its_piece_in_place_and_keeps_its_address() -> None:
    known = {"url": "https://example.com/late-invoices/", "created": "2026-01-02T00:00:00Z", "slug": "late-invoices"}
    company = Company(invoices() | {PATH: piece("Late invoices", topic="late invoices", **known)})
    reply = plan(company, "late invoices")
    assert reply.output["record"] == "late-invoices"
    assert {key: data(company)[key] for key in known} == known
    assert any("renews it in place" in finding.message for finding in reply.findings)


def test_another_piece_under_the_same_id_is_never_overwritten() -> None:
    other = piece("Something else entirely", topic="something else entirely", status="drafted")
    company = Company(invoices() | {PATH: other})
    reply = plan(company, "late invoices")
    assert reply.output["record"] == "late-invoices-2"
    assert company.files[PATH] == other


def test_words_of_guidance_are_obeyed_or_named() -> None:
    company = Company(invoices())
    words = ["Drop the section on late fees. Title: Paid on time", "add a section about deposits", "make it sing"]
    reply = plan(company, "late invoices", guidance=words)
    assert data(company)["title"] == "Paid on time"
    assert reply.output["record"] == "late-invoices"
    assert "Late fees" not in headings(company)
    assert "Deposits" in headings(company)
    rules = [finding.rule for finding in reply.findings]
    assert rules.count("guidance-applied") == 3
    assert [finding.message for finding in reply.findings if finding.rule == "guidance-unclear"] == [
        "“make it sing” was not understood and changed nothing"
    ]


def test_a_section_that_nothing_supports_becomes_a_gap() -> None:
    reply = plan(Company(invoices()), "late invoices", guidance=["add a section about quantum computers"])
    assert any("quantum computers" in gap for gap in reply.output["gaps"])


def test_a_product_that_the_topic_names_is_linked() -> None:
    product = yaml({"schema": "product.v1", "name": "Invoices", "status": "live", "summary": "Sends invoices."})
    company = Company(invoices() | {"state/products/invoices.yaml": product})
    plan(company, "late invoices")
    assert data(company)["product"] == "invoices"


def test_lessons_and_decisions_are_cited_but_never_material() -> None:
    lesson = "---\nschema: note.v1\nkind: lesson\ntitle: Late invoices do well on Mondays\n---\n\nThey sell."
    company = Company(invoices() | {"memory/lessons/mondays.md": lesson})
    reply = plan(company, "late invoices")
    assert any("memory/lessons/mondays" in reason.refs for reason in reply.reasons)
    assert "Mondays" not in company.files[PATH]


def test_what_is_read_stays_within_the_contract() -> None:
    many = {f"state/sources/copy-{number}.md": text for number, text in enumerate(invoices().values())}
    company = Company(invoices() | many)
    company.allowed = contract("planner").reads
    reply = plan(company, "late invoices")
    assert all(not is_protected(path) for path in company.seen)
    assert any(reason.what.startswith("read ") for reason in reply.reasons)


def test_equal_calls_give_equal_plans() -> None:
    from aios.agents.offline.planner import planner

    one = planner(call("planner", {"topic": "late invoices"}), Company(invoices()))
    two = planner(call("planner", {"topic": "late invoices"}), Company(dict(reversed(invoices().items()))))
    assert one == two


def test_words_that_fit_several_sections_cost_none() -> None:
    names = ["Option prompts", "Input prompts", "Confirmation prompts", "Launching editors"]
    assert meant("the section Prompting", names, language("en")) == []
    assert meant("Input prompts", names, language("en")) == ["Input prompts"]
    assert meant("editors", names, language("en")) == ["Launching editors"]
