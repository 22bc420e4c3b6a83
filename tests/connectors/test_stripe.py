"""Stripe: drafts are made whole and never doubled, reminders are proved or asked about, changes are seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from aios.connectors.stripe.amounts import ours, theirs
from aios.connectors.stripe.connector import CAPABILITIES
from aios.domain.effect import Connector, Effect, HowKnown, Receipt
from aios.effects.executor import Ask, Done, execute
from aios.errors import AiosError, CredentialsError, RefusedError, TransientError, UsageError
from aios.store.git import Git
from tests.connectors.cases import INVOICE, NOW, REMINDER, SECRET, Case, effect, stage
from tests.connectors.stands.serving import Asked, Said
from tests.connectors.stands.stripe import BEGINNING, Account, seeded, serve_stripe
from tests.effects.service import desk

DAY = 86_400


@dataclass
class Place:
    """An account, and the connector to it made anew for each use, as another process would."""

    account: Account
    case: Case
    root: Path

    @property
    def connector(self) -> Connector:
        return stage(self.case, self.root, retry={"attempts": 1}).connector

    def effect(self, capability: str, payload: Mapping[str, Any]) -> Effect:
        return effect(self.connector, capability, payload)

    def read(self, capability: str, cursor: Any = None, **params: Any) -> tuple[dict[str, Any], Any]:
        found = self.connector.read(capability, params | ({"cursor": cursor} if cursor else {}))
        jsonschema.validate(found.data, CAPABILITIES[capability].result)
        return found.data, found.cursor


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    account = seeded()
    stand = serve_stripe(account)
    yield Place(account, Case("stripe", stand.settings(stand.address)), tmp_path)
    stand.stop()


def of(account: Account, kind: str) -> list[dict[str, Any]]:
    return [each for each in account.objects.values() if each["object"] == kind]


def posts(account: Account) -> list[tuple[str, str]]:
    return [(a.path, a.headers["idempotency-key"]) for a in account.asked if a.method == "POST"]


def test_a_draft_has_its_customer_its_lines_and_the_key_on_everything(place: Place) -> None:
    planned = place.effect("invoices.draft", INVOICE)
    preview = place.connector.preview(planned)
    assert preview.summary == ("Draft an invoice to Bob@reader.example: 2 lines, 1471.50 EUR, due in 14 days")
    outcome = place.connector.act(planned)
    (bob,) = [each for each in of(place.account, "customer") if each["email"] == "Bob@reader.example"]
    (draft,) = [each for each in of(place.account, "invoice") if each["id"] == outcome.external_id]
    assert (bob["name"], draft["customer"], draft["status"]) == ("Bob Reader", bob["id"], "draft")
    assert (draft["amount_due"], draft["currency"], draft["description"]) == (147_150, "eur", INVOICE["memo"])
    assert draft["due_date"] == BEGINNING + 14 * DAY
    lines = of(place.account, "invoiceitem")
    assert [(line["description"], line["quantity"], line["amount"]) for line in lines] == [
        ("Price review", 1, 120_000),
        ("Hours, on site", 3, 27_150),
    ]
    assert {each["metadata"]["aios_key"] for each in (draft, *lines)} == {planned.key}
    assert outcome.url == f"https://dashboard.stripe.com/test/invoices/{draft['id']}"
    versions = {asked.headers["stripe-version"] for asked in place.account.asked}
    assert versions == {"2025-02-24.acacia"}


def test_who_is_known_by_their_address_is_not_made_again(place: Place) -> None:
    known = {**INVOICE, "customer": {"email": "ANN@reader.example"}}
    place.connector.act(place.effect("invoices.draft", known))
    (ann,) = of(place.account, "customer")
    assert [each["customer"] for each in of(place.account, "invoice")] == [ann["id"]] * 2


def test_of_several_with_one_address_the_oldest_is_taken(place: Place) -> None:
    place.account.now += 5
    place.account.make("customer", email="ann@reader.example", name="Another Ann")
    place.connector.act(place.effect("invoices.draft", {**INVOICE, "customer": {"email": "ann@reader.example"}}))
    assert of(place.account, "invoice")[-1]["customer"] == of(place.account, "customer")[0]["id"]


def failing_at(account: Account, number: int, *, done: bool) -> Callable[[Asked], Said]:
    """The account, but the POST of that number fails, after it was done or before."""
    seen = 0

    def broken(asked: Asked) -> Said:
        nonlocal seen
        seen += asked.method == "POST"
        if asked.method == "POST" and seen == number:
            if done:
                account.answer(asked)
            return Said({"error": {"message": "something went wrong"}}, 500)
        return account.answer(asked)

    return broken


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("days", [0, 2])
def test_a_draft_that_was_cut_off_anywhere_is_made_whole_and_never_doubled(
    tmp_path: Path, number: int, done: bool, days: int
) -> None:
    account = seeded()
    stand = serve_stripe(account, failing_at(account, number, done=done))
    place = Place(account, Case("stripe", stand.settings(stand.address)), tmp_path)
    try:
        planned = place.effect("invoices.draft", INVOICE)
        with pytest.raises(TransientError) as caught:
            place.connector.act(planned)
        assert caught.value.sent
        account.now += days * DAY
        if days:
            account.keys.clear()  # the service forgets them after 24 hours
        found = place.connector.lookup(planned)
        whole = number == 4 and done
        assert (found.found is not None, found.authoritative) == (whole, True)
        outcome = place.connector.act(planned)
        assert place.connector.lookup(planned).found == outcome
        assert [line["amount"] for line in of(account, "invoiceitem")] == [120_000, 27_150]
        assert (len(of(account, "invoice")), len(of(account, "customer"))) == (2, 2)
        keys = posts(account)
        assert len({key for _, key in keys}) == len({path for path, _ in keys}) + 1  # the same key each time
    finally:
        stand.stop()


def test_a_draft_is_found_though_its_customer_has_another_address_now(place: Place) -> None:
    planned = place.effect("invoices.draft", INVOICE)
    outcome = place.connector.act(planned)
    of(place.account, "customer")[-1]["email"] = "bob@elsewhere.example"
    assert place.connector.lookup(planned).found == outcome


def test_an_invoice_that_was_sent_since_is_found_and_left_as_it_is(place: Place) -> None:
    planned = place.effect("invoices.draft", INVOICE)
    outcome = place.connector.act(planned)
    of(place.account, "invoice")[-1]["status"] = "open"
    of(place.account, "invoiceitem")[-1]["metadata"] = {}
    before = len(posts(place.account))
    assert place.connector.lookup(planned).found == outcome
    assert place.connector.act(planned) == outcome
    assert len(posts(place.account)) == before


def test_a_line_that_is_refused_leaves_a_draft_and_says_which(place: Place) -> None:
    planned = place.effect("invoices.draft", INVOICE)

    def refusing(asked: Asked) -> Said:
        if (asked.method, asked.path) == ("POST", "/v1/invoiceitems"):
            return Said({"error": {"message": "You cannot use this currency"}}, 400)
        return place.account.answer(asked)

    stand = serve_stripe(answer=refusing)
    refused = Place(place.account, Case("stripe", stand.settings(stand.address)), place.root / "other")
    try:
        with pytest.raises(RefusedError, match="line 1: it answers 400: You cannot use this currency") as caught:
            refused.connector.act(planned)
    finally:
        stand.stop()
    assert of(place.account, "invoice")[-1]["id"] in caught.value.hint


def test_a_draft_can_be_thrown_away_and_one_that_was_sent_cannot(place: Place) -> None:
    planned = place.effect("invoices.draft", INVOICE)
    outcome = place.connector.act(planned)
    receipt = Receipt(planned.key, "done", HowKnown.ACTED, "2026-03-09T12:00:00Z", outcome.external_id)
    undoing = place.connector.undo(planned, receipt)
    assert undoing is not None
    assert undoing.payload == {"id": "march", "invoice": outcome.external_id, "undoes": planned.key}
    invoice = place.account.objects[outcome.external_id]
    invoice["status"] = "open"
    assert place.connector.lookup(undoing).found is None
    with pytest.raises(RefusedError, match="is open: only a draft can be deleted"):
        place.connector.act(undoing)
    invoice["status"] = "draft"
    done = place.connector.act(undoing)
    assert outcome.external_id not in place.account.objects
    assert place.connector.lookup(undoing).found == done
    assert place.connector.act(undoing) == done
    assert place.account.done["invoices.discard"] == 1


def test_what_the_operator_said_of_a_draft_names_no_invoice_to_throw_away(place: Place) -> None:
    planned = place.effect("invoices.draft", INVOICE)
    receipt = Receipt(planned.key, "done", HowKnown.OPERATOR, "2026-03-09T12:00:00Z")
    assert place.connector.undo(planned, receipt) is None


def test_a_key_of_the_other_mode_takes_nothing_for_gone(tmp_path: Path) -> None:
    said = "No such invoice: 'in_00002'; a similar object exists in live mode, but a test mode key was used"
    stand = serve_stripe(answer=lambda _: Said({"error": {"message": said}}, 404))
    place = Place(Account(), Case("stripe", stand.settings(stand.address)), tmp_path)
    try:
        undoing = place.effect("invoices.discard", {"id": "x", "invoice": "in_00002"})
        with pytest.raises(RefusedError, match="exists in live mode"):
            place.connector.lookup(undoing)
    finally:
        stand.stop()


def test_a_reminder_is_proved_by_the_event_that_names_its_key(place: Place) -> None:
    planned = place.effect("invoices.remind", REMINDER)
    assert place.connector.preview(planned).summary == "Mail invoice in_00002 again: 49.00 EUR to be paid"
    outcome = place.connector.act(planned)
    assert place.connector.lookup(planned).found == outcome
    another = place.effect("invoices.remind", {**REMINDER, "id": "a-1-1"})
    unknown = place.connector.lookup(another)
    assert (unknown.found, unknown.authoritative) == (None, False)
    assert place.account.done["invoices.remind"] == 1
    del place.account.objects[of(place.account, "event")[0]["id"]]  # after 30 days
    unknown = place.connector.lookup(planned)
    assert (unknown.found, unknown.authoritative) == (None, False)


@pytest.mark.parametrize("kept", [True, False])
def test_a_reminder_that_was_answered_too_late_is_settled_by_its_event_or_asked_about(
    tmp_path: Path, kept: bool
) -> None:
    account = seeded()
    stand = serve_stripe(account, failing_at(account, 1, done=True))
    place = Place(account, Case("stripe", stand.settings(stand.address)), tmp_path / "company")
    try:
        planned = place.effect("invoices.remind", REMINDER)
        with Git.init(tmp_path / "repository") as git:

            def do() -> Done | Ask:
                approved = {planned.key}
                return execute(planned, place.connector, desk(git), approved=approved, approved_commit="0" * 40)

            with pytest.raises(TransientError, match="it answers 500"):
                do()
            if not kept:
                del account.objects[of(account, "event")[0]["id"]]
            for _ in range(2):
                settled = do()
            assert isinstance(settled, Done if kept else Ask)
            if isinstance(settled, Done):
                assert settled.receipt.how is HowKnown.FOUND
        assert account.done["invoices.remind"] == 1
    finally:
        stand.stop()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"status": "paid", "amount_paid": 4_900}, "is paid, not open"),
        ({"status": "void"}, "is void, not open"),
        ({"amount_paid": 900}, "has 4000 EUR to pay, not 4900 EUR"),
        ({"currency": "usd"}, "has 4900 USD to pay"),
    ],
)
def test_nobody_is_reminded_of_what_is_not_owed_any_more(place: Place, changed: dict[str, Any], said: str) -> None:
    place.account.objects["in_00002"].update(changed)
    with pytest.raises(RefusedError, match=said):
        place.connector.act(place.effect("invoices.remind", REMINDER))
    assert place.account.done["invoices.remind"] == 0


def test_reads_give_what_everybody_else_can_read(place: Place) -> None:
    customers, _ = place.read("customers.list")
    invoices, _ = place.read("invoices.list")
    payments, _ = place.read("payments.list")
    assert customers["customers"] == [
        {"id": "cus_00001", "email": "ann@reader.example", "name": "Ann Reader", "created": "2026-02-25T06:13:20Z"}
    ]
    assert invoices["invoices"] == [
        {
            "id": "in_00002",
            "number": "A-1",
            "customer": {"id": "cus_00001", "email": "ann@reader.example", "name": "Ann Reader"},
            "status": "open",
            "amount_due": 4_900,
            "amount_paid": 0,
            "currency": "EUR",
            "due": None,
            "created": "2026-02-25T06:13:20Z",
            "url": None,
            "attempts": 1,
        }
    ]
    (payment,) = payments["payments"]
    assert (payment["invoice"], payment["status"], payment["failure"]) == (
        "in_00002",
        "failed",
        "Your card was declined.",
    )


def test_only_what_is_new_or_changed_is_read_again_however_old(place: Place) -> None:
    account = place.account
    ann = account.objects["cus_00001"]
    paid = account.invoice(ann, status="paid", amount_due=100, amount_paid=100)
    doomed = account.invoice(ann)
    data, cursor = place.read("invoices.list")
    assert [each["id"] for each in data["invoices"]] == ["in_00002", paid["id"], doomed["id"]]
    account.now += 90 * DAY
    assert place.read("invoices.list", cursor)[0] == {"invoices": [], "more": False}
    account.objects["in_00002"].update(status="paid", amount_paid=4_900)
    del account.objects[doomed["id"]]
    new = account.invoice(ann, amount_due=7)
    data, cursor = place.read("invoices.list", cursor)
    assert [(each["id"], each["status"]) for each in data["invoices"]] == [("in_00002", "paid"), (new["id"], "draft")]
    assert data["gone"] == [doomed["id"]]
    assert place.read("invoices.list", cursor)[0] == {"invoices": [], "more": False}
    assert set(cursor["known"]) == {new["id"]}  # what is settled is forgotten once it cannot be met again
    account.now += DAY
    later = account.invoice(ann)
    assert set(place.read("invoices.list", cursor)[1]["known"]) == {new["id"], later["id"]}


def test_payments_that_settle_or_go_back_are_seen(place: Place) -> None:
    account = place.account
    ann = account.objects["cus_00001"]
    done, pending = account.charge(ann, 500), account.charge(ann, 900, status="pending")
    _, cursor = place.read("payments.list")
    account.now = int(NOW.timestamp()) + 10 * DAY
    pending["status"] = "failed"
    account.refund(done, 200)
    data, cursor = place.read("payments.list", cursor)
    assert [(each["id"], each["status"], each["refunded"]) for each in data["payments"]] == [
        (done["id"], "succeeded", 200),
        (pending["id"], "failed", 0),
    ]
    assert place.read("payments.list", cursor)[0]["payments"] == []
    account.refund(done, 300)
    data, cursor = place.read("payments.list", cursor)
    assert [(each["id"], each["status"], each["refunded"]) for each in data["payments"]] == [
        (done["id"], "refunded", 500)
    ]


@pytest.mark.parametrize("capability", ["customers.list", "invoices.list", "payments.list"])
def test_a_long_list_is_read_piece_by_piece_and_each_object_once(place: Place, capability: str) -> None:
    account = place.account
    ann = account.objects["cus_00001"]
    for index in range(260):
        account.now += index % 3
        account.make("customer", email=f"c{index}@reader.example", name="C")
        account.invoice(ann, status="paid" if index % 2 else "open")
        account.charge(ann, index + 1, status="succeeded" if index % 2 else "pending")
    what, cursor, seen = capability.partition(".")[0], None, []
    for _ in range(20):
        data, cursor = place.read(capability, cursor, limit=70)
        seen += [each["id"] for each in data[what]]
        assert len(data[what]) <= 70
        if not data["more"]:
            break
    assert len(seen) == len(set(seen)) == 261
    made = [account.objects[each]["created"] for each in seen]
    assert made == sorted(made)


def test_an_answer_stays_small_whatever_names_are_long(place: Place) -> None:
    for _ in range(200):
        place.account.make("customer", email="x@reader.example", name="ä" * 5_000 + "\u202e\n")
    data, _ = place.read("customers.list", limit=500)
    assert data["more"]
    assert 40 < len(data["customers"]) < 120
    assert all(len(each["name"]) <= 254 for each in data["customers"])


def test_since_is_where_a_first_read_begins(place: Place) -> None:
    place.account.now += 10 * DAY
    new = place.account.make("customer", email="n@reader.example", name="N")
    data, _ = place.read("customers.list", since="2026-03-01")
    assert [each["id"] for each in data["customers"]] == [new["id"]]
    for wrong in ({"since": "2026-02-31"}, {"cursor": {"made": "x"}}):
        with pytest.raises(UsageError) as caught:
            place.connector.read("customers.list", wrong)
        assert caught.value.hint


@pytest.mark.parametrize(
    ("amount", "currency", "there"),
    [(4_900, "EUR", 4_900), (4_900, "JPY", 4_900), (12_340, "KWD", 12_340), (5, "ISK", 500), (7, "UGX", 700)],
)
def test_amounts_are_whole_smallest_units_here_and_there(amount: int, currency: str, there: int) -> None:
    assert theirs(amount, currency) == there
    assert ours(there, currency) == amount


def test_an_amount_that_the_service_cannot_take_is_refused_before_anything_is_sent(place: Place) -> None:
    lines = [{"description": "x", "quantity": 1, "amount": 150}]
    planned = place.effect("invoices.draft", {**INVOICE, "lines": lines, "currency": "MGA"})
    with pytest.raises(RefusedError, match="150 MGA is no whole amount"):
        place.connector.act(planned)
    assert posts(place.account) == []
    assert (theirs(100, "MGA"), ours(1, "MGA")) == (1, 100)


@pytest.mark.parametrize(
    ("status", "kind", "sent"), [(409, TransientError, True), (429, TransientError, False), (402, RefusedError, None)]
)
def test_what_the_service_says_of_a_failure_is_kept(
    tmp_path: Path, status: int, kind: type[AiosError], sent: bool | None
) -> None:
    stand = serve_stripe(answer=lambda _: Said({"error": {"message": "no"}}, status))
    place = Place(Account(), Case("stripe", stand.settings(stand.address)), tmp_path)
    try:
        with pytest.raises(kind) as caught:
            place.connector.act(place.effect("invoices.draft", INVOICE))
        assert getattr(caught.value, "sent", None) is sent
    finally:
        stand.stop()


def test_a_key_that_the_service_does_not_take_is_not_told(place: Place) -> None:
    refused = serve_stripe(answer=lambda a: Said({"error": {"message": a.headers["authorization"]}}, 401))
    other = Place(Account(), Case("stripe", refused.settings(refused.address)), place.root / "other")
    try:
        with pytest.raises(CredentialsError) as caught:
            other.connector.read("customers.list", {})
        (finding,) = other.connector.check()
        assert SECRET not in f"{caught.value}{finding}"
    finally:
        refused.stop()


@pytest.mark.parametrize("data", [None, [], {"data": {}}, {"data": [{"id": 7}]}, {"data": ["x"]}])
def test_what_is_no_list_is_said_to_be_none(tmp_path: Path, data: Any) -> None:
    stand = serve_stripe(answer=lambda _: Said(data))
    place = Place(Account(), Case("stripe", stand.settings(stand.address)), tmp_path)
    try:
        with pytest.raises(AiosError, match="is the address that of Stripe's API"):
            place.connector.read("invoices.list", {})
    finally:
        stand.stop()


def test_an_amount_that_is_not_told_is_no_zero(place: Place) -> None:
    (invoice,) = of(place.account, "invoice")[:1]
    del invoice["amount_due"]
    with pytest.raises(AiosError, match=r"`invoices\[\].amount_due` is missing"):
        place.connector.read("invoices.list", {})
