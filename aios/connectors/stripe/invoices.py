"""Invoices that are drafted, thrown away and sent; how each is found again, and made whole after a crash.

Drafting takes several requests: the customer (looked up by their address, or made), the draft, each line. The draft and
its lines carry the effect's key in their metadata, so that whatever a crash leaves is found in the lists (which, unlike
the search, know everything at once) and only what is missing is added. A draft is never sent by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aios.connectors.http import AnswerError, segment
from aios.connectors.stripe.amounts import ours, theirs
from aios.connectors.stripe.api import MISSING, OTHER_MODE, Api, Object, metadata, number, reference, text
from aios.domain.effect import Effect, Lookup, Outcome
from aios.domain.keys import key_of
from aios.errors import RefusedError

KEY, LINE = "aios_key", "aios_line"
_EVENTS_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Drafting:
    """`invoices.draft`."""

    api: Api

    def lookup(self, effect: Effect) -> Lookup:
        """Found once it is whole: a draft that lacks lines is not found, and is completed by the act."""
        invoice = self._draft(effect)
        done = invoice is not None and not self._missing(invoice, effect)
        return Lookup(_outcome(invoice) if invoice and done else None, authoritative=True)

    def act(self, effect: Effect) -> Outcome:
        """Raises RefusedError for amounts that are none, and where the service refuses a part; what is there of it by
        then stays a draft."""
        lines = [_line(line, effect.payload["currency"]) for line in effect.payload["lines"]]
        invoice = self._draft(effect) or self._begun(effect)
        for index in self._missing(invoice, effect):
            line = {
                "customer": reference(invoice, "customer"),
                "invoice": invoice["id"],
                "currency": effect.payload["currency"].lower(),
                **lines[index],
                "metadata": {KEY: effect.key, LINE: index},
            }
            try:
                self.api.post("/v1/invoiceitems", line, key=f"{effect.key}:{index}")
            except AnswerError as error:
                hint = f"the draft {invoice['id']} lacks this line and what follows; delete it there, or try again"
                raise RefusedError(f"line {index + 1}: {error.message}", hint) from error
        return _outcome(invoice)

    def _draft(self, effect: Effect) -> Object | None:
        """The invoice that carries the key, also where its customer's address has changed since or it was sent."""
        for invoice in self._candidates(effect):
            if metadata(invoice, KEY) == effect.key:
                return invoice
        return None

    def _candidates(self, effect: Effect) -> Iterator[Object]:
        yield from self.api.listed("/v1/invoices", {"status": "draft"})
        for customer in self._customers(effect):
            yield from self.api.listed("/v1/invoices", {"customer": customer["id"]})

    def _begun(self, effect: Effect) -> Object:
        payload = effect.payload
        customer = next(iter(self._customers(effect)), None) or self._introduced(payload["customer"])
        invoice = {
            "customer": customer["id"],
            "currency": payload["currency"].lower(),
            "collection_method": "send_invoice",
            "days_until_due": payload["due_days"],
            "auto_advance": False,  # it stays a draft until somebody sends it
            "pending_invoice_items_behavior": "exclude",  # nothing on it but its own lines
            **({"description": payload["memo"]} if payload.get("memo") else {}),
            "metadata": {KEY: effect.key, "aios_record": effect.record[:500]},
        }
        return self.api.post("/v1/invoices", invoice, key=effect.key)

    def _customers(self, effect: Effect) -> list[Object]:
        """Who has the address there, the oldest first. The service takes capitals in it for another address."""
        email = str(effect.payload["customer"]["email"])
        found: dict[str, Object] = {}
        for address in dict.fromkeys((email, email.lower())):
            for customer in self.api.listed("/v1/customers", {"email": address}):
                if (text(customer, "email") or "").lower() == email.lower():
                    found[str(customer["id"])] = customer
        return sorted(found.values(), key=lambda each: (number(each, "created"), str(each["id"])))

    def _introduced(self, customer: Mapping[str, Any]) -> Object:
        key = key_of("customer", dict(customer))  # of the customer alone: two drafts at once make one of them
        named = {name: customer[name] for name in ("email", "name") if customer.get(name)}
        return self.api.post("/v1/customers", {**named, "metadata": {KEY: key}}, key=key)

    def _missing(self, invoice: Object, effect: Effect) -> list[int]:
        """The lines of the effect that the invoice lacks; none where it is no draft any more, for then it is theirs."""
        if invoice.get("status") != "draft":
            return []
        lines = self.api.listed(f"/v1/invoices/{segment(str(invoice['id']))}/lines")
        there = {metadata(line, LINE) for line in lines if metadata(line, KEY) == effect.key}
        return [index for index in range(len(effect.payload["lines"])) if str(index) not in there]


