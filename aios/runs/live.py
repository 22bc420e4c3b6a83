"""Canonical records beside what the services hold: looked at, never changed.

What is compared is declared here once per kind: where its live values are read, how the two find each other, and which
of our fields is which of theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from aios.domain.effect import Connector
from aios.domain.event import one_line
from aios.domain.ownership import owner_of, take
from aios.domain.record import Record
from aios.errors import AiosError
from aios.store.catalog import Catalog

GONE = "is not there"
TEXT = "text"  # stands for the prose: compared by what the service knows of its own changes
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT")
_LONGEST = 2_000  # characters of a live value that may become ours


@dataclass(frozen=True, slots=True)
class Counterpart:
    """`kind`'s records are what `capability` gives as `items`. `match` are pairs of fields (ours, theirs), the first
    that both have decides; `fields` maps ours to theirs, dots lead inside; `expected` are the states, by `status`, in
    which a record must have a counterpart (none: it may be missing). `means` says, by our field, which of our values
    each of theirs is. `restore` puts ours in place."""

    kind: str
    capability: str
    items: str
    match: Sequence[tuple[str, str]]
    fields: Mapping[str, str]
    means: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    expected: frozenset[str] = frozenset()
    restore: str = ""


COUNTERPARTS = (
    Counterpart(
        kind="content",
        capability="cms.list",
        items="articles",
        match=(("id", "record"), ("url", "url"), ("slug", "slug")),
        fields={"title": "title", "url": "url", "status": "status"},
        means={"status": {"published": "published", "draft": "retired", "trash": "retired", "other": "retired"}},
        expected=frozenset({"published"}),
        restore="cms.update",
    ),
    Counterpart(
        kind="customer",
        capability="customers.list",
        items="customers",
        match=(("email", "email"),),
        fields={"name": "name"},
    ),
    Counterpart(
        kind="invoice",
        capability="invoices.list",
        items="invoices",
        match=(("service.id", "id"), ("number", "number")),
        fields={"status": "status", "amount": "amount_due", "amount_paid": "amount_paid", "due": "due", "url": "url"},
        expected=frozenset({"open"}),
    ),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One record that is not what the service holds. `live` has the values by our fields, `ours` those of the record;
    `gone` says that the service has no such thing. `version` names what is live now, where the service tells. `kept`
    are fields that are ours by their schema: they take over nothing."""

    record: str
    connector: str
    capability: str
    ours: Mapping[str, Any]
    live: Mapping[str, Any]
    gone: bool = False
    version: str = ""
    restore: str = ""
    kept: tuple[str, ...] = ()

    @property
    def choices(self) -> list[str]:
        """How it can be settled."""
        adoptable = not self.gone and any(name != TEXT and name not in self.kept for name in self.live)
        return [*(["adopt"] if adoptable else []), *(["restore"] if self.restore else [])]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"choices": self.choices}


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked at: how many records had a counterpart, what differs, what only the service knows (by
    connector), and what could not be asked, in words."""

    compared: int
    differences: tuple[Difference, ...]
    unknown: Mapping[str, int]
    silent: tuple[str, ...]


def compare(
    catalog: Catalog, connectors: Mapping[str, Connector], ignore: Mapping[str, frozenset[str]] | None = None
) -> Seen:
    """Every kind against every connector that tells of it. `ignore` names fields by connector, as `kind.field`."""
    differences: list[Difference] = []
    unknown: dict[str, int] = {}
    silent: list[str] = []
    compared = 0
    for counterpart in COUNTERPARTS:
        for name, connector in sorted(connectors.items()):
            if counterpart.capability not in connector.capabilities():
                continue
            try:
                items = _items(connector, counterpart)
            except AiosError as error:
                silent.append(f"{name} cannot be asked ({counterpart.capability}): {error.message}")
                continue
            records = [record for record in catalog.records(counterpart.kind) if _is_its(record, name)]
            pairs, left = _paired(records, items, counterpart.match)
            unknown[name] = unknown.get(name, 0) + left
            compared += sum(item is not None for _, item in pairs)
            skipped = (ignore or {}).get(name, frozenset())
            for record, item in pairs:
                found = _difference(record, item, counterpart, skipped)
                if found is not None:
                    differences.append(_told(catalog, connector, counterpart, record, item, found))
    return Seen(compared, tuple(differences), {n: c for n, c in unknown.items() if c}, tuple(silent))


def _told(
    catalog: Catalog,
    connector: Connector,
    counterpart: Counterpart,
    record: Record,
    item: Mapping[str, Any] | None,
    found: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> Difference:
    ours, live = found
    owners = {name: owner_of(said) for name, said in catalog.schemas.kind(counterpart.kind).ownership.items()}
    restorable = item is not None and counterpart.restore in connector.capabilities()
    return Difference(
        record=record.ref,
        connector=connector.name,
        capability=counterpart.capability,
        ours=ours,
        live=live,
        gone=item is None,
        version=str(item.get("hash") or item.get("modified") or "") if item else "",
        restore=counterpart.restore if restorable else "",
        kept=tuple(take(ours, live, owners).refused),
    )


def _items(connector: Connector, counterpart: Counterpart) -> list[Mapping[str, Any]]:
    data = connector.read(counterpart.capability, {}).data
    items = data.get(counterpart.items) if isinstance(data, Mapping) else None
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list | tuple) else []


def _is_its(record: Record, connector: str) -> bool:
    """A record that names the connector it belongs to is no other's."""
    service = record.get("service")
    named = service.get("connector") if isinstance(service, Mapping) else None
    return named in (None, connector)


