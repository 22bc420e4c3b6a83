"""The invariants see what an agent left, whatever it says."""

from __future__ import annotations

import pytest

from aios.agents.checks import CHECKS, Check, citations_resolve, headings_in_order, quotes_cited
from tests.agents.company import Company
from tests.agents.flow import draft
from tests.agents.material import invoices

PATH = "state/content/late-invoices.md"
EVIDENCE = "state/evidence/late-invoices.yaml"


@pytest.fixture
def company() -> Company:
    company = Company(invoices())
    assert draft(company, "late invoices") == PATH
    return company


def messages(check: Check, company: Company) -> str:
    return "\n".join(str(finding) for finding in check(company.files.get, PATH))


def test_a_fresh_draft_holds_every_invariant(company: Company) -> None:
    assert {name: check(company.files.get, PATH) for name, check in CHECKS.items()} == {name: [] for name in CHECKS}


def test_an_invented_sentence_is_found_with_its_line(company: Company) -> None:
    text = company.files[PATH].replace("> Waive the late fee", "> Nine of ten customers cheat.\n> Waive the late fee")
    company.files[PATH] = text
    line = text.split("\n").index("> Nine of ten customers cheat.") + 1
    found = quotes_cited(company.files.get, PATH)
    assert [(finding.line, finding.rule) for finding in found] == [(line, "quotes-cited")]
    assert "Nine of ten customers cheat." in found[0].message


def test_a_quotation_that_was_altered_in_piece_and_evidence_alike_is_found(company: Company) -> None:
    for path in (PATH, EVIDENCE):
        company.files[path] = company.files[path].replace("between 20 and 40 euros", "between 20 and 90 euros")
    assert "is not what state/sources/late-fees.md says at" in messages(quotes_cited, company)


def test_a_source_that_changed_or_vanished_is_found(company: Company) -> None:
    path = "state/sources/late-fees.md"
    company.files[path] = company.files[path].replace("# Late fees", "# Late Fees Again")
    assert "is not what" in messages(quotes_cited, company)
    assert "quotes words that" in messages(citations_resolve, company)
    del company.files[path]
    assert "cannot be read" in messages(quotes_cited, company)
    assert "which is not there" in messages(citations_resolve, company)


def test_missing_files_are_findings_not_crashes(company: Company) -> None:
    del company.files[EVIDENCE]
    assert "it has no evidence file" in messages(quotes_cited, company)
    del company.files[PATH]
    for check in CHECKS.values():
        assert "there is no such piece" in messages(check, company)


def test_footnotes_out_of_order_undefined_or_unused_are_found(company: Company) -> None:
    text = company.files[PATH]
    company.files[PATH] = text.replace("[^1]\n", "[^2]\n", 1)
    assert "footnote 2 comes where 1 is due" in messages(citations_resolve, company)
    company.files[PATH] = text.replace("[^1]\n", "[^1][^99]\n", 1)
    assert "footnote 99 is not defined" in messages(citations_resolve, company)
    company.files[PATH] = text + "[^77]: Nobody, “nothing…” (sources/late-fees, characters 0–5)\n"
    assert "footnote 77 is never used" in messages(citations_resolve, company)


def test_headings_skip_no_level_and_code_holds_none(company: Company) -> None:
    company.files[PATH] = "---\nschema: content.v1\n---\n\n## A\n\n```\n# no heading\n```\n\n#### B\n\n# C\n"
    assert messages(headings_in_order, company).count("[headings-in-order]") == 2
    assert ":11:" in messages(headings_in_order, company)
    assert ":13:" in messages(headings_in_order, company)
