"""What is wrong with a manifest that fits its schema: found when the files are checked, not when a request fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aios.connectors.http_manifest.manifest import UNKNOWN, taken
from aios.domain.finding import Severity
from aios.domain.record import Where
from aios.expressions import ExpressionError, Scope, compile_value, declare, holes
from aios.store.explain import did_you_mean

Wrong = tuple[Where, str, str, Severity]
Offer = Mapping[str, Any]
_BOTH = ("summary", "takes", "query", "headers", "body", "form", "later")
_READS = ("read", "items", "called", "fields", "pages", "cursor")
_WRITES = ("write", "idempotency", "answer", "target", "shows", "find", "undo", "done")
_TYPES = ("string", "integer", "number", "boolean", "array", "object")
_ANY: Mapping[str, Any] = {}


def wrong(settings: Mapping[str, Any]) -> Iterator[Wrong]:
    """Where in the settings, what, and what to do about it."""
    offers: Mapping[str, Offer] = settings["offers"]
    for name, offer in offers.items():
        where: Where = ("offers", name)
        if ("read" in offer) == ("write" in offer):
            yield _error(where, f"`{name}` has both `read` and `write`, or neither", "write: POST /things")
            continue
        yield from _takes(where, offer)
        if not any(True for _ in _takes(where, offer)):
            yield from _offer(where, offer, offers, settings)


def _error(where: Where, message: str, hint: str) -> Wrong:
    return where, message, hint, Severity.ERROR


def _takes(where: Where, offer: Offer) -> Iterator[Wrong]:
    from jsonschema import Draft7Validator
    from jsonschema.exceptions import SchemaError

    for name, kind in offer.get("takes", {}).items():
        place = (*where, "takes", name)
        if isinstance(kind, str) and kind not in _TYPES:
            yield _error(
                place, f"`{kind[:40]}` is no type", did_you_mean(kind, _TYPES) or f"there are {', '.join(_TYPES)}"
            )
        if name.removesuffix("?") in {"undoes", "cursor", "limit"}:
            yield _error(place, f"`{name}` is given by itself", "choose another name, or leave it out")
        if isinstance(kind, Mapping):
            try:
                Draft7Validator.check_schema(dict(kind))
            except SchemaError as error:
                yield _error(
                    place, f"`{name}` is no JSON Schema: {error.message[:120]}", "{type: string, maxLength: 80}"
                )


def _offer(where: Where, offer: Offer, offers: Mapping[str, Offer], settings: Mapping[str, Any]) -> Iterator[Wrong]:
    reads = "read" in offer
    kind, known = ("read", _READS) if reads else ("write", _WRITES)
    for name in offer:
        if name not in _BOTH and name not in known:
            yield _error(
                (*where, name), f"`{name}` means nothing for a {kind}", f"there are {', '.join((*_BOTH, *known))}"
            )
    if reads and not offer["read"].startswith(("GET ", "POST ")):
        yield _error(
            (*where, "read"), "a read only asks: GET, or POST for a search", "`write` is for what changes things"
        )
    if not reads and offer["write"].startswith("GET "):
        yield _error((*where, "write"), "GET changes nothing", "POST, PUT, PATCH or DELETE; `read` is for questions")
    if "body" in offer and "form" in offer:
        yield _error((*where, "form"), "there is a `body` already", "keep one of them")
    scope = _scope(offer)
    yield from _request((*where, kind), offer[kind], scope)
    for name in ("query", "headers", "body", "form", "shows", "target"):
        if name in offer:
            yield from _template((*where, name), offer[name], scope if name != "target" else _only(scope, "payload"))
    yield from _pages(where, offer)
    yield from _auth((*where, "query"), offer, settings)
    if reads:
        yield from _mapping(where, offer)
    else:
        yield from _find(where, offer, scope)
        yield from _undo(where, offer, offers, scope)


def _scope(offer: Offer) -> Scope:
    if "read" in offer:
        return Scope({**declare("params", taken(offer)), "cursor": _ANY})
    return Scope({**declare("payload", taken(offer)), "key": {"type": "string"}})


def _only(scope: Scope, root: str) -> Scope:
    return Scope({name: schema for name, schema in scope.names.items() if name.partition(".")[0] == root})


def _template(where: Where, value: Any, scope: Scope) -> Iterator[Wrong]:
    """Every expression in a template names what there is."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _template((*where, name), each, scope)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _template((*where, index), each, scope)
    elif isinstance(value, str):
        try:
            for hole in holes(value):
                compile_value(hole, scope)
        except ExpressionError as error:
            yield _error(where, error.message, error.hint)


