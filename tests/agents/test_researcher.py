"""The researcher's passages are slices of their sources, each only once."""

from __future__ import annotations

from aios.agents.offline.front import load
from aios.agents.offline.researcher import researcher
from aios.domain.front_matter import split
from aios.domain.keys import digest
from tests.agents.company import Company, call, source
from tests.agents.flow import plan
from tests.agents.material import FEES, invoices

NOTE = "memory/research/late-invoices-q1.md"


def research(company: Company) -> None:
    planned = plan(company, "late invoices")
    for question in planned.output["questions"]:
        company.apply(researcher(call("researcher", {"record": "late-invoices", "question": question}), company))


def test_each_passage_is_found_at_its_offsets_with_its_hash_and_trust() -> None:
    company = Company(invoices())
    research(company)
    data, body, _ = load(company.files[NOTE])
    assert data["kind"] == "research"
    assert data["trust"] == "external"
    assert data["x-passages"]
    for entry in data["x-passages"]:
        text = split(company.files[entry["source"]])[1][entry["start"] : entry["end"]]
        assert digest(text.encode()) == entry["sha256"]
        assert text.split("\n")[0] in body
        assert entry["source"] in data["source"]


def test_no_passage_is_in_two_notes() -> None:
    company = Company(invoices())
    research(company)
    notes = [path for path in company.files if path.startswith("memory/research/")]
    places = [
        (entry["source"], entry["start"]) for path in notes for entry in load(company.files[path])[0]["x-passages"]
    ]
    assert len(places) == len(set(places))


def test_a_copy_of_a_source_adds_nothing() -> None:
    company = Company(invoices() | {"state/sources/late-fees-copy.md": source("Late fees, again", FEES)})
    research(company)
    texts = [
        split(company.files[entry["source"]])[1][entry["start"] : entry["end"]]
        for path in company.files
        if path.startswith("memory/research/")
        for entry in load(company.files[path])[0]["x-passages"]
    ]
    assert len(texts) == len(set(texts))


def test_boilerplate_and_pointers_are_never_noted() -> None:
    company = Company(invoices())
    research(company)
    notes = "\n".join(text for path, text in company.files.items() if path.startswith("memory/research/"))
    for refused in ("Copyright", "As shown above", "calculator", "def early"):
        assert refused not in notes


def test_nothing_found_is_said() -> None:
    company = Company(invoices())
    plan(company, "late invoices")
    question = {"id": "q9", "section": "Astronomy", "text": "What do the sources say about “Astronomy”?"}
    reply = researcher(call("researcher", {"record": "late-invoices", "question": question}), company)
    assert reply.output["passages"] == 0
    assert [finding.rule for finding in reply.findings] == ["no-passage"]
