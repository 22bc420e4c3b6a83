"""From canonical records to payloads: what a capability sends, the same for every connector that offers it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from aios.domain.effect import Connector, Effect, Receipt
from aios.domain.event import one_line
from aios.domain.proposal import PlannedEffect
from aios.domain.record import Record
from aios.effects.correspondence import draft_invoice, mail, remind_of_invoice
from aios.effects.material import Material
from aios.effects.pictures import media_of
from aios.errors import InvalidError

Build = Callable[[Record, Material], dict[str, Any]]


def article(record: Record, material: Material) -> dict[str, Any]:
    """The payload of `cms.publish`, `cms.update` and `cms.draft`. Raises InvalidError for a picture that is missing."""
    markdown = public_text(record.body or "")
    media = media_of(record, markdown, material)
    created = str(record.get("published") or record.get("created", ""))
    return {
        "id": record.id,
        "slug": str(record.get("slug") or record.id),
        "title": str(record.get("title", record.id)),
        "summary": str(record.get("summary", "")),
        "description": str(record.get("description") or record.get("summary", "")),
        "markdown": markdown,
        "date": created,
        "updated": str(record.get("updated") or created),
        "tags": list(record.get("tags") or ()),
        "author": _author(material.company),
        "metrics_tag": str(record.get("metrics_tag") or record.id),
        **({"tier": record.get("tier")} if record.get("tier") else {}),
        **({"media": media} if media else {}),
    }


def _author(company: Record | None) -> str:
    owner = company.get("owner") if company else None
    named = owner.get("name") if isinstance(owner, dict) else None
    return str(named or (company.get("name") if company else "") or "")


_PLACE = re.compile(r"\s*\((?:state/)?sources/[^)]*\)")


def public_text(body: str) -> str:
    """Body as readers see it: footnotes keep title and quotation, places inside the company stay inside."""
    return _PLACE.sub("", body)


PAYLOADS: dict[str, Build] = {
    "cms.publish": article,
    "cms.update": article,
    "invoices.draft": draft_invoice,
    "invoices.remind": remind_of_invoice,
    "mail.send": mail,
    "cms.draft": article,
}


def plan(
    capability: str,
    connector: Connector,
    record: Record | None,
    material: Material,
    *,
    run: str,
    step: str,
    item: int | None = None,
    more: Mapping[str, Any] | None = None,
) -> PlannedEffect:
    """The exact effect, with its key and preview: what the record feeds, and `more`, which the workflow gives itself.

    A capability that is not in `PAYLOADS` (an operator's own) is fed by the workflow alone. Raises InvalidError where
    the record is missing, or the payload does not fit what the connector takes.
    """
    build = PAYLOADS.get(capability)
    if build is not None and record is None:
        raise InvalidError(f"{capability} needs a record", "add `record:` to the step's `with`")
    payload = {**(build(record, material) if build and record else {}), **(more or {})}
    _verify_fits(capability, connector, payload)
    target = connector.target(capability, payload)
    ref = record.ref if record else ""
    effect = Effect(connector.name, capability, target, payload, run, step, ref)
    preview = connector.preview(effect)
    return PlannedEffect(
        step=step,
        capability=capability,
        connector=connector.name,
        target=target,
        key=effect.key,
        summary=preview.summary,
        preview=preview.text,
        reversible=preview.reversible,
        undo=preview.undo,
        payload=payload,
        record=ref,
        item=item,
    )


def _verify_fits(capability: str, connector: Connector, payload: Mapping[str, Any]) -> None:
    from aios.store.validators import compiled, complaints

    schema = connector.capabilities()[capability].payload
    valid = compiled(schema)
    if valid is None or valid(payload):
        return
    where, message = complaints(schema, payload)[0]
    place = ".".join(map(str, where)) or "the payload"
    raise InvalidError(
        f"{capability} cannot be planned: {place}: {one_line(message)}", f"`aios connectors show {connector.name}`"
    )


def effect_of(planned: PlannedEffect, run: str) -> Effect:
    return Effect(
        planned.connector, planned.capability, planned.target, planned.payload, run, planned.step, planned.record
    )


def record_update(effect: Effect, receipt: Receipt, *, done: int = 1) -> Mapping[str, Any]:
    """The fields of the canonical record that tell what became of the effect; `done` counts the parts that happened."""
    url, at, key = receipt.url, receipt.at, receipt.key
    if effect.capability == "cms.publish":
        return {"status": "published", "url": url, "published": at, "receipt": key}
    if effect.capability == "cms.update":
        return {"status": "published", "url": url, "updated": at, "receipt": key}
    if effect.capability == "cms.restore":
        return {"url": url, "receipt": key}
    if effect.capability == "cms.unpublish":
        return {"status": "retired", "receipt": key}
    if effect.capability == "mail.send":
        return {"status": "sent", "sent": at, "receipt": key} if done else {"status": "withheld"}
    if effect.capability in {"invoices.draft", "invoices.remind"}:
        return {"receipt": key, **({"url": url} if url else {})}
    return {}
