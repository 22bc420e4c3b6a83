"""The three workflows from their start to receipts, in this process, on services that count what they were told."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aios.app import Company, found_company
from aios.domain.effect import Connector
from aios.domain.names import branch_of
from aios.domain.run import RunStatus
from aios.runs.conductor import Standing, carry_on
from aios.runs.context import Context
from aios.runs.gate import approve, reject, show_as_it_is
from aios.runs.inbox import items, open_runs
from aios.runs.replay import Verdict, replay
from aios.runs.start import start_run
from aios.store.documents import parse
from tests.conftest import commit_all
from tests.correspondence import house
from tests.correspondence.services import Mailbox, Payments
from tests.injection.texts import PAIRS
from tests.kills import dies_at

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
ME = "mara@desk.example"
SEK = house.mail("1", "Invoice in SEK", "Can we get our invoices in another currency?")


@dataclass
class Desk:
    """A company with its services, and a clock that tests move."""

    root: Path
    mailbox: Mailbox
    payments: Payments
    now: datetime = START
    checkpoint: Callable[[str], None] = lambda _: None
    runs: list[str] = field(default_factory=list)

    @property
    def context(self) -> Context:
        made = Company.find(self.root, clock=lambda: self.now).context
        services: dict[str, Connector] = {"mailbox": self.mailbox, "stripe": self.payments}
        return replace(made, connectors=lambda _: services, patience=5.0, checkpoint=self.checkpoint, pause=self.wait)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def run(self, workflow: str) -> Standing:
        key = f"test:{len(self.runs)}"
        trigger = {"kind": "manual", "key": key, "at": self.now.strftime("%Y-%m-%dT%H:%M:%SZ")}
        with (here := self.context).git:
            run = start_run(here, workflow, {}, trigger=trigger)
            self.runs.append(run)
            return carry_on(here, run)

    def approve(self) -> Standing:
        """Merge the last run's proposal, and let its effects go out."""
        with (here := self.context).git:
            show_as_it_is(here, self.runs[-1])
            approve(here, self.runs[-1], word=self.runs[-1].split("/")[1])
            return carry_on(here, self.runs[-1], effects=True)

    def reject(self, reason: str) -> None:
        with (here := self.context).git:
            reject(here, self.runs[-1], reason=reason)

    def text(self, path: str, ref: str = "main") -> str:
        with (here := self.context).git:
            return (here.git.read_blob(f"{ref}:{path}") or b"").decode()

    def data(self, path: str) -> dict[str, Any]:
        document, _ = parse(path, self.text(path).encode())
        assert document is not None, path
        return dict(document.data)

    def paths(self, folder: str, ref: str = "main") -> list[str]:
        with (here := self.context).git:
            return here.git.text("ls-tree", "-r", "--name-only", ref, *([folder] if folder else [])).splitlines()

    def edit(self, path: str, old: str, new: str) -> None:
        """What the operator does on the proposal's branch, as a commit of theirs."""
        place = self.root.parent / "elsewhere"
        branch = branch_of(self.runs[-1])
        _git(self.root, "worktree", "add", "-q", str(place), branch)
        text = (place / path).read_text()
        assert old in text
        (place / path).write_text(text.replace(old, new))
        _git(place, "commit", "-qam", "my words")
        _git(self.root, "worktree", "remove", "--force", str(place))


def _git(where: Path, *command: str) -> None:
    subprocess.run(["git", *command], cwd=where, check=True)


