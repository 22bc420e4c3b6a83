"""Reading what is new and what has changed since.

Lists are read by when things were made, from an hour before the newest that is known (so that nothing is lost to clocks
that differ). What is made can change later: invoices that are not settled and payments that are pending are looked
at again at every read, and refunds lead to the payments that they are of. Events would tell that too, but for 30 days
only, and whoever reads less often would miss some. Customers are read when they are new.

The cursor holds how each watched object stood; one that stands so still is not told again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aios.connectors.http import AnswerError, segment
from aios.connectors.portion import portion
from aios.connectors.stripe.amounts import ours
from aios.connectors.stripe.api import MISSING, OTHER_MODE, Api, Object, moment, number, reference, text
from aios.domain.effect import Collected
from aios.errors import UsageError

_OVERLAP = 3_600  # seconds
_OPEN = ("draft", "open", "uncollectible")


def _money(found: Object, name: str, currency: str) -> dict[str, int]:
    """An amount; left out where Stripe does not tell it, for no amount is no zero."""
    return {name: ours(number(found, name), currency)} if type(found.get(name)) is int else {}


def _said(found: Object, name: str) -> dict[str, str]:
    said = text(found, name)
    return {name: said} if said else {}


def _customer(found: Object) -> dict[str, Any]:
    return {
        "id": found["id"],
        "email": text(found, "email"),
        "name": text(found, "name"),
        "created": moment(found, "created"),
    }


def _invoice(found: Object) -> dict[str, Any]:
    currency = (text(found, "currency") or "").upper()
    return {
        "id": found["id"],
        "number": text(found, "number", 80),
        "customer": {
            "id": reference(found, "customer"),
            "email": text(found, "customer_email"),
            "name": text(found, "customer_name"),
        },
        **_said(found, "status"),
        **_money(found, "amount_due", currency),
        **_money(found, "amount_paid", currency),
        "currency": currency,
        "due": moment(found, "due_date"),
        "created": moment(found, "created"),
        "url": text(found, "hosted_invoice_url", 2_000),
        "attempts": number(found, "attempt_count"),
    }


def _payment(found: Object) -> dict[str, Any]:
    currency = (text(found, "currency") or "").upper()
    return {
        "id": found["id"],
        "invoice": reference(found, "invoice"),
        "customer": reference(found, "customer"),
        **_money(found, "amount", currency),
        "refunded": ours(number(found, "amount_refunded"), currency),
        "currency": currency,
        **({"status": "refunded"} if found.get("refunded") is True else _said(found, "status")),
        "failure": text(found, "failure_message", 500) or text(found, "failure_code"),
        "created": moment(found, "created"),
    }


def _changed_invoices(api: Api, watched: set[str], since: int) -> Iterator[Object]:
    """The watched ones as they are now: those in the lists of what is not settled, and each that has left them."""
    del since
    for status in _OPEN if watched else ():
        for each in api.listed("/v1/invoices", {"status": status}):
            if each["id"] in watched:
                watched.discard(each["id"])
                yield each
    for left in sorted(watched):
        yield _one(api, "/v1/invoices", left)


def _changed_payments(api: Api, watched: set[str], since: int) -> Iterator[Object]:
    refunds = api.listed("/v1/refunds", {"created[gte]": since})
    refunded = {reference(each, "charge") or "" for each in refunds if number(each, "created") >= since}
    for each in sorted((watched | refunded) - {""}):
        yield _one(api, "/v1/charges", each)


def _nothing(api: Api, watched: set[str], since: int) -> Iterator[Object]:
    del api, watched, since
    yield from ()


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of object is read: `stands` tells a state that may change from others, `final` that it will not."""

    name: str
    path: str
    shape: Callable[[Object], dict[str, Any]]
    stands: Callable[[Mapping[str, Any]], str]
    final: Callable[[Mapping[str, Any]], bool]
    changed: Callable[[Api, set[str], int], Iterator[Object]] = _nothing


