"""The manifest: what the operator writes of a service in `settings`, as a schema and as capabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.domain.effect import Capability

NAME = r"^[a-z][a-z0-9_-]*\.[a-z][a-z0-9_-]*$"
LIMIT = 100
UNKNOWN = "nothing: the service cannot be asked, so a doubt becomes a question to you"
_KEY = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$", "description": "What it undoes."}
_PATH = {
    "type": "string",
    "pattern": r"^[^\s.]+(?:\.[^\s.]+)*$",
    "patternErrorMessage": "names joined by points, such as data.items; a number counts in a list, from 0",
}
_REQUEST = {
    "type": "string",
    "pattern": r"^(?:GET|POST|PUT|PATCH|DELETE) /",
    "patternErrorMessage": "a method and a path, such as GET /tickets",
}
_SECRET = {
    "type": "object",
    "required": ["env"],
    "additionalProperties": False,
    "properties": {"env": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}},
    "description": "The name of an environment variable.",
}
_TOKEN = {"type": "string", "pattern": r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", "patternErrorMessage": "a header's name"}
_NAMED = {
    "type": "object",
    "required": ["name", "value"],
    "additionalProperties": False,
    "properties": {"name": _TOKEN, "value": _SECRET},
}
_SCALARS = {"type": "object", "additionalProperties": {"type": ["string", "integer", "number", "boolean"]}}
_SIZE = {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "integer", "minimum": 1}}
_PAGES = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "next": {**_PATH, "description": "Where an answer tells what comes next: an address, or what `as` sends."},
        "as": {"type": "string", "description": "The parameter in which `next` is sent back."},
        "number": {"type": "string", "description": "The parameter that counts pages."},
        "first": {"type": "integer", "minimum": 0, "maximum": 1, "description": "The first page's number; 1."},
        "offset": {"type": "string", "description": "The parameter that counts items."},
        "link": {"const": True, "description": "The header Link tells the next address."},
        "size": {**_SIZE, "description": "The parameter for how many there are in a page: {per_page: 100}."},
    },
}
_ANSWER = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"id": _PATH, "url": _PATH},
    "description": "Where the service tells the id and the address of what it did.",
}
_FIND = {
    "type": "object",
    "required": ["ask"],
    "additionalProperties": False,
    "properties": {
        "ask": {**_REQUEST, "description": "The request that tells whether it was done."},
        "query": _SCALARS,
        "items": {**_PATH, "description": "The list in the answer; the answer itself is the one item where left out."},
        "pages": _PAGES,
        "key": {**_PATH, "description": "The field of an item in which the effect's key is, alone or among others."},
        "gone": {"const": True, "description": "It was done if the service has no such thing (404, 410)."},
        "answer": _ANSWER,
        "proves": {"type": "boolean", "description": "Not to find it proves that it was not done."},
    },
}
_STATUSES = {"type": "array", "items": {"type": "integer", "minimum": 400, "maximum": 599}}
_OFFER = {
    "type": "object",
    "additionalProperties": False,
    "required": ["summary"],
    "properties": {
        "summary": {"type": "string", "minLength": 1, "description": "What it is for."},
        "read": {**_REQUEST, "description": "The request that reads."},
        "write": {**_REQUEST, "description": "The request that does it."},
        "takes": {
            "type": "object",
            "additionalProperties": {"type": ["string", "object"]},
            "description": "What it is given: name → string, integer, number, boolean or a JSON Schema; `name?` may be"
            " left out.",
        },
        "gives": {
            "type": "object",
            "additionalProperties": {"type": ["string", "object"]},
            "description": "What an item of a read is known to hold, like `takes`; what differs is told as drift.",
        },
        "query": {**_SCALARS, "description": "Parameters of the address."},
        "headers": _SCALARS,
        "body": {"description": "What is sent, as JSON."},
        "form": {**_SCALARS, "description": "What is sent, as a form."},
        "items": {**_PATH, "description": "The list in the answer; the answer itself where left out."},
        "called": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$", "description": "What the list is called here."},
        "fields": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "string"},
            "description": "Our name → theirs (a path, or an expression over `item`); as they are where left out.",
        },
        "pages": _PAGES,
        "cursor": {"type": "string", "description": "The field of ours that grows: the next read begins behind it."},
        "idempotency": {**_TOKEN, "description": "The header that carries the effect's key."},
        "answer": _ANSWER,
        "target": {"type": "string", "description": "Where it lands, in a few words."},
        "shows": {"type": "string", "description": "What the preview says, in one sentence."},
        "find": {**_FIND, "description": "How an earlier attempt is found again."},
        "undo": {
            "type": "object",
            "required": ["use", "with"],
            "additionalProperties": False,
            "properties": {
                "use": {"type": "string", "description": "The offer that undoes it."},
                "with": {"type": "object", "description": "What that one is given."},
                "how": {"type": "string", "description": "How it is undone, in one sentence."},
            },
        },
        "later": {**_STATUSES, "description": "Statuses after which a later attempt may work, beside the usual ones."},
        "done": {**_STATUSES, "description": "Statuses that mean that it is done already."},
    },
}

SETTINGS: Mapping[str, Any] = {
    "type": "object",
    "required": ["url", "offers"],
    "additionalProperties": False,
    "properties": {
        "url": {
            "type": "string",
            "pattern": r"^https?://[^\s/?#@]+(?:/[^\s?#]*)?$",
            "patternErrorMessage": "a URL starts with https:// (or http://), without ? and #",
            "description": "What all addresses begin with.",
        },
        "auth": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
            "properties": {
                "bearer": _SECRET,
                "basic": {
                    "type": "object",
                    "required": ["user", "password"],
                    "additionalProperties": False,
                    "properties": {"user": {"anyOf": [{"type": "string"}, _SECRET]}, "password": _SECRET},
                },
                "header": _NAMED,
                "query": _NAMED,
            },
            "description": "Who we are: one of bearer, basic, header, query.",
        },
        "headers": {**_SCALARS, "description": "Headers of every request. No secrets."},
        "test": {**_REQUEST, "pattern": "^GET /", "description": "A request that shows whether the key works."},
        "offers": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": NAME},
            "additionalProperties": _OFFER,
            "description": "Capability → how it is asked for.",
        },
    },
}


def taken(offer: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of what an offer is given, from its `takes`."""
    given = offer.get("takes", {})
    return {
        "type": "object",
        "required": sorted(name for name in given if not name.endswith("?")),
        "additionalProperties": False,
        "properties": {
            name.removesuffix("?"): {"type": kind} if isinstance(kind, str) else kind for name, kind in given.items()
        },
    }