def founded(folder: Path) -> Desk:
    root = folder / "desk"
    found_company(root, name="Desk", email=ME, example=False)
    files = {
        **house.customer("acorn", contacts=[{"name": "Tom Ashby"}]),
        **house.customer("birch"),
        **house.customer("cedar", newsletter=False),
        **house.answer("currency", "Invoices in another currency", "Invoices are in euro only."),
        **house.piece("trial-length", "2026-11-20", "A trial of seven days sold as well as one of thirty.\n"),
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    company = root / "state/company.yaml"
    company.write_text(company.read_text() + f"owner: {{name: Mara Lind, email: {ME}}}\n")
    commit_all(root, "Customers")
    return opened(folder)


def opened(folder: Path) -> Desk:
    return Desk(folder / "desk", Mailbox(folder / "mail"), Payments("stripe", folder / "payments"))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return founded(tmp_path_factory.mktemp("template")).root


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copytree(template, tmp_path / "desk", symlinks=True)
    made = opened(tmp_path)
    yield made
    with (here := made.context).git:
        for run in made.runs:
            differing = [each for each in replay(here, run) if each.verdict is Verdict.DIFFERS]
            assert not differing, f"{run}: {differing[0].what}: {differing[0].why}\n{differing[0].diff}"


# Support


def test_a_mail_is_read_answered_once_and_its_ticket_settled(desk: Desk) -> None:
    desk.mailbox.receive(SEK)
    assert desk.run("triage-support").status is RunStatus.WAITING
    assert desk.mailbox.sent() == []
    assert desk.approve().status is RunStatus.DONE
    (sent,) = desk.mailbox.sent()
    assert (sent["to"], sent["subject"], sent["in_reply_to"]) == (
        "hello@acorn.example",
        "Re: Invoice in SEK",
        SEK["id"],
    )
    assert "Invoices are in euro only." in sent["markdown"]
    (ticket,), (message,) = desk.paths("state/tickets/"), desk.paths("state/messages/")
    assert desk.data(ticket)["status"] == "answered"
    assert (desk.data(message)["status"], bool(desk.data(message)["receipt"])) == ("sent", True)


def test_nothing_new_is_nothing_proposed_and_nobody_is_asked(desk: Desk) -> None:
    desk.mailbox.receive(SEK)
    desk.run("triage-support")
    desk.approve()
    before = desk.paths("state/")
    assert desk.run("triage-support").status is RunStatus.DONE
    assert [path for path in desk.paths("state/") if path not in before and "/runs/" not in path] == []
    with (here := desk.context).git:
        assert items(here, open_runs(here)) == []
    assert len(desk.mailbox.sent()) == 1
    assert desk.mailbox.reads()[-1] == {"cursor": {"after": 1}, "given": 0}


def test_a_rejected_read_is_read_again_and_nothing_is_lost_or_doubled(desk: Desk) -> None:
    desk.mailbox.receive(SEK)
    desk.run("triage-support")
    desk.reject("Ask for the reason first")
    assert desk.paths("state/tickets/") == []
    assert desk.paths("state/cursors/") == []
    desk.mailbox.receive(house.mail("2", "A bug", "It crashed."))
    desk.run("triage-support")
    assert desk.mailbox.reads()[-1] == {"cursor": None, "given": 2}
    desk.approve()
    assert len(desk.paths("state/tickets/")) == 2
    assert sorted(each["subject"] for each in desk.mailbox.sent()) == ["Re: A bug", "Re: Invoice in SEK"]
    assert desk.data("state/cursors/mailbox.yaml")["reads"] == {"mail.read": {"after": 2}}
    assert any("ask-for-the-reason-first" in path for path in desk.paths("memory/lessons/"))


def test_what_the_operator_writes_into_a_reply_is_what_is_sent_and_what_the_next_one_gets(desk: Desk) -> None:
    desk.mailbox.receive(house.mail("1", "Time zones", "Which time zone do your weekly reports use?"))
    desk.run("triage-support")
    (path,) = desk.paths("state/messages/", branch_of(desk.runs[-1]))
    held = "thank you for your mail. It has reached me, and I shall answer it myself."
    desk.edit(path, held, "Weekly reports use the time zone of your company's record.")
    desk.approve()
    assert "time zone of your company's record" in desk.mailbox.sent()[0]["markdown"]
    other = {"from": {"email": "hello@birch.example", "name": "Birch"}}
    desk.mailbox.receive(house.mail("2", "Reports", "What time zone is used in the weekly reports?", **other))
    desk.run("triage-support")
    desk.approve()
    second = desk.mailbox.sent()[1]
    assert second["to"] == "hello@birch.example"
    assert "Weekly reports use the time zone of your company's record." in second["markdown"]
    assert "Tom" not in second["markdown"]


def test_the_operators_choice_of_words_in_a_mail_is_a_lesson_that_the_next_one_heeds(desk: Desk) -> None:
    desk.mailbox.receive(SEK)
    desk.run("triage-support")
    (path,) = desk.paths("state/messages/", branch_of(desk.runs[-1]))
    desk.edit(path, "If that leaves something open, just reply", "If that leaves anything unanswered, just reply")
    desk.edit(path, "Hello Tom Ashby,", "Dear Tom,")
    desk.approve()
    desk.mailbox.receive(house.mail("2", "Again", "Can we get our invoices in another currency?"))
    desk.run("triage-support")
    (lesson,) = desk.paths("memory/lessons/", branch_of(desk.runs[-1]))
    assert "write-anything-unanswered-instead-of-something-open" in lesson  # and nothing on how Tom is greeted
    desk.approve()
    desk.mailbox.receive(house.mail("3", "And again", "Can we get our invoices in another currency?"))
    desk.run("triage-support")
    desk.approve()
    assert "If that leaves anything unanswered, just reply" in desk.mailbox.sent()[2]["markdown"]


def test_a_mailbox_full_of_hostile_mail_changes_nothing_but_tickets(desk: Desk) -> None:
    for each in PAIRS[::3][:20]:
        row = house.mail(each.name, each.text, each.text, attachments=[{"name": each.text}])
        desk.mailbox.receive(row | {"from": {"email": "eve@evil.example", "name": each.text}})
    before = desk.paths("")
    desk.run("triage-support")
    new = set(desk.paths("", branch_of(desk.runs[-1]))) - set(before)
    kinds = {path.split("/")[1] for path in new}
    assert kinds <= {"cursors", "leads", "messages", "runs", "tickets"}
    assert len([path for path in new if "/tickets/" in path]) == 20
    assert desk.paths("") == before
    assert desk.mailbox.sent() == []
    desk.approve()
    assert {each["to"] for each in desk.mailbox.sent()} <= {"eve@evil.example"}


def test_a_reply_that_the_operator_withholds_is_not_sent_and_the_others_are(desk: Desk) -> None:
    desk.mailbox.receive(SEK)
    desk.mailbox.receive(house.mail("2", "A bug", "It crashed."))
    desk.run("triage-support")
    path = next(path for path in desk.paths("state/messages/", branch_of(desk.runs[-1])) if "bug" in path)
    desk.edit(path, "status: drafted", "status: withheld")
    desk.approve()
    assert [each["subject"] for each in desk.mailbox.sent()] == ["Re: Invoice in SEK"]
    assert desk.data(path)["status"] == "withheld"


def _to_the_end(folder: Path, checkpoint: Callable[[str], None]) -> Desk:
    """From wherever it stands: started, carried on, approved, done."""
    desk = opened(folder)
    desk.checkpoint = checkpoint
    trigger = {"kind": "manual", "key": "test", "at": "2026-11-23T09:00:00Z"}
    with (here := desk.context).git:
        run = start_run(here, "triage-support", {}, trigger=trigger)
        desk.runs.append(run)
        while (standing := carry_on(here, run, effects=True)).status is RunStatus.WAITING:
            assert standing.step == "approve", standing
            approve(here, run, word="mailbox")
    assert standing.status is RunStatus.DONE, standing
    return desk


# Between two of them something of the mail changed: read, drafted, asked about, approved, sent, noted, settled. What a
# run writes between its steps is the same for every workflow: tests/runs/test_conductor.py dies at each of it.
KILLED = (
    "appended source.collected mail",
    "appended tickets.triaged triage",
    "appended proposal.opened approve",
    "after merge",
    "after claim",
    "after act",
    "after receipt",
    "after commit to main",
    "appended tickets.triaged settle",
    "appended proposal.refreshed end",
)


def test_wherever_it_is_killed_the_mail_is_read_and_answered_once(template: Path, tmp_path: Path) -> None:
    def begun(folder: Path) -> Path:
        shutil.copytree(template, folder / "desk", symlinks=True)
        opened(folder).mailbox.receive(SEK)
        return folder

    names: list[str] = []
    _to_the_end(begun(tmp_path / "whole"), names.append)
    for name in KILLED:
        boundary = names.index(name) + 1
        folder = begun(tmp_path / str(boundary))
        assert dies_at(folder, boundary, _to_the_end), name
        desk = _to_the_end(folder, lambda _: None)
        assert [each["to"] for each in desk.mailbox.sent()] == ["hello@acorn.example"], name
        (ticket,) = desk.paths("state/tickets/")
        assert desk.data(ticket)["status"] == "answered", name
        assert desk.data("state/cursors/mailbox.yaml")["reads"] == {"mail.read": {"after": 1}}
        shutil.rmtree(folder)


# Invoices


def test_an_overdue_invoice_is_reminded_of_once_until_its_time_comes_again(desk: Desk) -> None:
    desk.payments.tell("invoices", house.invoice("1"))
    desk.run("follow-up-invoices")
    desk.approve()
    assert [each["to"] for each in desk.mailbox.sent()] == ["hello@acorn.example"]
    assert desk.data("state/invoices/2026-1.yaml")["reminders"] == ["reminder-2026-1-1"]
    for days in (1, 9):
        desk.now = START + timedelta(days=days)
        assert desk.run("follow-up-invoices").status is RunStatus.DONE
    assert len(desk.mailbox.sent()) == 1
    desk.now = START + timedelta(days=10)
    desk.run("follow-up-invoices")
    desk.approve()
    assert [each["subject"] for each in desk.mailbox.sent()] == [
        "Invoice 2026-1: a reminder",
        "Invoice 2026-1: second reminder",
    ]
    desk.payments.tell("invoices", house.invoice("1", status="paid", amount_paid=14500))
    desk.now = START + timedelta(days=30)
    assert desk.run("follow-up-invoices").status is RunStatus.DONE  # merged by policy: it only notes what was told
    assert desk.data("state/invoices/2026-1.yaml")["status"] == "paid"
    assert len(desk.mailbox.sent()) == 2


def test_both_reads_of_one_connector_keep_their_place(desk: Desk) -> None:
    desk.payments.tell("invoices", house.invoice("1", due="2027-01-01"))
    desk.payments.tell("payments", house.payment("1", "1", "succeeded"))
    desk.run("follow-up-invoices")
    reads = desk.data("state/cursors/stripe.yaml")["reads"]
    assert reads == {"invoices.list": {"after": 1}, "payments.list": {"after": 1}}
    desk.run("follow-up-invoices")
    assert [each["given"] for each in desk.payments.reads()] == [1, 1, 0, 0]


# Newsletter


def test_an_issue_goes_to_each_who_agreed_once_and_only_when_something_is_new(desk: Desk) -> None:
    desk.run("send-newsletter")
    assert desk.approve().status is RunStatus.DONE
    assert sorted(each["to"] for each in desk.mailbox.sent()) == ["hello@acorn.example", "hello@birch.example"]
    assert all("A trial of seven days sold as well" in each["markdown"] for each in desk.mailbox.sent())
    assert desk.data("state/messages/newsletter-2026-11-23.md")["status"] == "sent"
    desk.now = START + timedelta(days=1)
    assert desk.run("send-newsletter").status is RunStatus.DONE
    assert len(desk.mailbox.sent()) == 2


def test_who_unsubscribes_gets_no_further_issue(desk: Desk) -> None:
    desk.mailbox.receive(house.mail("1", "unsubscribe", ""))
    assert desk.run("triage-support").status is RunStatus.WAITING  # an outsider's word on who gets mail is looked at
    desk.approve()
    desk.run("send-newsletter")
    desk.approve()
    assert [each["to"] for each in desk.mailbox.sent()] == ["hello@birch.example"]