KINDS = {
    "customers.list": Kind("customers", "/v1/customers", _customer, lambda _: "known", lambda _: True),
    "invoices.list": Kind(
        "invoices",
        "/v1/invoices",
        _invoice,
        lambda it: f"{it.get('status')} {it.get('amount_paid')}/{it.get('amount_due')} {it['attempts']}",
        lambda it: it.get("status") in {"paid", "void"},
        _changed_invoices,
    ),
    "payments.list": Kind(
        "payments",
        "/v1/charges",
        _payment,
        lambda it: f"{it.get('status')} {it['refunded']}",
        lambda it: it.get("status") != "pending",
        _changed_payments,
    ),
}


@dataclass(slots=True)
class _Place:
    """How far it was read. `made` is when the newest known object was made, `looked` when changes were looked for, both
    seconds; `known` tells how objects stood that may change or might be met again."""

    made: int = 0
    looked: int = 0
    known: dict[str, str] = field(default_factory=dict)


def read(api: Api, kind: Kind, params: Mapping[str, Any], now: datetime) -> Collected:
    """New and changed objects, the changed ones first and then from the oldest on, at most `limit`; `more` tells that
    there are others, `gone` which ones were deleted meanwhile. Raises UsageError for what is no moment or no cursor."""
    place = _place(params.get("cursor"))
    begin = max(place.made - _OVERLAP, 0) if place else _seconds(params.get("since"))
    listed = api.listed(kind.path, {"created[gte]": begin} if begin else {})
    fresh = [each for each in listed if number(each, "created") >= begin]
    new = {str(each["id"]): each for each in reversed(fresh)}
    changed: dict[str, Object] = {}
    if place:
        watched = {name for name in place.known if name not in new}
        waiting = {name for name in watched if not place.known[name].startswith("settled ")}
        changed = {
            str(each["id"]): each
            for each in kind.changed(api, waiting, max(place.looked - _OVERLAP, 0))
            if each["id"] not in new
        }
    place = place or _Place()
    gone = [name for name, each in changed.items() if each.get("deleted")]
    place.known = {name: stood for name, stood in place.known.items() if name not in gone}
    found = {name: kind.shape(each) for name, each in (changed | new).items() if name not in gone}
    told = [it for name, it in found.items() if place.known.get(name, "").removeprefix("settled ") != kind.stands(it)]
    taken = portion(told, int(params.get("limit", 100)))
    whole = len(taken) == len(told)
    made = [number(new[it["id"]], "created") for it in taken if it["id"] in new]
    place.made = max([place.made, *made])
    for it in taken:
        place.known[it["id"]] = f"{'settled ' if kind.final(it) else ''}{kind.stands(it)}"
    met = {name for name, each in new.items() if number(each, "created") >= place.made - _OVERLAP} | set(changed)
    place.known = {
        name: stood for name, stood in place.known.items() if name in met or not stood.startswith("settled ")
    }
    if whole or not params.get("cursor"):  # otherwise the changes that did not fit are looked for again
        place.looked = int(now.timestamp())
    cursor = {"made": place.made, "looked": place.looked, "known": dict(sorted(place.known.items()))}
    data = {kind.name: taken, "more": not whole, **({"gone": sorted(gone)} if gone else {})}
    return Collected(data, cursor=cursor)


def _one(api: Api, path: str, name: str) -> Object:
    try:
        return api.get(f"{path}/{segment(name)}")
    except AnswerError as error:
        if error.status != MISSING or OTHER_MODE in error.message:
            raise
        return {"id": name, "deleted": True}


def _seconds(value: Any) -> int:
    if not value:
        return 0
    try:
        found = datetime.fromisoformat(str(value))
        return max(0, int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()))
    except (ValueError, OverflowError) as error:
        raise UsageError(f"`since` is no moment: {error}", "write it like 2026-03-02") from error


def _place(cursor: Any) -> _Place | None:
    if not cursor:
        return None
    made, looked, known = (cursor.get(name) for name in ("made", "looked", "known"))
    if type(made) is not int or type(looked) is not int or not isinstance(known, Mapping):
        raise UsageError("the cursor is none of this connector", "delete it to read everything again")
    return _Place(made, looked, {str(name): str(stood) for name, stood in known.items()})