def _paired(
    records: Iterable[Record], items: Sequence[Mapping[str, Any]], match: Sequence[tuple[str, str]]
) -> tuple[list[tuple[Record, Mapping[str, Any] | None]], int]:
    """Each record with its item, and how many items have no record."""
    by: list[dict[str, int]] = [{} for _ in match]
    for index, item in enumerate(items):
        for known, (_, theirs) in zip(by, match, strict=True):
            if value := _folded(item.get(theirs)):
                known.setdefault(value, index)
    taken: set[int] = set()
    pairs: list[tuple[Record, Mapping[str, Any] | None]] = []
    for record in records:
        found = next(_candidates(record, by, match), None)
        if found is not None:
            taken.add(found)
        pairs.append((record, None if found is None else items[found]))
    return pairs, len(items) - len(taken)


def _candidates(record: Record, by: Sequence[Mapping[str, int]], match: Sequence[tuple[str, str]]) -> Iterator[int]:
    for known, (ours, _) in zip(by, match, strict=True):
        value = _folded(record.id if ours == "id" else inside(record.data, ours))
        if value in known:
            yield known[value]


def _difference(
    record: Record, item: Mapping[str, Any] | None, counterpart: Counterpart, skipped: frozenset[str]
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The fields that differ, ours and live; None where nothing does, or nothing need be there."""
    if item is None:
        wanted = record.get("status") in counterpart.expected and f"{record.kind}.status" not in skipped
        return ({"status": record.get("status")}, {"status": GONE}) if wanted else None
    if not _concerns(record, item, counterpart):
        return None
    ours: dict[str, Any] = {}
    live: dict[str, Any] = {}
    for name, theirs in counterpart.fields.items():
        value, mine = inside(item, theirs), inside(record.data, name)
        if name in counterpart.means:
            value = counterpart.means[name].get(str(value))
        if isinstance(mine, str) and isinstance(value, str) and len(mine) == 10:
            value = value[:10] if _MOMENT.match(value) else value  # a day of ours stays one
        if value is None or mine is None or f"{record.kind}.{name.partition('.')[0]}" in skipped:
            continue
        if not _same(mine, value) and _may_be_ours(value):
            ours[name], live[name] = mine, value
    if item.get("edited") and f"{record.kind}.{TEXT}" not in skipped:
        ours[TEXT], live[TEXT] = "as it was published", "edited at the service since"
    return (ours, live) if live else None


def _concerns(record: Record, item: Mapping[str, Any], counterpart: Counterpart) -> bool:
    """A draft of ours beside nothing that readers see is no difference."""
    if not counterpart.expected:
        return True
    return record.get("status") in counterpart.expected or item.get("status") in counterpart.expected


def _may_be_ours(value: Any) -> bool:
    """What a service says is text from outside: only plain values of a sane size are ever compared or taken over."""
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _LONGEST)


def _same(mine: Any, live: Any) -> bool:
    if isinstance(mine, str) and isinstance(live, str):
        # Addresses do not differ by a slash at their end.
        return one_line(mine, _LONGEST).rstrip("/") == one_line(live, _LONGEST).rstrip("/")
    return bool(mine == live)


def _folded(value: Any) -> str:
    return value.strip().casefold().rstrip("/") if isinstance(value, str) else ""


def inside(data: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    found: Any = data
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
