"""A service as its manifest describes it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aios.connectors.http import AnswerError, Service
from aios.connectors.http_manifest.lists import items, mapped
from aios.connectors.http_manifest.manifest import LIMIT, capabilities, list_name, taken
from aios.connectors.http_manifest.requests import Request, at, filled, given, request, sentence
from aios.connectors.portion import portion
from aios.connectors.surroundings import Surroundings
from aios.domain.effect import Capability, Collected, Effect, Lookup, Outcome, Preview, Receipt
from aios.domain.event import one_line
from aios.domain.finding import Finding
from aios.domain.front_matter import render_yaml
from aios.domain.keys import key_of
from aios.errors import AiosError, RefusedError, UsageError
from aios.expressions import ExpressionError

_GONE = frozenset({404, 410})
Offer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Manifest:
    """`offers` are by capability, as the manifest has them; `test` a request for `check`, empty where there is none."""

    name: str
    service: Service
    offers: Mapping[str, Offer]
    offered: Mapping[str, Capability]
    headers: Mapping[str, str]
    test: str = ""

    def capabilities(self) -> Mapping[str, Capability]:
        return self.offered

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        offer = self._offer(capability, "write")
        template = offer.get("target", offer["write"])
        return one_line(sentence(template, {"payload": given(payload, taken(offer))}))

    def preview(self, effect: Effect) -> Preview:
        offer = self._offer(effect.capability, "write")
        asked = self._request(effect, offer)
        said = sentence(offer.get("shows", f"{offer['summary']} → {effect.target}"), self._values(effect, offer))
        sent: dict[str, Any] = {"request": f"{asked.method} {self.service.base}{asked.path}"}
        parts = {"query": dict(asked.query), "body": asked.json, "form": asked.form}
        sent |= {name: value for name, value in parts.items() if value}
        undo = offer.get("undo", {})
        how = undo.get("how") or (f"{undo['use']} undoes it" if undo else "")
        return Preview(one_line(said, 300), render_yaml(sent), bool(undo), how)

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        """None also where the receipt does not tell what the undoing would need."""
        offer = self._offer(effect.capability, "write")
        if "undo" not in offer:
            return None
        known = {"external_id": receipt.external_id or None, "url": receipt.url or None, "key": receipt.key}
        values = {**self._values(effect, offer), "receipt": known}
        undoing = offer["undo"]["use"]
        try:
            payload = filled(offer["undo"]["with"], values)
        except ExpressionError as error:
            raise RefusedError(error.message, error.hint) from error
        if set(taken(self.offers[undoing])["required"]) - set(payload):
            return None
        payload["undoes"] = receipt.key
        return replace(effect, capability=undoing, target=self.target(undoing, payload), payload=payload)

    def lookup(self, effect: Effect) -> Lookup:
        offer = self._offer(effect.capability, "write")
        find, known = offer.get("find"), self.offered[effect.capability].authoritative
        if find is None:
            return Lookup(None, authoritative=False)
        asked = request(find["ask"], {**find, "headers": self.headers}, self._values(effect, offer))
        later = tuple(offer.get("later", ()))
        try:
            if find.get("gone"):
                asked.send(self.service, later=later)
                return Lookup(None, authoritative=known)
            for item in items(self.service, asked, find, later):
                if _holds(at(item, find["key"]), effect.key):
                    return Lookup(_outcome(item, find.get("answer", {})), authoritative=known)
        except AnswerError as error:
            if error.status not in _GONE:
                raise
            return Lookup(_outcome(None, {}) if find.get("gone") else None, authoritative=known)
        return Lookup(None, authoritative=known)

    def act(self, effect: Effect) -> Outcome:
        offer = self._offer(effect.capability, "write")
        try:
            answer = self._request(effect, offer).send(self.service, later=tuple(offer.get("later", ())))
        except AnswerError as error:
            if error.status in offer.get("done", ()):
                return _outcome(None, {})
            raise
        return _outcome(answer.data, offer.get("answer", {}))

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        """`{<called>: items, more}`. With a cursor from the oldest new item on: what does not fit comes next time."""
        offer = self._offer(capability, "read")
        cursor = _cursor(params.get("cursor"), offer)
        values = {"params": given(params, taken(offer)), "cursor": cursor.get("newest")}
        headers = {**self.headers, **offer.get("headers", {})}
        asked = request(offer["read"], {**offer, "headers": headers}, values)
        try:
            later = tuple(offer.get("later", ()))
            found = [mapped(item, offer.get("fields")) for item in items(self.service, asked, offer, later)]
        except ExpressionError as error:
            raise AiosError(
                f"{self.name} answers what its `fields` do not expect: {error.message}", error.hint
            ) from error
        by, limit = offer.get("cursor"), int(params.get("limit", LIMIT))
        if by:
            found = _fresh(found, by, cursor)
        told = portion(found, limit)
        data = {list_name(offer, capability): told, "more": len(told) < len(found)}
        return Collected(data, cursor=_after(told, by, cursor) if by else None)

    def check(self) -> Sequence[Finding]:
        if not self.test:
            return []
        try:
            request(self.test, {"headers": self.headers}, {}).send(self.service)
        except AiosError as error:
            return [Finding(f"state/connectors/{self.name}.yaml", 0, 0, "service", error.message, error.hint)]
        return []

    def _offer(self, capability: str, kind: str) -> Offer:
        offer = self.offers.get(capability)
        if offer is None or kind not in offer:
            offers = ", ".join(name for name, each in self.offers.items() if kind in each) or "nothing of that kind"
            raise RefusedError(f"{self.name} does not offer {one_line(capability)}", f"it offers {offers}")
        return offer

    def _request(self, effect: Effect, offer: Offer) -> Request:
        headers = {**self.headers, **offer.get("headers", {})}
        if "idempotency" in offer:
            headers[offer["idempotency"]] = effect.key
        return request(offer["write"], {**offer, "headers": headers}, self._values(effect, offer))

    def _values(self, effect: Effect, offer: Offer) -> dict[str, Any]:
        return {"payload": given(effect.payload, taken(offer)), "key": effect.key}


def _holds(value: Any, key: str) -> bool:
    """Is the key there: alone, in a text, or in a list of them?"""
    return (
        any(_holds(each, key) for each in value) if isinstance(value, list) else isinstance(value, str) and key in value
    )


def _outcome(data: Any, answer: Mapping[str, str]) -> Outcome:
    """What the service tells of what it did; the same from the act and from a look-up."""
    name, url = (at(data, answer[each]) if each in answer else None for each in ("id", "url"))
    found = "" if name is None else one_line(str(name), 255)
    return Outcome(found, one_line(url, 2_000) if isinstance(url, str) else "", {"id": found})


def _order(value: Any) -> tuple[bool, Any]:
    """Numbers by their size, before texts by their letters."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return (not number, value if number else str(value))


