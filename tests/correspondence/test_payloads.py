"""From records to what is sent: who gets it is settled by the tree, once each, and never who must not."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from aios.domain.front_matter import render_markdown, render_yaml
from aios.effects.material import Material
from aios.effects.payloads import PAYLOADS
from aios.errors import InvalidError
from tests.correspondence.house import company, customer
from tests.memory.files import Files


def message(**fields: Any) -> dict[str, str]:
    data = {"schema": "message.v1", "subject": "Hello", "status": "drafted"} | fields
    return {"state/messages/hello.md": render_markdown(data, "Hello **you**.\n")}


def suppression(email: str, reason: str) -> dict[str, str]:
    data = {"schema": "suppression.v1", "email": email, "reason": reason, "since": "2026-01-01"}
    return {f"state/suppressions/{email.replace('@', '-').replace('.', '-')}.yaml": render_yaml(data)}


def invoice(**fields: Any) -> dict[str, str]:
    data = {"schema": "invoice.v1", "amount": 5000, "currency": "EUR", "status": "open", "service": {"id": "in_1"}}
    data = {name: value for name, value in (data | fields).items() if value is not None}
    return {"state/invoices/one.yaml": render_yaml(data)}


def built(capability: str, tree: Files, kind: str = "message", name: str = "hello") -> dict[str, Any]:
    material = Material(tree)
    record = material.record(kind, name)
    assert record is not None
    return PAYLOADS[capability](record, material)


def test_a_mail_goes_to_customers_and_addresses_each_once_by_name() -> None:
    acorn = customer("acorn", contacts=[{"name": "Tom Ashby", "email": "Hello@acorn.example"}])
    to = ["customers/acorn", "customers/birch", "x@y.example", "hello@ACORN.example"]
    payload = built("mail.send", company(acorn, customer("birch"), message(to=to)))
    assert payload["recipients"] == [
        {"email": "hello@acorn.example", "name": "Tom Ashby"},
        {"email": "hello@birch.example", "name": "Birch"},
        {"email": "x@y.example"},
    ]
    assert (payload["id"], payload["subject"], payload["markdown"]) == ("hello", "Hello", "Hello **you**.\n")
    assert "list" not in payload


def test_the_newsletter_goes_to_those_who_agreed_without_those_who_left() -> None:
    tree = company(
        customer("acorn"), customer("birch"), customer("cedar", newsletter=False), customer("dill"),
        suppression("HELLO@birch.example", "unsubscribed"), suppression("hello@dill.example", "complained"),
        message(audience="newsletter"),
    )  # fmt: skip
    payload = built("mail.send", tree)
    assert [each["email"] for each in payload["recipients"]] == ["hello@acorn.example"]
    assert payload["list"] == {"name": "Desk", "unsubscribe": "mailto:mara@desk.example?subject=unsubscribe"}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"to": ["customers/birch"]}, r"no recipient: suppressed: hello@birch\.example \(bounced\)"),
        ({"to": ["customers/nobody"]}, "no valid customer customers/nobody"),
        ({"audience": "newsletter", "to": ["x@y.example"]}, "both `to` and `audience`"),
        ({}, "it names nobody"),
        ({"to": ["x@y.example"], "status": "withheld"}, "is withheld"),
        ({"to": ["x@y.example"], "attachments": ["state/none.pdf"]}, "state/none.pdf, which is not there"),
    ],
)
def test_a_mail_that_nobody_may_get_is_refused_with_the_reason(fields: dict[str, Any], why: str) -> None:
    tree = company(customer("birch"), suppression("hello@birch.example", "bounced"), message(**fields))
    with pytest.raises(InvalidError, match=why):
        built("mail.send", tree)


def test_who_left_the_list_still_gets_an_answer() -> None:
    tree = company(suppression("x@y.example", "unsubscribed"), message(to=["x@y.example"]))
    assert built("mail.send", tree)["recipients"] == [{"email": "x@y.example"}]


def test_threads_and_attachments_are_part_of_what_is_approved() -> None:
    fields = {"to": ["x@y.example"], "in_reply_to": "<2@x>", "references": ["<1@x>", "<2@x>"]}
    tree = company(message(**fields, attachments=["state/company.yaml"]))
    payload = built("mail.send", tree)
    assert (payload["in_reply_to"], payload["references"]) == ("<2@x>", ["<1@x>", "<2@x>"])
    (file,) = payload["attachments"]
    assert file["sha256"] == f"sha256:{hashlib.sha256(tree.read('state/company.yaml') or b'').hexdigest()}"
    assert (file["name"], file["path"]) == ("company.yaml", "state/company.yaml")


def test_what_was_sent_is_the_same_effect_for_ever() -> None:
    """Bookkeeping changes the record, never the payload: approved twice, it is sent once."""
    before = built("mail.send", company(message(to=["x@y.example"])))
    noted = {"status": "sent", "sent": "2026-11-23T10:00:00Z", "receipt": "sha256:0"}
    assert built("mail.send", company(message(to=["x@y.example"], **noted))) == before


def test_an_invoice_is_drafted_from_its_lines() -> None:
    lines = [{"description": "Review", "quantity": 1, "amount": 145000}]
    tree = company(
        customer("acorn"),
        invoice(service=None, lines=lines, customer="acorn", due_days=7, status="draft", memo="Thanks"),
    )
    assert built("invoices.draft", tree, "invoice", "one") == {
        "id": "one",
        "customer": {"email": "hello@acorn.example", "name": "Acorn"},
        "lines": lines,
        "currency": "EUR",
        "due_days": 7,
        "memo": "Thanks",
    }
    with pytest.raises(InvalidError, match="no lines"):
        built("invoices.draft", company(invoice(service=None)), "invoice", "one")
    with pytest.raises(InvalidError, match="at the service already"):
        built("invoices.draft", company(invoice(lines=lines)), "invoice", "one")


def test_a_service_is_asked_to_remind_of_what_is_open_once_for_each_reminder() -> None:
    first = built("invoices.remind", company(invoice(amount_paid=1000, number="7")), "invoice", "one")
    assert first == {"id": "one-0", "invoice": "in_1", "number": "7", "amount": 4000, "currency": "EUR"}
    again = company(invoice(reminders=["hello"]), message(to=["x@y.example"]))
    assert built("invoices.remind", again, "invoice", "one")["id"] == "one-1"
    for fields in ({"status": "paid"}, {"disputed": True}, {"service": None}):
        with pytest.raises(InvalidError, match="not an open, undisputed invoice"):
            built("invoices.remind", company(invoice(**fields)), "invoice", "one")
