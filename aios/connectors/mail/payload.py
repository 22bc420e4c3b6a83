"""What `mail.send` takes, and how it is shown before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aios.connectors.mail.settings import PERSON, UNSUBSCRIBE
from aios.domain.keys import digest

_ID = {"type": "string", "minLength": 3, "maxLength": 700}
_SHOWN = (
    "From", "To", "Reply-To", "Subject", "Message-ID", "In-Reply-To", "References", "List-Id", "List-Unsubscribe",
    "List-Unsubscribe-Post", "Auto-Submitted",
)  # fmt: skip

PAYLOAD: Mapping[str, Any] = {
    "type": "object",
    "required": ["id", "recipients", "subject", "markdown"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 200, "description": "The record it is made from."},
        "recipients": {
            "type": "array",
            "minItems": 1,
            "maxItems": 5_000,
            "items": PERSON,
            "description": "Each gets a mail of their own, and sees nobody else.",
        },
        "subject": {
            "type": "string",
            "maxLength": 300,
            "pattern": r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$",
            "patternErrorMessage": "a subject is one line, and not empty",
        },
        "markdown": {"type": "string", "minLength": 1, "maxLength": 500_000, "description": "Markdown without HTML."},
        "from": {**PERSON, "description": "Who sends; the settings' where left out."},
        "reply_to": {"type": "string", "maxLength": 254},
        "in_reply_to": {**_ID, "description": "The Message-ID of the mail that it answers."},
        "references": {"type": "array", "items": _ID, "maxItems": 500, "description": "Those of its thread."},
        "attachments": {
            "type": "array",
            "maxItems": 20,
            "items": {
                "type": "object",
                "required": ["name", "media_type", "path", "sha256"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 150},
                    "media_type": {"type": "string", "maxLength": 150},
                    "path": {"type": "string", "minLength": 1, "maxLength": 1_000, "description": "In the company."},
                    "sha256": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
                },
            },
        },
        "list": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 100}, "unsubscribe": UNSUBSCRIBE},
            "description": "The list that it goes to: readers are told how to leave it.",
        },
    },
}


def shown(content: bytes) -> str:
    """A message as a person reads it: the headers that we write, the plain text, the HTML, what is attached.

    All of it but the date and how it is encoded: two messages that are shown alike say the same.
    """
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)  # noqa: S101  what this policy makes
    # Not as the policy reads them: it leaves blanks between the encoded words of a name.
    written = dict(message.raw_items())
    lines = [f"{name}: {_letters(written[name])}" for name in _SHOWN if name in written]
    for part in message.iter_attachments():
        raw = part.get_payload(decode=True)
        found = digest(raw if isinstance(raw, bytes) else b"")
        lines.append(attached(str(part.get_filename()), part.get_content_type(), found))
    plain, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    texts = [part.get_content().replace("\r\n", "\n") if part else "" for part in (plain, html)]
    return "\n".join([*lines, "", texts[0], "The same as HTML:", "", texts[1]])


def _letters(value: str) -> str:
    return " ".join(str(make_header(decode_header(" ".join(value.split())))).split())


def attached(name: str, media_type: str, sha256: str) -> str:
    return f"Attached: {name} ({media_type}, {sha256})"
