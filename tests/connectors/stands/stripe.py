"""Stripe, as far as its reference says what the requests of the connector do: objects, lists, metadata, events, and
idempotency keys that give the first answer again and refuse another request.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.connectors.stands import Stand
from tests.connectors.stands.serving import Asked, Said, serve

SECRET = "s3cret-value-nobody-may-see"  # noqa: S105  nobody's; the tests' own
BEGINNING = 1_772_000_000  # seconds: 2026-02-25
LISTS = {
    "customers": "customer",
    "invoices": "invoice",
    "charges": "charge",
    "refunds": "refund",
    "events": "event",
    "invoiceitems": "invoiceitem",
}
PREFIX = {"customer": "cus", "invoice": "in", "charge": "ch", "refund": "re", "event": "evt", "invoiceitem": "ii"}


class _RefusedError(Exception):
    def __init__(self, status: int, message: str, kind: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.said = Said({"error": {"type": kind, "message": message}}, status)


@dataclass
class Account:
    """Everything in it, in the order in which it was made. `asked` are all requests, `now` its clock."""

    now: int = BEGINNING
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    asked: list[Asked] = field(default_factory=list)
    keys: dict[str, tuple[str, Said]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def make(self, kind: str, **fields: Any) -> dict[str, Any]:
        name = f"{PREFIX[kind]}_{next(self.numbers):05}"
        made = {"id": name, "object": kind, "created": self.now, "livemode": False, "metadata": {}, **fields}
        self.objects[name] = made
        self.done[kind] += 1
        return made

    def invoice(self, customer: dict[str, Any], **fields: Any) -> dict[str, Any]:
        about = {"customer": customer["id"], "customer_email": customer["email"], "customer_name": customer["name"]}
        plain: dict[str, Any] = {
            "status": "draft",
            "amount_due": 0,
            "amount_paid": 0,
            "currency": "eur",
            "number": None,
            "due_date": None,
            "attempt_count": 0,
            "hosted_invoice_url": None,
        }
        return self.make("invoice", **plain | about | fields)

    def charge(self, customer: dict[str, Any], amount: int, **fields: Any) -> dict[str, Any]:
        plain = {"invoice": None, "currency": "eur", "status": "succeeded", "refunded": False, "amount_refunded": 0}
        return self.make("charge", amount=amount, customer=customer["id"], **plain | fields)

    def refund(self, charge: dict[str, Any], amount: int) -> None:
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self.make("refund", charge=charge["id"], amount=amount)

    def answer(self, asked: Asked) -> Said:
        self.asked.append(asked)
        try:
            return self._answer(asked)
        except _RefusedError as error:
            return error.said

    def _answer(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != f"Bearer {SECRET}":
            raise _RefusedError(401, f"Invalid API Key provided: {asked.headers.get('authorization')}")
        if not asked.headers.get("stripe-version"):
            raise _RefusedError(400, "this account has no default version")
        key = asked.headers.get("idempotency-key") if asked.method == "POST" else None
        this = json.dumps([asked.path, sorted(asked.form.items())])
        if key and key in self.keys:
            was, said = self.keys[key]
            if was != this:
                raise _RefusedError(400, f"Keys for idempotent requests: {key} was another one", "idempotency_error")
            return said
        said = Said(copy.deepcopy(self._does(asked)))
        if key:
            self.keys[key] = (this, said)
        return said

    def _does(self, asked: Asked) -> Any:
        match asked.method, asked.parts:
            case "GET", ["v1", collection] if collection in LISTS:
                return self._listed(asked, self._found(LISTS[collection], asked.query))
            case "GET", ["v1", "invoices", name, "lines"]:
                self._one(name, "invoice")
                return self._listed(asked, self._lines(name))
            case "GET", ["v1", collection, name] if collection in LISTS:
                return self._one(name, LISTS[collection])
            case "POST", ["v1", "customers"]:
                form = nested(asked.form)
                known = {name: form.get(name) for name in ("email", "name")}
                return self.make("customer", **known, metadata=form.get("metadata", {}))
            case "POST", ["v1", "invoices"]:
                return self._drafted(nested(asked.form))
            case "POST", ["v1", "invoiceitems"]:
                return self._added(nested(asked.form))
            case "POST", ["v1", "invoices", name, "send"]:
                return self._sent(self._one(name, "invoice"), asked)
            case "DELETE", ["v1", "invoices", name]:
                if self._one(name, "invoice")["status"] != "draft":
                    raise _RefusedError(400, "You can only delete draft invoices")
                del self.objects[name]
                self.done["invoices.discard"] += 1
                return {"id": name, "object": "invoice", "deleted": True}
        raise _RefusedError(404, f"Unrecognized request URL ({asked.method}: {asked.path})")

    def _one(self, name: str, kind: str) -> dict[str, Any]:
        if name not in self.objects or self.objects[name]["object"] != kind:
            raise _RefusedError(404, f"No such {kind}: '{name}'")
        return self.objects[name]

    def _found(self, kind: str, query: Any) -> Iterator[dict[str, Any]]:
        for each in reversed([each for each in self.objects.values() if each["object"] == kind]):
            if each["created"] < int(query.get("created[gte]", 0)):
                continue
            if all(each.get(name) == query[name] for name in ("email", "customer", "status", "type") if name in query):
                yield each

    def _listed(self, asked: Asked, found: Iterator[dict[str, Any]]) -> dict[str, Any]:
        known = {"limit", "starting_after", "created[gte]", "email", "customer", "status", "type"}
        if unknown := set(asked.query) - known:
            raise _RefusedError(400, f"Received unknown parameter: {unknown}")
        everything, after = list(found), asked.query.get("starting_after")
        if after:
            everything = everything[[each["id"] for each in everything].index(after) + 1 :]
        limit = int(asked.query.get("limit", 10))
        return {
            "object": "list",
            "url": asked.path,
            "has_more": len(everything) > limit,
            "data": everything[:limit],
        }

    def _lines(self, invoice: str) -> Iterator[dict[str, Any]]:
        for each in self._found("invoiceitem", {}):
            if each["invoice"] == invoice:
                yield {
                    **each,
                    "id": each["id"].replace("ii_", "il_"),
                    "object": "line_item",
                    "invoice_item": each["id"],
                }

    def _drafted(self, form: dict[str, Any]) -> dict[str, Any]:
        customer = self._one(form["customer"], "customer")
        assert form["collection_method"] == "send_invoice"
        assert form["auto_advance"] == "false"
        assert form["pending_invoice_items_behavior"] == "exclude"
        self.done["invoices.draft"] += 1
        due = self.now + 86_400 * int(form["days_until_due"])
        return self.invoice(
            customer,
            currency=form["currency"],
            due_date=due,
            description=form.get("description"),
            metadata=form["metadata"],
        )

    def _added(self, form: dict[str, Any]) -> dict[str, Any]:
        invoice = self._one(form["invoice"], "invoice")
        if invoice["status"] != "draft":
            raise _RefusedError(400, "This invoice is no longer editable")
        if form["currency"] != invoice["currency"]:
            raise _RefusedError(400, "The currency of the invoice item is another one")
        amount = int(form["quantity"]) * int(form["unit_amount"])
        invoice["amount_due"] += amount
        form["quantity"] = int(form["quantity"])
        return self.make("invoiceitem", **form | {"amount": amount})

    def _sent(self, invoice: dict[str, Any], asked: Asked) -> dict[str, Any]:
        if invoice["status"] not in {"open", "draft"}:
            raise _RefusedError(400, "Invoice can only be sent when it is open")
        invoice["status"] = "open"
        self.done["invoices.remind"] += 1
        request = {"id": f"req_{len(self.asked)}", "idempotency_key": asked.headers.get("idempotency-key")}
        self.make("event", type="invoice.sent", data={"object": copy.deepcopy(invoice)}, request=request)
        return invoice


def nested(form: dict[str, str]) -> dict[str, Any]:
    """`a[b]=1` as `{"a": {"b": "1"}}`."""
    found: dict[str, Any] = {}
    for name, value in form.items():
        first, _, rest = name.partition("[")
        if rest:
            found.setdefault(first, {})[rest.removesuffix("]")] = value
        else:
            found[name] = value
    return found


def seeded() -> Account:
    """An account with one customer, an open invoice and a failed payment of it."""
    account = Account()
    ann = account.make("customer", email="ann@reader.example", name="Ann Reader")
    invoice = account.invoice(ann, status="open", amount_due=4_900, number="A-1", attempt_count=1)
    account.charge(ann, 4_900, status="failed", failure_message="Your card was declined.", invoice=invoice["id"])
    return account


def serve_stripe(account: Account | None = None, answer: Callable[[Asked], Said] | None = None) -> Stand:
    """`answer` stands before the account where it is given."""
    account = account or seeded()
    address, stop = serve(answer or account.answer)

    def settings(at: str) -> dict[str, Any]:
        return {"address": f"http://{at}", "key": {"env": "TOKEN"}}

    return Stand(address, settings, lambda: +account.done, lambda: copy.deepcopy(account.objects), stop)
