"""Delivery status notifications (RFC 3464): which mail came back, to whom it was, and whether for good."""

from __future__ import annotations

import re
from email.message import Message
from typing import Any

from aios.domain.event import one_line

_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})")
_ADDRESS = re.compile(r"[^\s<>;,\"()]{1,64}@[^\s<>;,\"()]{1,253}")
_ID = re.compile(r"^message-id:\s*(<[^<>\s]{3,900}>)", re.IGNORECASE | re.MULTILINE)


def bounce_of(message: Message, parts: list[Message]) -> dict[str, Any] | None:
    """`{email, permanent, status, reason, message_id}` of a notice about one recipient; None for any other mail.

    `message_id` is that of the mail that came back, empty where the notice does not hold it. Anybody can write such a
    notice: it is worth something where `message_id` is that of a mail that was sent.
    """
    status = next((part for part in parts if part.get_content_type() == "message/delivery-status"), None)
    if status is None:
        return _by_header(message, parts)
    groups: Any = status.get_payload()
    told = [each for each in groups if isinstance(each, Message)] if isinstance(groups, list) else []
    for action in ("failed", "delayed"):
        for group in told:
            if str(group.get("Action", "")).strip().lower() == action and (email := _recipient(group)):
                return _told(group, email, parts, failed=action == "failed")
    return None


def _told(group: Message, email: str, parts: list[Message], *, failed: bool) -> dict[str, Any]:
    found = _STATUS.match(str(group.get("Status", "")))
    status = found[1] if found else ""
    return {
        "email": email,
        "permanent": failed and not status.startswith("4"),
        "status": status,
        "reason": one_line(str(group.get("Diagnostic-Code", "")).partition(";")[2].strip(), 300),
        "message_id": _original(parts),
    }


def _recipient(group: Message) -> str:
    for name in ("Original-Recipient", "Final-Recipient"):
        found = _ADDRESS.search(str(group.get(name, "")).partition(";")[2])
        if found:
            return found[0]
    return ""


def _by_header(message: Message, parts: list[Message]) -> dict[str, Any] | None:
    """Servers that write no status name the address in a header, of a mail that has no sender."""
    if str(message.get("Return-Path", "")).strip() != "<>":
        return None
    found = _ADDRESS.search(str(message.get("X-Failed-Recipients", "")))
    if not found:
        return None
    return {"email": found[0], "permanent": True, "status": "", "reason": "", "message_id": _original(parts)}


def _original(parts: list[Message]) -> str:
    """The identifier of the mail that came back, from its headers in the notice."""
    for part in parts:
        if part.get_content_type() == "message/rfc822" and isinstance(inner := part.get_payload(), list):
            named = "".join(
                f"Message-ID: {str(e.get('Message-ID', '')).strip()}" for e in inner[:1] if isinstance(e, Message)
            )
            found = _ID.match(named)
            return found[1] if found else ""
        if part.get_content_type() == "text/rfc822-headers":
            payload = part.get_payload(decode=True)
            found = _ID.search(payload.decode("utf-8", "replace")) if isinstance(payload, bytes) else None
            if found:
                return found[1]
    return ""
