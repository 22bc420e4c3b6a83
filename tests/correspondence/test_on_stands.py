"""The three workflows as their operator runs them: `aios` on the command line, a mail server and Stripe's stand-in."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from aios.app import found_company
from aios.domain.front_matter import render_yaml
from aios.errors import Exit
from aios.store.documents import parse
from tests.conftest import commit_all
from tests.connectors.stands import Stand
from tests.connectors.stands import mail as mail_server
from tests.connectors.stands.mail import PASSWORD, USER, MailStand
from tests.connectors.stands.stripe import Account, serve_stripe
from tests.correspondence import house
from tests.example.replays import require_identical


@dataclass
class Office:
    root: Path
    post: MailStand
    stripe: Stand
    account: Account

    def aios(self, *args: str, code: int = Exit.OK) -> subprocess.CompletedProcess[str]:
        known = {**os.environ, "TOKEN": PASSWORD}
        command = [sys.executable, "-m", "aios", *args]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False, env=known)
        assert done.returncode == code, f"{args}: {done.stdout}\n{done.stderr}"
        assert PASSWORD not in done.stdout + done.stderr
        return done

    def receive(self, name: str, subject: str, text: str, **headers: str) -> None:
        mail = EmailMessage()
        known = {"From": "Tom Ashby <hello@acorn.example>", "To": USER, "Subject": subject}
        known |= {"Message-ID": f"<{name}@acorn.example>", "Date": "Mon, 09 Mar 2026 10:00:00 +0000"}
        for header, value in (known | headers).items():
            mail[header] = value
        mail.set_content(text)
        received = datetime.now(UTC).strftime("%d-%b-%Y %H:%M:%S +0000")  # a first read goes back only so far
        self.post.post.store("INBOX", mail.as_bytes(), received=received)

    def sent(self) -> list[Message]:
        """What reached somebody, as the server has it."""
        (inbox,) = [held for name, held in self.post.snapshot().items() if name == "INBOX"]
        mails = [message_from_bytes(content, policy=default) for _, content, _ in inbox]
        return [each for each in mails if USER in str(each["From"])]

    def data(self, path: str) -> dict[str, Any]:
        document, _ = parse(path, (self.root / path).read_bytes())
        assert document is not None
        return dict(document.data)


def where_it_is_noon() -> str:
    """A time zone in which it is day for hours: at night the policies that come along hold mail to many."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"  # by its name west is plus


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    root, account = tmp_path / "desk", Account()
    post, stripe = mail_server.serve(), serve_stripe(account)
    found_company(root, name="Desk", email="ann@mail.test", example=False)
    files = {
        **house.customer("acorn", contacts=[{"name": "Tom Ashby"}]),
        **house.customer("birch"),
        **house.answer("currency", "Invoices in another currency", "Invoices are in euro only."),
        **house.piece("trial-length", "2026-11-20", "A trial of seven days sold as well as one of thirty.\n"),
    }
    for name, use, settings in (
        ("mail", "mail", post.settings(post.address)),
        ("stripe", "stripe", stripe.settings(stripe.address)),
    ):
        declared = {"schema": "connector.v1", "use": use, "settings": settings}
        files[f"state/connectors/{name}.yaml"] = render_yaml(declared)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    company = root / "state/company.yaml"
    told, changed = re.subn(r"(?m)^timezone: .+$", f"timezone: {where_it_is_noon()}", company.read_text())
    assert changed == 1
    company.write_text(told + f"owner: {{name: Ann Lind, email: {USER}}}\n")
    commit_all(root, "Customers and accounts")
    try:
        yield Office(root, post, stripe, account)
        require_identical(root)
    finally:
        post.stop()
        stripe.stop()


def text_of(mail: Message) -> str:
    part = mail.get_body(("plain",)) if isinstance(mail, EmailMessage) else None
    assert part is not None
    return str(part.get_content())