def _request(where: Where, wanted: str, scope: Scope) -> Iterator[Wrong]:
    yield from _template(where, wanted, scope)
    path = wanted.partition(" ")[2]
    try:
        for hole in holes(path):
            path = path.replace(f"${{{{{hole}}}}}", "x")
    except ExpressionError:
        return  # said already
    if "?" in path or "#" in path or " " in path:
        yield _error(where, "`?`, `#` and spaces have no place in a path", "write parameters in `query`")
    if {".", ".."} & set(path.split("/")):
        yield _error(where, "`.` and `..` lead elsewhere", "write the path itself")


def _pages(where: Where, offer: Offer) -> Iterator[Wrong]:
    pages = offer.get("pages")
    if pages is None:
        return
    place = (*where, "pages")
    ways = [name for name in ("next", "number", "offset", "link") if name in pages]
    if len(ways) != 1:
        said = f"it has {' and '.join(ways)}" if ways else "it has none"
        yield _error(
            place, f"`pages` needs one of next, number, offset and link; {said}", "{next: meta.next, as: cursor}"
        )
    if "as" in pages and "next" not in pages:
        yield _error((*place, "as"), "`as` needs `next`", "{next: meta.next, as: cursor}")
    if "offset" in pages and "size" not in pages:
        yield _error(place, "`offset` needs `size`", "{offset: offset, size: {limit: 100}}")


def _auth(where: Where, offer: Offer, settings: Mapping[str, Any]) -> Iterator[Wrong]:
    name = settings.get("auth", {}).get("query", {}).get("name")
    if name is not None and name in offer.get("query", {}):
        yield _error((*where, name), f"`{name}` is the parameter that carries the key", "leave it out here")


def _mapping(where: Where, offer: Offer) -> Iterator[Wrong]:
    fields = offer.get("fields", {})
    for name, their in fields.items():
        if "${{" in their:
            yield from _template((*where, "fields", name), their, Scope({"item": _ANY}))
        elif not all(their.split(".")) or " " in their:
            yield _error(
                (*where, "fields", name), f"`{their[:60]}` is no path", "names joined by points: requester.email"
            )
    by = offer.get("cursor")
    if by is not None and by not in fields:
        hint = did_you_mean(by, fields) or "name one of `fields` that grows, such as updated"
        yield _error((*where, "cursor"), f"`fields` has no `{by}`", hint)


def _find(where: Where, offer: Offer, scope: Scope) -> Iterator[Wrong]:
    find, place = offer.get("find"), (*where, "find")
    if find is None:
        message = f"without `find` an earlier attempt is found by {UNKNOWN}"
        yield where, message, "find: {ask: GET /things, items: data, key: external_id, proves: true}", Severity.WARNING
        return
    yield from _request((*place, "ask"), find["ask"], scope)
    yield from _template((*place, "query"), find.get("query", {}), scope)
    yield from _pages(place, find)
    if ("key" in find) == ("gone" in find):
        yield _error(place, "`find` needs either `key` or `gone`", "key: external_id")
    if not find["ask"].startswith(("GET ", "POST ")):
        yield _error((*place, "ask"), "a look-up only asks: GET, or POST for a search", "GET /things")
    if "key" in find and "idempotency" not in offer and not _names_key(offer):
        message = "nothing that is sent carries the key: no look-up could find it"
        yield _error((*place, "key"), message, 'put "${{ key }}" into `body`, `form` or `query`')


def _names_key(offer: Offer) -> bool:
    sent = [offer["write"], offer.get("body"), offer.get("form"), offer.get("query"), offer.get("headers")]
    try:
        return any("key" in hole for hole in holes(sent))
    except ExpressionError:
        return True  # said already


def _undo(where: Where, offer: Offer, offers: Mapping[str, Offer], scope: Scope) -> Iterator[Wrong]:
    undo, place = offer.get("undo"), (*where, "undo")
    if undo is None:
        return
    other = offers.get(undo["use"])
    if other is None or "write" not in other:
        writes = [name for name, each in offers.items() if "write" in each]
        hint = did_you_mean(undo["use"], writes) or f"there are {', '.join(writes)}"
        yield _error((*place, "use"), f"there is no write `{undo['use'][:60]}`", hint)
        return
    receipt = {"type": "object", "properties": {name: {"type": "string"} for name in ("external_id", "url", "key")}}
    yield from _template((*place, "with"), undo["with"], Scope({**scope.names, **declare("receipt", receipt)}))
    takes = taken(other)
    for name in undo["with"]:
        if name not in takes["properties"]:
            hint = did_you_mean(name, takes["properties"]) or f"it takes {', '.join(takes['properties']) or 'nothing'}"
            yield _error((*place, "with", name), f"{undo['use']} takes no `{name}`", hint)
    for name in takes["required"]:
        if name not in undo["with"]:
            yield _error((*place, "with"), f"{undo['use']} needs `{name}`", f"{name}: ${{{{ receipt.external_id }}}}")
