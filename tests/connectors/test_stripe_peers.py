"""The connector beside Stripes that nobody here wrote, with the service's own client as writer and as reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from aios.connectors.registry import Sinks, load
from aios.domain.effect import Connector
from aios.store.trees import EmptyTree, OverlayTree
from tests.connectors.cases import INVOICE, NOW, effect
from tests.connectors.stands.stripe import SECRET, Account, serve_stripe
from tests.peers import stripe as peer

pytestmark = pytest.mark.peer("stripe")
# Its client keeps a connection of its own for each thread, and leaves it to the collector.
QUIET = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


def client(address: str, key: str = peer.KEY) -> Any:
    import stripe

    made = stripe.StripeClient(key, base_addresses={"api": f"http://{address}"}, max_network_retries=0)
    return made.v1


def connected(address: str, root: Path, key: str = peer.KEY) -> Connector:
    text = f"schema: connector.v1\nuse: stripe\nsettings: {{address: 'http://{address}', key: {{env: KEY}}}}\n"
    tree = OverlayTree(EmptyTree(), {"state/connectors/it.yaml": text.encode()})
    found, findings = load(
        tree, root=root, local=root, secret=lambda _: key, clock=lambda: NOW, sinks=Sinks(lambda _: None)
    )
    assert findings == []
    return found["it"]


@pytest.fixture
def emulated(tmp_path: Path) -> Iterator[str]:
    with peer.emulate(tmp_path) as address:
        yield address


@pytest.fixture
def local(tmp_path: Path) -> Iterator[str]:
    with peer.localstripe(tmp_path) as address:
        yield address


def everything(it: Connector, capability: str, **params: Any) -> tuple[list[Mapping[str, Any]], Any]:
    found, cursor, more = [], None, True
    while more:
        read = it.read(capability, params | ({"cursor": cursor} if cursor else {}))
        cursor, more = read.cursor, read.data["more"]
        found += read.data[capability.partition(".")[0]]
    return found, cursor


@QUIET
def test_customers_that_its_own_client_made_are_read_each_once(emulated: str, tmp_path: Path) -> None:
    theirs = client(emulated)
    for number in range(120):
        theirs.customers.create({"email": f"c{number}@reader.example", "name": f"Réader {number}"})
    there = list(theirs.customers.list({"limit": 100}).auto_paging_iter())
    found, _ = everything(connected(emulated, tmp_path), "customers.list", limit=50)
    assert len(found) == len(there) >= 120
    assert {each["id"]: (each["email"], each["name"]) for each in found} == {
        each.id: (each.email, each.name) for each in there
    }


@QUIET
def test_payments_that_its_own_client_made_are_read_with_their_amounts(emulated: str, tmp_path: Path) -> None:
    theirs = client(emulated)
    ann = theirs.customers.create({"email": "ann@reader.example"})
    for amount, currency in ((500, "eur"), (1_200, "jpy")):
        intent = theirs.payment_intents.create(
            {"amount": amount, "currency": currency, "customer": ann.id, "payment_method_types": ["card"]}
        )
        theirs.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    found = connected(emulated, tmp_path).read("payments.list", {}).data["payments"]
    assert sorted((each["amount"], each["currency"], each["status"], each["customer"]) for each in found) == [
        (500, "EUR", "succeeded", ann.id),
        (1_200, "JPY", "succeeded", ann.id),
    ]


def card(theirs: Any, customer: str, number: str) -> None:
    """A card that is charged from now on."""
    about = {"number": number, "exp_month": "12", "exp_year": "2040", "cvc": "123"}
    method = theirs.payment_methods.create({"type": "card", "card": about})
    theirs.payment_methods.attach(method.id, {"customer": customer})
    theirs.customers.update(customer, {"invoice_settings": {"default_payment_method": method.id}})


@QUIET
def test_a_payment_that_fails_then_works_and_goes_back_is_seen_read_by_read(local: str, tmp_path: Path) -> None:
    with peer.fitted(local) as here:
        theirs, it = client(local), connected(here, tmp_path)
        ann = theirs.customers.create({"email": "ann@reader.example", "name": "Ann"})
        assert it.read("customers.list", {}).data["customers"][0]["id"] == ann.id
        card(theirs, ann.id, "4000000000000341")  # charging it fails
        plan = theirs.plans.create(
            {"amount": 4_900, "currency": "eur", "interval": "month", "product": {"name": "Review"}}
        )
        theirs.subscriptions.create({"customer": ann.id, "items": [{"plan": plan.id}]})
        (invoice,) = theirs.invoices.list().data
        first, tried = it.read("invoices.list", {}), it.read("payments.list", {})
        (read,), (failed,) = first.data["invoices"], tried.data["payments"]
        assert (read["id"], read["status"], read["amount_due"], read["amount_paid"]) == (invoice.id, "open", 4_900, 0)
        assert (read["customer"]["id"], read["customer"]["email"]) == (ann.id, "ann@reader.example")
        assert (failed["status"], failed["amount"], failed["currency"]) == ("failed", 4_900, "EUR")
        assert failed["failure"]
        again = it.read("invoices.list", {"cursor": first.cursor})
        assert (again.data["invoices"], again.cursor) == ([], first.cursor)

        card(theirs, ann.id, "4242424242424242")
        assert theirs.invoices.pay(invoice.id).status == "paid"
        (read,) = it.read("invoices.list", {"cursor": first.cursor}).data["invoices"]
        assert (read["id"], read["status"], read["amount_paid"]) == (invoice.id, "paid", 4_900)
        paid = it.read("payments.list", {"cursor": tried.cursor})
        (payment,) = paid.data["payments"]
        assert (payment["status"], payment["amount"], payment["customer"]) == ("succeeded", 4_900, ann.id)

        theirs.refunds.create({"charge": payment["id"]})
        (back,) = it.read("payments.list", {"cursor": paid.cursor}).data["payments"]
        theirs_now = theirs.charges.retrieve(payment["id"])
        assert (back["id"], back["refunded"]) == (payment["id"], theirs_now.amount_refunded)
        assert back["status"] == ("refunded" if theirs_now.refunded else "succeeded")


@QUIET
def test_its_own_client_reads_the_stand_in_of_the_tests_as_it_reads_stripe(tmp_path: Path) -> None:
    account = Account()
    stand = serve_stripe(account)
    try:
        it, theirs = connected(stand.address, tmp_path, SECRET), client(stand.address, SECRET)
        planned = effect(it, "invoices.draft", INVOICE)
        outcome = it.act(planned)
        invoice = theirs.invoices.retrieve(outcome.external_id)
        assert (invoice.status, invoice.metadata["aios_key"]) == ("draft", planned.key)
        lines = list(theirs.invoices.line_items.list(invoice.id, {"limit": 1}).auto_paging_iter())
        assert sorted(line.amount for line in lines) == [27_150, 120_000]
        made = theirs.customers.create({"email": "x@reader.example"}, {"idempotency_key": "k"})
        assert theirs.customers.create({"email": "x@reader.example"}, {"idempotency_key": "k"}).id == made.id
        assert len(list(theirs.customers.list({"limit": 1}).auto_paging_iter())) == 2
        assert theirs.invoices.send_invoice(invoice.id).status == "open"
        assert [event.type for event in theirs.events.list({"type": "invoice.sent"}).data] == ["invoice.sent"]
    finally:
        stand.stop()
