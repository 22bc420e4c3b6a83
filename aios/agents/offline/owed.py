"""Invoice records, brought to what the payment service says; what the operator wrote into them stays."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from aios.agents.offline.fields import set_yaml
from aios.agents.offline.people import address, recognised
from aios.domain.event import one_line
from aios.domain.front_matter import render_yaml
from aios.domain.loose import mappings
from aios.domain.record import Record, Trust
from aios.domain.slug import slug

INVOICES = "state/invoices/"
STATUSES = frozenset({"draft", "open", "paid", "void", "uncollectible"})
# What the service owns: it is never kept against what the service says.
OWNED = (
    "number", "email", "name", "amount", "amount_paid", "currency", "status", "issued", "due", "paid", "attempts",
    "failure", "url",
)  # fmt: skip
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_URL = re.compile(r"https://[^\s<>\"]{1,500}\Z")


@dataclass(frozen=True, slots=True)
class Owed:
    """One invoice: what its record says once it is up to date. `text` is the record's, None where nothing changed."""

    id: str
    data: Mapping[str, Any]
    text: str | None = None
    customer: Record | None = None
    known_by: str = ""

    @property
    def ref(self) -> str:
        return f"invoices/{self.id}"

    @property
    def path(self) -> str:
        return f"{INVOICES}{self.id}.yaml"

    @property
    def outstanding(self) -> int:
        return int(self.data.get("amount") or 0) - int(self.data.get("amount_paid") or 0)

    @property
    def is_open(self) -> bool:
        return self.data.get("status") == "open" and self.outstanding > 0

    @property
    def reminders(self) -> list[str]:
        return [str(each) for each in self.data.get("reminders") or ()]

    def days_over(self, today: str) -> int:
        """Days since it was due; negative before, and a long way before where no day is known."""
        due = day(self.data.get("due"))
        return (date.fromisoformat(today) - date.fromisoformat(due)).days if due else -10_000


def settled(
    records: Sequence[Record],
    texts: Mapping[str, str],
    customers: Sequence[Record],
    invoices: Sequence[Any],
    payments: Sequence[Any],
    *,
    run: str,
) -> tuple[list[Owed], list[str]]:
    """All invoices, those on record and those told of, by id; and what was told that could not be understood.

    `texts` are the files of the records, by path.
    """
    by_service = {_service_id(record): record for record in records if _service_id(record)}
    told = {str(each.get("id")): each for each in mappings(invoices) if each.get("id")}
    paid = _by_invoice(payments)
    found: dict[str, Owed] = {record.id: _as_it_is(record, customers) for record in records}
    odd = [f"an entry of `{what}` is none" for what, rows in (("invoices", invoices), ("payments", payments))
           if len(mappings(rows)) != len(rows)]  # fmt: skip
    for service_id in sorted({*told, *(each for each in paid if each in by_service)}):
        record, row = by_service.get(service_id), told.get(service_id, {})
        fields = _fields(row) if row else {}
        if row and fields is None:
            odd.append(f"{one_line(service_id, 60)} has no amount, currency or status that can be read")
            continue
        fields = dict(fields or {}) | _payments(paid.get(service_id, ()))
        owed = _merged(record, texts, fields, row, service_id, customers, set(found), run)
        found[owed.id] = owed
    return [found[name] for name in sorted(found)], odd


def day(value: object) -> str:
    """The day of a date or moment; empty where it is none."""
    text = str(value or "")[:10]
    try:
        return date.fromisoformat(text).isoformat() if len(text) == len("2026-01-01") else ""
    except ValueError:
        return ""


def _service_id(record: Record) -> str:
    service = record.get("service")
    return str(service.get("id") or "") if isinstance(service, Mapping) else ""


def _as_it_is(record: Record, customers: Sequence[Record]) -> Owed:
    return Owed(record.id, record.data, customer=_by_id(customers, record.get("customer")))


def _by_id(customers: Sequence[Record], name: object) -> Record | None:
    return next((customer for customer in customers if name and customer.id == name), None)


def _fields(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the service says, in our words; None where that cannot be read."""
    amount, paid, currency = row.get("amount_due"), row.get("amount_paid") or 0, str(row.get("currency") or "").upper()
    status, customer = str(row.get("status") or ""), row.get("customer")
    if not _whole(amount) or not _whole(paid) or not _CURRENCY.match(currency) or status not in STATUSES:
        return None
    who: Mapping[str, Any] = customer if isinstance(customer, Mapping) else {}
    url = str(row.get("url") or "")
    attempts = row.get("attempts")
    return {
        "number": one_line(str(row.get("number") or row.get("id")), 80),
        "email": address(who.get("email")),
        "name": one_line(str(who.get("name") or ""), 120),
        "amount": amount,
        "amount_paid": paid,
        "currency": currency,
        "status": status,
        "issued": day(row.get("created")),
        "due": day(row.get("due")),
        "attempts": attempts if _whole(attempts) else 0,
        "url": url if _URL.match(url) else "",
    }


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _by_invoice(payments: Sequence[Any]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for each in mappings(payments):
        if each.get("invoice"):
            found.setdefault(str(each["invoice"]), []).append(each)
    return found


def _payments(payments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the newest payment tells: when it was paid, or why it failed. A success takes the failure back."""
    if not payments:
        return {}
    newest = max(payments, key=lambda each: (str(each.get("created") or ""), str(each.get("id") or "")))
    if newest.get("status") == "succeeded":
        return {"paid": day(newest.get("created")), "failure": None}
    if newest.get("status") == "failed":
        reason = one_line(str(newest.get("failure") or "no reason given"), 120)
        at = str(newest.get("created") or "")
        return {"failure": {"reason": reason, **({"at": at} if day(at) else {})}}
    return {}


def _merged(
    record: Record | None,
    texts: Mapping[str, str],
    fields: Mapping[str, Any],
    row: Mapping[str, Any],
    service_id: str,
    customers: Sequence[Record],
    taken: set[str],
    run: str,
) -> Owed:
    if record is not None:
        customer = _by_id(customers, record.get("customer"))
        changes = {name: value or None if isinstance(value, str) else value for name, value in fields.items()}
        changes = {name: value for name, value in changes.items() if record.get(name) != value}
        data = {name: value for name, value in {**record.data, **changes}.items() if value is not None}
        text = set_yaml(texts[record.path], changes) if changes else None
        return Owed(record.id, data, text, customer)
    who = row.get("customer")
    account = str(who.get("id") or "") if isinstance(who, Mapping) else ""
    customer, why = recognised(customers, str(fields.get("email") or ""), account)
    data = {
        "schema": "invoice.v1",
        "number": fields.get("number"),
        "customer": customer.id if customer else None,
        **{name: fields.get(name) for name in OWNED if name != "number"},
        "service": {"id": service_id},
        "run": run,
        "trust": Trust.EXTERNAL.value,
    }
    data = {name: value for name, value in data.items() if value not in (None, "")}
    return Owed(_id(str(fields.get("number") or ""), service_id, taken), data, render_yaml(data), customer, why)


def _id(number: str, service_id: str, taken: set[str]) -> str:
    """The number where it makes a name that is free, else the service's id with it."""
    wanted = slug(number, limit=48)
    return wanted if wanted not in taken and wanted != "untitled" else slug(f"{wanted} {service_id}")