def schema_of(offer: Mapping[str, Any]) -> dict[str, Any]:
    """What a caller may give: what it takes, and what every read or write is given."""
    schema = taken(offer)
    more: dict[str, Any] = {"undoes": _KEY}
    if "read" in offer:
        more = {
            "limit": {"type": "integer", "minimum": 1, "maximum": 1_000, "description": f"Most items; {LIMIT}."},
            **({"cursor": {"type": "object"}} if offer.get("cursor") else {}),
        }
    return {**schema, "properties": {**more, **schema["properties"]}}


def list_name(offer: Mapping[str, Any], name: str) -> str:
    """What the list of a read is called: as it says, or as the capability's first word."""
    return str(offer.get("called", name.partition(".")[0]))


def given_by(offer: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The JSON Schema of what a read gives, from its `gives`; nothing where the manifest does not say."""
    if "gives" not in offer:
        return {}
    item = {key: each for key, each in taken({"takes": offer["gives"]}).items() if key != "additionalProperties"}
    called = list_name(offer, name)
    properties = {called: {"type": "array", "items": item}, "more": {"type": "boolean"}}
    return {"type": "object", "required": [called], "properties": properties}


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Capability]:
    """What the manifest offers."""
    return {name: _capability(name, offer) for name, offer in settings["offers"].items()}


def _capability(name: str, offer: Mapping[str, Any]) -> Capability:
    later = ("429", "5xx", "timeout", *map(str, offer.get("later", ())))
    if "read" in offer:
        cursor = bool(offer.get("cursor"))
        return Capability(
            name,
            False,
            schema_of(offer),
            summary=offer["summary"],
            transient=later,
            result=given_by(offer, name),
            cursor=cursor,
        )
    find = offer.get("find")
    return Capability(
        name,
        True,
        schema_of(offer),
        offer["undo"]["use"] if "undo" in offer else "",
        offer["summary"],
        lookup=(find["ask"] + (" finds nothing" if find.get("gone") else f", {find.get('key')}")) if find else UNKNOWN,
        authoritative=bool(find and (find.get("proves") or find.get("gone"))),
        shows="the request that is sent, without the key",
        transient=later,
    )
