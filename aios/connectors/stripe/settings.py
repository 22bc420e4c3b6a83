"""What the operator says of their account, and what is asked of it: the schemas of this connector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KEY = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
ID = {"type": "string", "pattern": "^[A-Za-z0-9_]{3,255}$"}
CURRENCY = {
    "type": "string",
    "pattern": "^[A-Z]{3}$",
    "description": "ISO 4217: EUR.",
    "patternErrorMessage": "a currency is three capital letters, such as EUR",
}
MOST = 99_999_999  # of an amount: what the service takes
LINES = 100

SETTINGS: Mapping[str, Any] = {
    "type": "object",
    "required": ["key"],
    "additionalProperties": False,
    "properties": {
        "key": {
            "type": "object",
            "required": ["env"],
            "additionalProperties": False,
            "properties": {"env": {"type": "string", "minLength": 1}},
            "description": "A restricted key, {env: NAME}: writes customers and invoices, reads charges and events.",
        },
        "address": {
            "type": "string",
            "pattern": r"^https?://[^\s/?#]+$",
            "patternErrorMessage": "a URL starts with https:// (or http://), without a path",
            "description": "Where its API is; https://api.stripe.com where left out.",
        },
    },
}

READ: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "since": {
            "type": "string",
            "pattern": r"^\d{4}-\d{2}-\d{2}(?:T.*)?$",
            "description": "Nothing that was made before that day or moment (UTC).",
        },
        "limit": {"type": "integer", "minimum": 1, "maximum": 500, "description": "Most of them; 100."},
        "cursor": {"type": "object", "description": "What an earlier read gave: only what is new or changed since."},
    },
}

_AMOUNT = {"type": "integer", "minimum": 0, "maximum": MOST, "description": "In the currency's smallest unit."}

DRAFT: Mapping[str, Any] = {
    "type": "object",
    "required": ["id", "customer", "lines", "currency", "due_days"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 200, "description": "The record it is made from."},
        "customer": {
            "type": "object",
            "required": ["email"],
            "additionalProperties": False,
            "properties": {
                "email": {"type": "string", "pattern": r"^[^@\s]+@[^@\s]+$", "maxLength": 254},
                "name": {"type": "string", "maxLength": 200},
            },
        },
        "lines": {
            "type": "array",
            "minItems": 1,
            "maxItems": LINES,
            "items": {
                "type": "object",
                "required": ["description", "quantity", "amount"],
                "additionalProperties": False,
                "properties": {
                    "description": {"type": "string", "minLength": 1, "maxLength": 500},
                    "quantity": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
                    "amount": {**_AMOUNT, "description": "Price of one, in the currency's smallest unit."},
                },
            },
        },
        "currency": CURRENCY,
        "due_days": {"type": "integer", "minimum": 0, "maximum": 365},
        "memo": {"type": "string", "maxLength": 1_000},
    },
}

DISCARD: Mapping[str, Any] = {
    "type": "object",
    "required": ["id", "invoice"],
    "additionalProperties": False,
    "properties": {
        "id": DRAFT["properties"]["id"],
        "invoice": {**ID, "description": "The invoice as the service calls it."},
        "undoes": {**KEY, "description": "What it undoes."},
    },
}

REMIND: Mapping[str, Any] = {
    "type": "object",
    "required": ["id", "invoice", "amount", "currency"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 200, "description": "One of its own for each reminder."},
        "invoice": DISCARD["properties"]["invoice"],
        "number": {"type": "string", "maxLength": 80},
        "amount": {**_AMOUNT, "description": "What is still to be paid, in the currency's smallest unit."},
        "currency": CURRENCY,
    },
}

_TEXT = {"type": ["string", "null"]}
_MONEY = {"type": "integer"}
_SHAPES: Mapping[str, Mapping[str, Any]] = {
    "customers": {"id": ID, "email": _TEXT, "name": _TEXT, "created": _TEXT},
    "invoices": {
        "id": ID,
        "number": _TEXT,
        "customer": {"type": "object", "properties": {"id": _TEXT, "email": _TEXT, "name": _TEXT}},
        "status": {"enum": ["draft", "open", "paid", "void", "uncollectible"]},
        "amount_due": _MONEY,
        "amount_paid": _MONEY,
        "currency": _TEXT,
        "due": _TEXT,
        "created": _TEXT,
        "url": _TEXT,
        "attempts": _MONEY,
    },
    "payments": {
        "id": ID,
        "invoice": _TEXT,
        "customer": _TEXT,
        "amount": _MONEY,
        "refunded": _MONEY,
        "currency": _TEXT,
        "status": {"enum": ["succeeded", "failed", "pending", "refunded"]},
        "failure": _TEXT,
        "created": _TEXT,
    },
}


def result(what: str) -> Mapping[str, Any]:
    """The schema of what a read gives."""
    item = {"type": "object", "properties": dict(_SHAPES[what]), "required": sorted(_SHAPES[what])}
    properties = {what: {"type": "array", "items": item}, "more": {"type": "boolean"}}
    return {"type": "object", "required": [what, "more"], "properties": properties}
