"""New mail since the last read, in bounds, without leaving a trace in the mailbox.

A folder's place is its UIDVALIDITY and the last UID that was read. Where the validity changed, its messages were
numbered anew: they are read again, and their ids tell which ones were known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from aios.connectors.mail.imap import Opened, Session, session, since
from aios.connectors.mail.parse import parsed
from aios.connectors.mail.settings import Mailbox
from aios.domain.effect import Collected
from aios.domain.event import one_line
from aios.domain.finding import Finding
from aios.errors import RefusedError, UsageError

_DAYS = 30  # that the first read looks back
_MOST = 100  # messages of a read
_ANSWER = 48 * 1024  # bytes of JSON of a read: what a step can tell the next
_TEXT = 12_000  # characters of one message
_WHOLE = 2 * 1024 * 1024  # bytes up to which a message is loaded with its attachments
_BEGINNING = 256 * 1024  # bytes of a larger one
_TOTAL = 32 * 1024 * 1024  # bytes loaded in a read
_SIZES = 500  # messages whose sizes are asked for at a time

PARAMS: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "since": {
            "type": "string",
            "pattern": r"^\d{4}-\d{2}-\d{2}",
            "description": "The day from which the first read brings mail; 30 days back where left out.",
        },
        "limit": {"type": "integer", "minimum": 1, "maximum": 1_000, "description": "Most messages; 100."},
        "cursor": {"type": "object", "description": "What the last read gave."},
    },
}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_NULLABLE = {"type": ["string", "null"]}
RESULT: Mapping[str, Any] = {
    "type": "object",
    "required": ["messages", "more"],
    "properties": {
        "more": {"type": "boolean", "description": "Is there new mail that did not fit? The next read brings it."},
        "messages": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "from", "to", "subject", "date", "text", "attachments", "automatic", "bounce"],
                "properties": {
                    "id": {"type": "string", "description": "Its Message-ID, in brackets."},
                    "from": {
                        "type": "object",
                        "required": ["email", "name"],
                        "properties": {"email": {"type": "string"}, "name": {"type": "string"}},
                    },
                    "to": _TEXTS,
                    "reply_to": {"type": "string"},
                    "subject": {"type": "string"},
                    "date": {"type": "string", "description": "As it says itself; UTC."},
                    "text": {"type": "string", "description": "Without what it quotes at its end."},
                    "quoted": {"type": "string"},
                    "in_reply_to": {"type": "string"},
                    "references": _TEXTS,
                    "attachments": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["name", "media_type", "bytes", "sha256"],
                            "properties": {
                                "name": {"type": "string"},
                                "media_type": {"type": "string"},
                                "bytes": {"type": ["integer", "null"]},
                                "sha256": _NULLABLE,
                            },
                        },
                    },
                    "automatic": {"type": "boolean", "description": "Written by a machine, or to many."},
                    "bounce": {
                        "type": ["object", "null"],
                        "required": ["email", "permanent"],
                        "properties": {
                            "email": {"type": "string"},
                            "permanent": {"type": "boolean"},
                            "status": {"type": "string"},
                            "reason": {"type": "string"},
                            "message_id": {"type": "string", "description": "Of the mail that came back."},
                            "ours": {"type": "boolean", "description": "Did this machine send that one?"},
                        },
                    },
                    "folder": {"type": "string"},
                },
            },
        },
    },
}


def collect(name: str, mailbox: Mailbox, params: Mapping[str, Any], now: datetime) -> Collected:
    """Raises RefusedError where no mail is read here, UsageError for a day that is none."""
    if mailbox.imap is None:
        raise RefusedError(f"{name} only sends", f"`imap` in state/connectors/{name}.yaml says where mail is read from")
    places = dict(params.get("cursor") or {})
    start = _day(params, now)
    with session(name, mailbox.imap) as mail:
        opened = mail.open(mailbox.folder)
        last = _place(places.get(mailbox.folder), opened)
        new = _new(mail, opened, last, start)
        messages, findings, reached = _read(mail, mailbox.folder, new, int(params.get("limit") or _MOST))
    done = reached == len(new)
    # What is there and older than what was asked for is passed over once and for all.
    after = max([last, *new[:reached], opened.next - 1 if done else 0])
    places[mailbox.folder] = {"validity": opened.validity, "uid": after}
    data = {"messages": messages, "more": not done}
    return Collected(data, findings=tuple(findings), cursor=dict(sorted(places.items())))


def _day(params: Mapping[str, Any], now: datetime) -> datetime:
    if not params.get("since"):
        return now - timedelta(days=_DAYS)
    try:
        return datetime.fromisoformat(str(params["since"])[:10])
    except ValueError as error:
        raise UsageError(f"`since` is no day: {one_line(str(params['since']), 40)}", "like 2026-03-01") from error


def _place(kept: Any, opened: Opened) -> int:
    """The last UID that was read; 0 where nothing was, or the folder was numbered anew."""
    known = isinstance(kept, Mapping) and kept.get("validity") == opened.validity
    return int(kept["uid"]) if known and isinstance(kept.get("uid"), int) else 0


def _new(mail: Session, opened: Opened, last: int, start: datetime) -> list[int]:
    if opened.next and last >= opened.next - 1:
        return []
    # A range that begins behind the last message means the last one all the same: what is known is left out.
    found = mail.uids("UID", f"{last + 1}:*", *(() if last else since(start.date())))
    return [uid for uid in found if uid > last]


def _read(mail: Session, folder: str, uids: list[int], limit: int) -> tuple[list[dict[str, Any]], list[Finding], int]:
    """Messages in their order, what was odd, and how many of `uids` were read."""
    messages: list[dict[str, Any]] = []
    findings: list[Finding] = []
    answer, loaded, reached = 0, 0, 0
    for index in range(0, min(len(uids), limit), _SIZES):
        batch = uids[index : index + min(_SIZES, limit - index)]
        for held in mail.held(batch):
            whole = held.size <= _WHOLE
            loaded += held.size if whole else _BEGINNING
            if messages and loaded > _TOTAL:
                return messages, findings, reached
            content = mail.content(held.uid, _WHOLE if whole else _BEGINNING)
            if not content:
                continue  # it is gone by now
            message, odd = parsed(content, folder=folder, received=held.received, most_text=_TEXT, whole=whole)
            answer += _fitted(message)
            if messages and answer > _ANSWER:
                return messages, findings, reached
            messages.append(message)
            findings += odd
            reached = uids.index(held.uid, reached) + 1
        reached = max(reached, index + len(batch))  # the rest of them are gone by now
    return messages, findings, reached


def _fitted(message: dict[str, Any]) -> int:
    """How many bytes it has as JSON; one that would fill an answer alone is cut until it fits."""
    while (size := len(json.dumps(message, ensure_ascii=False).encode())) > _ANSWER:
        message["quoted"], message["text"] = "", message["text"][: len(message["text"]) // 2].rstrip() + " …"
    return size
