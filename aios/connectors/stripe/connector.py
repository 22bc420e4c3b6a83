"""Stripe as a connector.

The ledger is what says that something was done: the service forgets idempotency keys after 24 hours. They go along all
the same, so that a request that is repeated within them, by whatever, is one act.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from aios.connectors.stripe.api import Api, api_of
from aios.connectors.stripe.invoices import Discarding, Drafting, Reminding
from aios.connectors.stripe.reads import KINDS, read
from aios.connectors.stripe.settings import DISCARD, DRAFT, READ, REMIND, SETTINGS, result
from aios.connectors.surroundings import Surroundings
from aios.domain.effect import Capability, Collected, Effect, Lookup, Outcome, Preview, Receipt
from aios.domain.event import one_line
from aios.domain.finding import Finding, Severity
from aios.domain.front_matter import render_yaml
from aios.domain.money import money
from aios.errors import AiosError, RefusedError

__all__ = ["CAPABILITIES", "SETTINGS", "Stripe", "connect"]

_TRANSIENT = ("409", "429", "5xx", "timeout")


def _reading(name: str, summary: str) -> Capability:
    shape = result(name.partition(".")[0])
    return Capability(name, False, READ, summary=summary, transient=_TRANSIENT, result=shape, cursor=True)


CAPABILITIES: Mapping[str, Capability] = {
    "customers.list": _reading("customers.list", "Customers, as they come."),
    "invoices.list": _reading("invoices.list", "Invoices, new ones and those whose state has changed."),
    "payments.list": _reading("payments.list", "Payments, tried and done, and refunds of earlier ones."),
    "invoices.draft": Capability(
        "invoices.draft",
        True,
        DRAFT,
        "invoices.discard",
        "Make out a draft of an invoice, for a customer who is made where there is none.",
        lookup="the effect's key in the metadata of drafts and of the customer's invoices",
        shows="customer, lines, total and term; the draft is not sent",
        transient=_TRANSIENT,
    ),
    "invoices.discard": Capability(
        "invoices.discard",
        True,
        DISCARD,
        summary="Delete a draft of an invoice.",
        lookup="whether the invoice is there",
        shows="which draft is deleted",
        transient=_TRANSIENT,
    ),
    "invoices.remind": Capability(
        "invoices.remind",
        True,
        REMIND,
        summary="Mail an open invoice to its customer once more.",
        lookup="an event of the last 30 days that names the effect's key",
        authoritative=False,
        shows="which invoice, and what is to be paid",
        transient=_TRANSIENT,
    ),
}


@dataclass(frozen=True, slots=True)
class Stripe:
    """One account."""

    name: str
    api: Api
    clock: Callable[[], datetime]
    key: Callable[[], str]

    def capabilities(self) -> Mapping[str, Capability]:
        return CAPABILITIES

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        return str(payload["customer"]["email"] if capability == "invoices.draft" else payload["invoice"])

    def preview(self, effect: Effect) -> Preview:
        payload = effect.payload
        text = render_yaml(dict(payload))
        match effect.capability:
            case "invoices.draft":
                total = sum(line["quantity"] * line["amount"] for line in payload["lines"])
                lines = f"{len(payload['lines'])} line{'s' if len(payload['lines']) > 1 else ''}"
                said = (
                    f"Draft an invoice to {payload['customer']['email']}: {lines}, {money(total, payload['currency'])}"
                )
                undo = "invoices.discard deletes the draft as long as it is one"
                return Preview(f"{said}, due in {payload['due_days']} days", text, True, undo)
            case "invoices.discard":
                return Preview(f"Delete the draft {payload['invoice']}", text, False)
            case _:
                named = payload.get("number") or payload["invoice"]
                left = money(payload["amount"], payload["currency"])
                return Preview(f"Mail invoice {named} again: {left} to be paid", text, False)

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        if effect.capability != "invoices.draft" or not receipt.external_id:
            return None
        payload = {"id": effect.payload["id"], "invoice": receipt.external_id, "undoes": receipt.key}
        return replace(effect, capability="invoices.discard", target=receipt.external_id, payload=payload)

    def lookup(self, effect: Effect) -> Lookup:
        return self._work(effect).lookup(effect)

    def act(self, effect: Effect) -> Outcome:
        return self._work(effect).act(effect)

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        if capability not in KINDS:
            raise self._no(capability)
        return read(self.api, KINDS[capability], params, self.clock())

    def check(self) -> Sequence[Finding]:
        """What the key may not read. What it may not write shows when it is tried: nothing is changed here."""
        place = f"state/connectors/{self.name}.yaml"
        try:
            unrestricted = self.key().startswith("sk_")
            for path in ("/v1/invoices", "/v1/customers", "/v1/charges", "/v1/events"):
                self.api.get(path, {"limit": 1})
        except AiosError as error:
            return [Finding(place, 0, 0, "service", error.message, error.hint)]
        if not unrestricted:
            return []
        message = "the key may do everything in the account"
        hint = "make a restricted one: customers and invoices write, charges and events read"
        return [Finding(place, 0, 0, "credentials", message, hint, Severity.WARNING)]

    def _work(self, effect: Effect) -> Drafting | Discarding | Reminding:
        match effect.capability:
            case "invoices.draft":
                return Drafting(self.api)
            case "invoices.discard":
                return Discarding(self.api)
            case "invoices.remind":
                return Reminding(self.api, self.clock())
        raise self._no(effect.capability)

    def _no(self, capability: str) -> RefusedError:
        return RefusedError(
            f"{self.name} does not offer {one_line(capability)}", f"it offers {', '.join(CAPABILITIES)}"
        )


def connect(name: str, settings: Mapping[str, Any], around: Surroundings) -> Stripe:
    def key() -> str:
        return around.need(settings["key"])

    address = str(settings.get("address", "https://api.stripe.com"))
    return Stripe(name, api_of(name, address, key, around.told(name)), around.clock, key)
