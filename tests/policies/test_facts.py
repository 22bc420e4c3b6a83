"""What a rule is told of a proposal."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft7Validator

from aios.domain.finding import Severity
from aios.domain.measure import UNKNOWN, Total
from aios.policies.facts import FACTS, Today
from tests.policies.proposals import BLOB, OTHER, change, effect, finding, proposal


def full() -> dict[str, Any]:
    return dict(
        proposal(
            changes=[
                change("state/content/x.md"),
                change("state/content/y.md", before=OTHER),
                change("memory/lessons/z.md", before=BLOB, after=""),
                change("state/runs/2026/03/01jc.yaml"),
                change("state/company.yaml", before=OTHER),
            ],
            effects=[effect(amount=1250, currency="EUR"), effect("mail.send", reversible=False, recipients=["a", "b"])],
            trust=["external", "derived"],
            findings=[
                finding(Severity.ERROR),
                finding(Severity.WARNING),
                finding(Severity.WARNING),
                finding(Severity.INFO),
            ],
            cost_usd=1,
            tokens=1200,
        )
    )


def test_the_facts_of_a_proposal_are_complete_and_plain() -> None:
    assert full() == {
        "workflow": "publish-content",
        "subject": "x",
        "agents": ["writer"],
        "paths": ["state/content/x.md", "state/content/y.md", "memory/lessons/z.md", "state/company.yaml"],
        "kinds": ["company", "content", "memory"],
        "added": 1,
        "changed": 2,
        "deleted": 1,
        "effects": [
            {
                "capability": "cms.publish", "connector": "site", "target": "https://acme.example/x",
                "reversible": True, "amount": 1250, "currency": "EUR", "recipients": 0, "first_time": 0,
            },
            {
                "capability": "mail.send", "connector": "site", "target": "https://acme.example/x",
                "reversible": False, "amount": 0, "currency": "", "recipients": 2, "first_time": 2,
            },
        ],
        "irreversible": 1,
        "recipients": 2,
        "amount": 1250,
        "first_time": 2,
        "today": [
            {"capability": "cms.publish", "currency": "EUR", "acts": 1, "amount": 1250},
            {"capability": "mail.send", "currency": "", "acts": 2, "amount": 0},
        ],
        "time": "00:00",
        "weekday": "thursday",
        "date": "1970-01-01",
        "trust": ["external", "derived"],
        "errors": 1,
        "warnings": 2,
        "unverified": 0,
        "raised": 0,
        "protected": True,
        "cost_usd": 1.0,
        "tokens": 1200,
    }  # fmt: skip


@pytest.mark.parametrize("told", [proposal(), full()])
def test_every_fact_is_declared_with_its_type(told: dict[str, Any]) -> None:
    assert set(told) == set(FACTS)
    for name, (schema, meaning) in FACTS.items():
        Draft7Validator(schema).validate(told[name])
        assert meaning
    assert isinstance(told["cost_usd"], float)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (None, 0),
        (0, 0),
        (99, 99),
        (12.01, 13),
        (-5, -5),
        ("12", UNKNOWN),
        (True, UNKNOWN),
        (1e300, UNKNOWN),
        ({}, UNKNOWN),
    ],
)
def test_an_amount_that_nobody_can_read_counts_as_the_largest(amount: Any, expected: int) -> None:
    assert proposal(effects=[effect(amount=amount), effect()])["amount"] == max(expected, 0)


@pytest.mark.parametrize(
    ("recipients", "expected"),
    [
        (None, 0),
        ([], 0),
        (["a", "b"], 2),
        ("a@x.example", 1),
        ("a@x.example, b@x.example;", 2),
        (7, 7),
        ({}, UNKNOWN),
        (-1, UNKNOWN),
    ],
)
def test_recipients_are_counted_and_unknown_ones_are_many(recipients: Any, expected: int) -> None:
    assert proposal(effects=[effect(recipients=recipients), effect()])["recipients"] == expected


def test_recipients_may_be_objects_and_who_was_reached_before_is_not_new() -> None:
    mail = effect("mail.send", recipients=[{"email": "Ann@x.example", "name": "Ann"}, {"email": "bo@x.example"}])
    told = proposal(effects=[mail], today=Today(reached=lambda _, people: {"ann@x.example"} & set(people)))
    assert (told["recipients"], told["first_time"]) == (2, 1)


def test_the_lines_of_an_invoice_are_its_amount() -> None:
    lines = [{"description": "a", "quantity": 3, "amount": 1000}, {"description": "b", "amount": 50}]
    told = proposal(effects=[effect("invoices.draft", lines=lines, currency="EUR")])
    assert (told["amount"], told["effects"][0]["currency"]) == (3050, "EUR")
    assert proposal(effects=[effect("invoices.draft", lines=["?"])])["amount"] == UNKNOWN


def test_the_day_is_what_was_done_and_what_is_left_of_the_plan() -> None:
    done = [Total("post", "mail.send", "", 40, 0), Total("bank", "invoices.draft", "EUR", 1, 700)]
    mail = effect("mail.send", recipients=["a@x.example"] * 10)
    told = proposal(effects=[mail], today=Today(totals=done, left={mail.key: 4}))
    assert told["today"] == [
        {"capability": "invoices.draft", "currency": "EUR", "acts": 1, "amount": 700},
        {"capability": "mail.send", "currency": "", "acts": 44, "amount": 0},
    ]


@pytest.mark.parametrize(
    "path",
    [
        "workflows/x.yaml",
        "state/policies/p.yaml",
        "state/agents/a.md",
        "state/schemas/x.json",
        ".github/x",
        "state/company.yaml",
    ],
)
def test_what_only_a_person_may_change_is_protected(path: str) -> None:
    assert proposal(changes=[change(path)])["protected"] is True
    moved = proposal(changes=[change("memory/x.md", before=BLOB, renamed_from=path)])
    assert moved["protected"] is True
    assert path in moved["paths"]
    assert proposal()["protected"] is False