def _cursor(given: Any, offer: Offer) -> Mapping[str, Any]:
    if not given or not offer.get("cursor"):
        return {}
    if "newest" not in given or not isinstance(given.get("seen"), list):
        raise UsageError("the cursor is none of this connector", "delete it to read everything again")
    return dict(given)


def _fresh(found: list[dict[str, Any]], by: str, cursor: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is not older than the cursor and was not told with it, the oldest first."""
    items = sorted((it for it in found if it.get(by) is not None), key=lambda it: _order(it[by]))
    if not cursor:
        return items
    newest, seen = cursor["newest"], cursor["seen"]
    return [it for it in items if _order(it[by]) >= _order(newest) and not (it[by] == newest and _mark(it) in seen)]


def _after(told: list[dict[str, Any]], by: str, cursor: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if not told:
        return cursor or None
    newest = told[-1][by]
    before = cursor["seen"] if cursor and cursor["newest"] == newest else []
    return {"newest": newest, "seen": sorted({*before, *(_mark(it) for it in told if it[by] == newest)})}


def _mark(item: Mapping[str, Any]) -> str:
    """What tells an item from others of the same moment."""
    return str(item["id"])[:200] if item.get("id") is not None else key_of(dict(item))


def connect(name: str, settings: Mapping[str, Any], around: Surroundings) -> Manifest:
    auth = settings.get("auth", {})
    service = Service(
        name,
        str(settings["url"]).rstrip("/"),
        credentials=_credentials(auth, around.need),
        signature=_signature(auth, around.need),
        told=around.told(name),
    )
    headers = {str(key): str(value) for key, value in settings.get("headers", {}).items()}
    return Manifest(name, service, settings["offers"], capabilities(settings), headers, settings.get("test", ""))


def _credentials(auth: Mapping[str, Any], need: Callable[[Mapping[str, Any]], str]) -> Callable[[], Mapping[str, str]]:
    def headers() -> Mapping[str, str]:
        match auth:
            case {"bearer": key}:
                return {"Authorization": f"Bearer {need(key)}"}
            case {"basic": {"user": user, "password": password}}:
                who = user if isinstance(user, str) else need(user)
                return {"Authorization": f"Basic {base64.b64encode(f'{who}:{need(password)}'.encode()).decode()}"}
            case {"header": {"name": name, "value": key}}:
                return {str(name): need(key)}
        return {}

    return headers


def _signature(auth: Mapping[str, Any], need: Callable[[Mapping[str, Any]], str]) -> Callable[[], Mapping[str, str]]:
    def parameters() -> Mapping[str, str]:
        return {str(auth["query"]["name"]): need(auth["query"]["value"])} if "query" in auth else {}

    return parameters
