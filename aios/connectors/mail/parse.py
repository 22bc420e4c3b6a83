"""Whatever arrives, as data: headers decoded where they can be, one readable text, what came with it, never an error.

All of it is text from outside: nothing that hides, no targets of links, bounded everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC
from email import message_from_bytes
from email.header import decode_header
from email.message import Message
from email.policy import compat32
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

from aios.connectors.files.decode import decode
from aios.connectors.files.read import HTML, PLAIN, Raw, document
from aios.connectors.mail.bounces import bounce_of
from aios.connectors.mail.quotes import apart
from aios.domain.event import one_line
from aios.domain.finding import Finding, Severity
from aios.domain.keys import digest
from aios.domain.outside import mended

_DEEPEST = 20  # multiparts in one another
_MOST_PARTS = 200
_MOST_PEOPLE = 30
_MOST_ATTACHMENTS = 20
_MOST_REFERENCES = 20
_LONGEST_SUBJECT = 300
_ID = re.compile(r"<[^<>\s]{3,300}>")
_OF_MACHINES = ("List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond")
_BEGINS = "Mail:\n\n"
_BULK = frozenset({"auto_reply", "bulk", "junk", "list"})


def parsed(
    content: bytes, *, folder: str, received: str, most_text: int, whole: bool
) -> tuple[dict[str, Any], list[Finding]]:
    """A message as `mail.read` gives it, and what was odd. `received` is the server's moment of it; `whole` is False
    where only its beginning was loaded."""
    try:
        message = message_from_bytes(content, policy=compat32)
        parts = list(_parts(message, 0))
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError, AssertionError):
        # What the parser cannot take apart is a mail with a body that nobody can read.
        head = re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0]
        message = message_from_bytes(head + b"\r\n\r\n", policy=compat32)
        parts = []
    identity = _id(message, content)
    place = one_line(f"{folder}: {identity}")
    text, findings = _text(parts, place)
    if len(text) > most_text:
        findings.append(_odd(place, "mail-long", f"its text of {len(text)} characters was cut at {most_text}"))
        text = text[:most_text].rstrip() + " …"
    if not whole:
        findings.append(_odd(place, "mail-large", "only its beginning was read, its attachments were not"))
    new, quoted = apart(text)
    people = _people(message, "From") or [{"email": "", "name": ""}]
    bounce = bounce_of(message, parts)
    return {
        "id": identity,
        "from": people[0],
        "to": [each["email"] for each in _people(message, "To", "Cc")][:_MOST_PEOPLE],
        "reply_to": next((each["email"] for each in _people(message, "Reply-To")), ""),
        "subject": header(message, "Subject", _LONGEST_SUBJECT),
        "date": _moment(message, received),
        "text": new,
        "quoted": quoted,
        "in_reply_to": next(iter(_ids(message, "In-Reply-To")), ""),
        "references": _ids(message, "References")[-_MOST_REFERENCES:],
        "attachments": list(_attachments(parts, whole=whole))[:_MOST_ATTACHMENTS],
        "automatic": bounce is not None or _is_automatic(message),
        "bounce": bounce,
        "folder": folder,
    }, findings


def header(message: Message, name: str, limit: int) -> str:
    """A header in letters, one line; empty where there is none."""
    return one_line(_decoded(str(message.get(name, ""))), limit)


def _decoded(raw: str) -> str:
    """Encoded words as letters; what cannot be decoded stays as it was written."""
    raw = raw.encode("ascii", "surrogateescape").decode("utf-8", "replace") if not _is_clean(raw) else raw
    if "=?" not in raw:
        return mended(raw)
    try:
        pieces = decode_header(raw[:20_000])
    except (ValueError, LookupError, TypeError, AssertionError):
        return mended(raw)
    words = [piece if isinstance(piece, str) else _letters(piece, charset or "ascii") for piece, charset in pieces]
    return mended("".join(words))


def _is_clean(raw: str) -> bool:
    return not any(0xDC80 <= ord(char) <= 0xDCFF for char in raw)


def _letters(content: bytes, charset: str, *, html: bool = False) -> str:
    """Bytes as letters: as they say they are, else as UTF-8, else every byte as one letter."""
    found = decode(content, charset=charset, html=html)
    return found if found is not None else content.decode("latin-1").replace("\0", "")


def _people(message: Message, *names: str) -> list[dict[str, str]]:
    raw = [str(value)[:50_000] for name in names for value in message.get_all(name, [])]
    try:
        found = getaddresses(raw)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []
    people = [
        {"email": one_line(_decoded(email), 254), "name": one_line(_decoded(name), 200)}
        for name, email in found[: _MOST_PEOPLE * 2]
    ]
    return [each for each in people if "@" in each["email"] and " " not in each["email"]]


def _ids(message: Message, name: str) -> list[str]:
    found = _ID.findall(" ".join(str(value) for value in message.get_all(name, []))[:50_000])
    return list(dict.fromkeys(one_line(each, 1_000) for each in found))


def _id(message: Message, content: bytes) -> str:
    """Its own identifier, else one of its headers: the same whenever it is read."""
    own = _ids(message, "Message-ID")
    if own:
        return own[0]
    head = re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0]
    return f"<{digest(head).removeprefix('sha256:')[:40]}@missing.invalid>"


def _moment(message: Message, received: str) -> str:
    """When it was written, as it says, else when the server got it; ISO 8601 UTC, empty where nobody says."""
    for text in (str(message.get("Date", "")), received):
        try:
            found = parsedate_to_datetime(text.strip()[:200])
            aware = found if found.tzinfo else found.replace(tzinfo=UTC)
            return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if 1970 <= aware.year < 9999 else ""
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return ""


def _is_automatic(message: Message) -> bool:
    """Was it written by a machine, or to many?"""
    submitted = str(message.get("Auto-Submitted", "no")).split(";")[0].strip().lower()
    return (
        submitted not in {"", "no"}
        or str(message.get("Precedence", "")).strip().lower() in _BULK
        or any(
            message.get(name) is not None for name in ("List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond")
        )
        or str(message.get("Return-Path", "")).strip() == "<>"
    )


def _parts(message: Message, depth: int) -> Iterator[Message]:
    """Its parts, but not those of a mail within it."""
    kind, payload = message.get_content_type(), message.get_payload()
    if not isinstance(payload, list) or not kind.startswith("multipart/"):
        yield message
    elif depth < _DEEPEST:
        for part in payload[:_MOST_PARTS]:
            if isinstance(part, Message):
                yield from _parts(part, depth + 1)


def _is_attached(part: Message) -> bool:
    disposition = str(part.get("Content-Disposition", "")).split(";")[0].strip().lower()
    if disposition == "attachment" or (_filename(part) and disposition != "inline"):
        return True
    return part.get_content_maintype() not in {"text", "multipart"}  # a multipart without parts is a text


def _text(parts: Iterable[Message], place: str) -> tuple[str, list[Finding]]:
    """The readable text of a mail: what is written as plain text, else what its HTML shows."""
    shown = [part for part in parts if not _is_attached(part)][:_MOST_PARTS]
    for kind in (PLAIN, HTML):
        texts: list[str] = []
        findings: list[Finding] = []
        for part in shown:
            if (part.get_content_type() == HTML) == (kind == HTML):
                found, odd = _readable(part, kind, place)
                texts += [found] if found else []
                findings += odd
        if texts:
            return "\n\n".join(texts), findings
    return "", []


def _readable(part: Message, kind: str, place: str) -> tuple[str, list[Finding]]:
    content = _bytes(part)
    text = _letters(content, _charset(part), html=kind == HTML)
    # What would be the front matter of a file is text of a mail: a mail begins with something else.
    begins = _BEGINS if kind == PLAIN else ""
    found, odd = document(Raw(place, "", (begins + mended(text)).encode(), kind, "utf-8"))
    kept = [each for each in odd if each.severity is not Severity.ERROR]
    return (found.text.removeprefix(begins.strip()).strip("\n") if found else ""), kept


def _bytes(part: Message) -> bytes:
    """What a part holds, decoded as far as it can be."""
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, TypeError, AssertionError):
        payload = None
    if isinstance(payload, bytes):
        return payload
    raw = part.get_payload()
    return raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else b""


def _charset(part: Message) -> str:
    try:
        return str(part.get_content_charset() or "")
    except (ValueError, LookupError, TypeError):
        return ""


def _filename(part: Message) -> str:
    try:
        return one_line(_decoded(part.get_filename() or ""), 200)
    except (ValueError, LookupError, TypeError):
        return ""


def _attachments(parts: list[Message], *, whole: bool) -> Iterator[dict[str, Any]]:
    """The last part of a mail that was not loaded whole is cut off: its size and hash are nobody's knowledge."""
    for part in parts:
        kind = part.get_content_type()
        if kind in {"message/delivery-status", "message/rfc822", "text/rfc822-headers"} or not _is_attached(part):
            continue
        cut = not whole and part is parts[-1]
        content = b"" if cut else _bytes(part)
        yield {
            "name": one_line(_filename(part), 120) or "unnamed",
            "media_type": one_line(kind, 100),
            "bytes": None if cut else len(content),
            "sha256": None if cut else digest(content),
        }


def _odd(place: str, rule: str, message: str) -> Finding:
    return Finding(place, 0, 0, rule, message, "look at it in the mailbox", Severity.WARNING)