def test_a_question_by_mail_is_answered_by_mail_in_its_thread_once(office: Office) -> None:
    office.aios("check")
    office.receive("1", "Invoice in SEK", "Can we get our invoices in another currency?")
    office.receive("2", "Away", "I am away.", **{"Auto-Submitted": "auto-replied"})
    office.aios("run", "triage-support", code=Exit.WAITING)
    shown = office.aios("show", "mailbox").stdout
    assert "Invoices are in euro only." in shown
    assert office.sent() == []
    office.aios("approve", "mailbox", "--confirm", "mailbox", "--apply")
    (mail,) = office.sent()
    assert (mail["To"], mail["Subject"]) == ("Acorn <hello@acorn.example>", "Re: Invoice in SEK")
    assert (mail["In-Reply-To"], mail["References"]) == ("<1@acorn.example>", "<1@acorn.example>")
    assert text_of(mail).splitlines() == [
        "Hello Tom Ashby,",
        "",
        "thank you for your mail.",
        "",
        "Invoices are in euro only.",
        "",
        "If that leaves something open, just reply to this mail.",
        "",
        "Kind regards",
        "Ann Lind",
    ]
    (ticket,) = (office.root / "state/tickets").iterdir()
    assert office.data(f"state/tickets/{ticket.name}")["status"] == "answered"
    office.receive("3", "Re: Invoice in SEK", "Thanks!", References=f"<1@acorn.example> {mail['Message-ID']}")
    office.aios("run", "triage-support", code=Exit.WAITING)
    office.aios("approve", "mailbox", "--confirm", "mailbox", "--apply")
    assert len(list((office.root / "state/tickets").iterdir())) == 1
    assert len(office.sent()) == 2
    office.aios("run", "triage-support")
    assert json.loads(office.aios("inbox", "--json").stdout) == []
    assert len(office.sent()) == 2


def test_a_failed_payment_becomes_a_reminder_by_mail_and_no_second_one(office: Office) -> None:
    acorn = office.account.make("customer", email="hello@acorn.example", name="Acorn")
    owed = office.account.invoice(acorn, status="open", amount_due=4_900, number="A-1", attempt_count=1)
    office.account.charge(acorn, 4_900, status="failed", failure_message="Your card was declined.", invoice=owed["id"])
    office.account.invoice(acorn, status="paid", amount_due=900, amount_paid=900, number="A-2")
    office.aios("run", "follow-up-invoices", code=Exit.WAITING)
    office.aios("approve", "open-invoices", "--confirm", "open-invoices", "--apply")
    (mail,) = office.sent()
    assert mail["To"] == "Acorn <hello@acorn.example>"
    assert "the payment of 49.00 EUR for invoice A-1 did not go through" in " ".join(text_of(mail).split())
    record = office.data("state/invoices/a-1.yaml")
    assert (record["customer"], record["failure"]["reason"]) == ("acorn", "Your card was declined.")
    assert office.data("state/invoices/a-2.yaml")["status"] == "paid"
    office.aios("run", "follow-up-invoices")
    assert len(office.sent()) == 1
    owed |= {"status": "paid", "amount_paid": 4_900}
    office.aios("run", "follow-up-invoices")
    assert len(office.sent()) == 1


def test_an_issue_reaches_each_reader_once_with_the_way_out(office: Office) -> None:
    office.aios("run", "send-newsletter", "--input", "since=2026-11-01", code=Exit.WAITING)
    office.aios("approve", "newsletter", "--confirm", "newsletter", "--apply")
    assert sorted(str(each["To"]) for each in office.sent()) == [
        "Acorn <hello@acorn.example>",
        "Birch <hello@birch.example>",
    ]
    for mail in office.sent():
        assert "List-Unsubscribe" in mail
        assert "A trial of seven days sold as well as one of thirty." in text_of(mail)
    office.aios("run", "send-newsletter", "--input", "since=2026-11-01")
    assert len(office.sent()) == 2
