"""Payloads of mail and invoices, from canonical records: who gets it is settled here, and approved as it stands."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from aios.domain.record import Record
from aios.effects.material import Material
from aios.errors import InvalidError

CUSTOMERS = "customers/"
UNSENDABLE = frozenset({"withheld"})


def mail(record: Record, material: Material) -> dict[str, Any]:
    """The payload of `mail.send`, from a message record. Raises InvalidError where nobody could get it."""
    if record.get("status") in UNSENDABLE:
        raise InvalidError(f"{record.ref} is {record.get('status')}", "set `status: drafted` to send it")
    listed = bool(record.get("audience"))
    payload: dict[str, Any] = {
        "id": record.id,
        "recipients": _allowed(record, material, _audience(record, material) if listed else _named(record, material)),
        "subject": str(record.get("subject", "")),
        "markdown": record.body or "",
    }
    if record.get("in_reply_to"):
        payload["in_reply_to"] = str(record.get("in_reply_to"))
    if record.get("references"):
        payload["references"] = [str(each) for each in record.get("references")]
    if record.get("attachments"):
        payload["attachments"] = [_attached(record, str(path), material) for path in record.get("attachments")]
    if listed:
        payload["list"] = _list(record, material)
    return payload


def draft_invoice(record: Record, material: Material) -> dict[str, Any]:
    """The payload of `invoices.draft`, from an invoice record that the service does not have yet."""
    lines = [dict(line) for line in record.get("lines") or ()]
    if not lines:
        raise InvalidError(f"{record.ref} has no lines: nothing could be invoiced", "add `lines`")
    if record.get("service"):
        raise InvalidError(f"{record.ref} is at the service already", "change it there")
    return {
        "id": record.id,
        "customer": _debtor(record, material),
        "lines": lines,
        "currency": str(record.get("currency")),
        "due_days": int(record.get("due_days", 14)),
        **({"memo": str(record.get("memo"))} if record.get("memo") else {}),
    }


def remind_of_invoice(record: Record, material: Material) -> dict[str, Any]:
    """The payload of `invoices.remind`. Every reminder is another: its number is part of its id."""
    del material
    known = record.get("service") or {}
    if record.get("status") != "open" or record.get("disputed") or not known.get("id"):
        raise InvalidError(f"{record.ref} is not an open, undisputed invoice of a service", "nobody is reminded of it")
    return {
        "id": f"{record.id}-{len(record.get('reminders') or ())}",
        "invoice": str(known["id"]),
        **({"number": str(record.get("number"))} if record.get("number") else {}),
        "amount": int(record.get("amount", 0)) - int(record.get("amount_paid", 0)),
        "currency": str(record.get("currency")),
    }


def suppressed(material: Material) -> dict[str, str]:
    """Address, in small letters → why it gets no mail."""
    return {str(each.get("email")).casefold(): str(each.get("reason")) for each in material.records("suppression")}


def _debtor(record: Record, material: Material) -> dict[str, str]:
    if record.get("customer"):
        return _customer(record, str(record.get("customer")), material)
    if not record.get("email"):
        raise InvalidError(f"{record.ref} names nobody to invoice", "add `customer` or `email`")
    return {"email": str(record.get("email")), **({"name": str(record.get("name"))} if record.get("name") else {})}


def _named(record: Record, material: Material) -> Iterator[dict[str, str]]:
    for each in record.get("to") or ():
        name = str(each)
        if name.startswith(CUSTOMERS):
            yield _customer(record, name.removeprefix(CUSTOMERS), material)
        else:
            yield {"email": name}


def _audience(record: Record, material: Material) -> Iterator[dict[str, str]]:
    if record.get("to"):
        raise InvalidError(f"{record.ref} has both `to` and `audience`", "keep one of them")
    for customer in material.records("customer"):
        if customer.get("newsletter") and customer.get("email"):
            yield _addressed(customer)


def _customer(record: Record, name: str, material: Material) -> dict[str, str]:
    customer = material.record("customer", name)
    if customer is None or not customer.get("email"):
        what = "there is no valid customer" if customer is None else "no address is known of"
        raise InvalidError(f"{record.ref}: {what} {CUSTOMERS}{name}", "`aios check` says what is wrong")
    return _addressed(customer)


def _addressed(customer: Record) -> dict[str, str]:
    """Name and address: the person's, where the address is one of a person there."""
    email = str(customer.get("email"))
    same = email.casefold()
    people = [each for each in customer.get("contacts") or () if str(each.get("email", "")).casefold() == same]
    return {"email": email, "name": str(people[0]["name"] if people else customer.get("name"))}


def _allowed(record: Record, material: Material, wanted: Iterator[dict[str, str]]) -> list[dict[str, str]]:
    """Each address once, none that is on the suppression list. Raises InvalidError where nobody is left."""
    closed = suppressed(material)
    kept: dict[str, dict[str, str]] = {}
    kept_back = []
    for each in wanted:
        address = each["email"].casefold()
        why = closed.get(address, "")
        if why and (why != "unsubscribed" or record.get("audience")):  # who left a list may still get an answer
            kept_back.append(f"{each['email']} ({why})")
        elif address not in kept:
            kept[address] = each
    if not kept:
        why = f"suppressed: {', '.join(kept_back[:5])}" if kept_back else "it names nobody"
        raise InvalidError(
            f"{record.ref} has no recipient: {why}", "see state/suppressions/, or set `status: withheld`"
        )
    return list(kept.values())


def _attached(record: Record, path: str, material: Material) -> dict[str, str]:
    content = material.read(path)
    if content is None:
        raise InvalidError(f"{record.ref} attaches {path}, which is not there", "a path in this repository")
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {"name": path.rpartition("/")[2], "media_type": kind, "path": path, "sha256": digest}


def _list(record: Record, material: Material) -> Mapping[str, str]:
    """The list's name and how one leaves it: a mail, which the next reading of the mailbox understands."""
    company = material.company
    owner = (company.get("owner") if company else None) or {}
    if company is None or not owner.get("email"):
        raise InvalidError(f"{record.ref}: nobody to unsubscribe at", "add `owner.email` to state/company.yaml")
    unsubscribe = f"mailto:{quote(str(owner['email']), safe='@+')}?subject=unsubscribe"
    return {"name": str(company.get("name")), "unsubscribe": unsubscribe}