@dataclass(frozen=True, slots=True)
class Discarding:
    """`invoices.discard`: a draft is deleted. One that is gone is what was wanted, whoever did it."""

    api: Api

    def lookup(self, effect: Effect) -> Lookup:
        gone = _invoice(self.api, effect) is None
        return Lookup(self._outcome(effect) if gone else None, authoritative=True)

    def act(self, effect: Effect) -> Outcome:
        invoice = _invoice(self.api, effect)
        if invoice is None:
            return self._outcome(effect)
        if invoice.get("status") != "draft":
            said = f"{effect.payload['invoice']} is {text(invoice, 'status')}: only a draft can be deleted"
            raise RefusedError(said, "void it there, or write a credit note")
        self.api.delete(_path(effect))
        return self._outcome(effect)

    def _outcome(self, effect: Effect) -> Outcome:
        return Outcome(str(effect.payload["invoice"]), response={"deleted": True})


@dataclass(frozen=True, slots=True)
class Reminding:
    """`invoices.remind`: the service mails an open invoice once more.

    What proves it is the service's event, which names the idempotency key of the request that caused it. Events are
    kept for 30 days and nothing promises that they are there at once: not to find one proves nothing.
    """

    api: Api
    now: datetime

    def lookup(self, effect: Effect) -> Lookup:
        since = int((self.now - _EVENTS_KEPT).timestamp())
        for event in self.api.listed("/v1/events", {"type": "invoice.sent", "created[gte]": since}):
            request, data = event.get("request"), event.get("data")
            invoice = data.get("object") if isinstance(data, dict) else None
            if (
                isinstance(request, dict)
                and request.get("idempotency_key") == effect.key
                and isinstance(invoice, dict)
                and invoice.get("id") == effect.payload["invoice"]
            ):
                return Lookup(_outcome(invoice), authoritative=False)
        return Lookup(None, authoritative=False)

    def act(self, effect: Effect) -> Outcome:
        """Raises RefusedError where the invoice is not what was approved any more: paid, void, of another amount."""
        payload = effect.payload
        invoice = _invoice(self.api, effect)
        if invoice is None:
            raise RefusedError(f"there is no invoice {payload['invoice']}", "nobody was reminded")
        currency = (text(invoice, "currency") or "").upper()
        left = ours(number(invoice, "amount_due") - number(invoice, "amount_paid"), currency)
        if invoice.get("status") != "open":
            raise RefusedError(f"{payload['invoice']} is {text(invoice, 'status')}, not open", "nobody was reminded")
        if (left, currency) != (payload["amount"], payload["currency"]):
            said = f"{payload['invoice']} has {left} {currency} to pay, not {payload['amount']} {payload['currency']}"
            raise RefusedError(said, "nobody was reminded; read the invoices again")
        return _outcome(self.api.post(f"{_path(effect)}/send", {}, key=effect.key))


def _invoice(api: Api, effect: Effect) -> Object | None:
    """The invoice that an effect names; None where it is gone. Raises where the key is of the other mode."""
    try:
        found = api.get(_path(effect))
    except AnswerError as error:
        if error.status != MISSING or OTHER_MODE in error.message:
            raise
        return None
    return None if found.get("deleted") is True else found


def _path(effect: Effect) -> str:
    return f"/v1/invoices/{segment(str(effect.payload['invoice']))}"


def _line(line: Mapping[str, Any], currency: str) -> dict[str, Any]:
    try:
        amount = theirs(line["amount"], currency)
    except ValueError as error:
        raise RefusedError(str(error), "choose an amount without a fraction of its unit") from error
    return {"description": line["description"], "quantity": line["quantity"], "unit_amount": amount}


def _outcome(invoice: Object) -> Outcome:
    """The same at any time: what the operator looks at is the invoice in their own account."""
    name = text(invoice, "id") or ""
    mode = "" if invoice.get("livemode") is True else "test/"
    url = f"https://dashboard.stripe.com/{mode}invoices/{segment(name)}"
    return Outcome(name, url, {"invoice": name, "customer": reference(invoice, "customer")})
