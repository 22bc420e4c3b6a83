"""From an approved effect to the bytes that go out: the same effect gives the same bytes, but for the date.

Headers are folded here, not by the standard library, whose folding differs from version to version and encodes long
identifiers that must stay as they are; it puts the parts together and writes them.
"""

from __future__ import annotations

import quopri
import re
from base64 import encodebytes
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.charset import QP, Charset
from email.generator import BytesGenerator
from email.header import Header
from email.message import Message
from email.policy import compat32
from email.utils import format_datetime
from io import BytesIO
from textwrap import wrap
from typing import Any

from aios.connectors.mail.addresses import Address, address_of, plain_line
from aios.connectors.mail.attachments import Attachment
from aios.connectors.mail.markup import as_html, as_text
from aios.connectors.mail.settings import Mailbox
from aios.domain.effect import Effect
from aios.domain.event import one_line
from aios.errors import RefusedError

_WIDTH = 76
_MOST_REFERENCES = 20
_ID = re.compile(r"<?([!-;=?-~]{1,400}@[!-;=?-~]{1,250})>?\Z")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ .-]*\Z")
_WIRE = compat32.clone(linesep="\r\n", max_line_length=0, mangle_from_=False)


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one person: what goes into the envelope, and what it is made of."""

    id: str
    sender: Address
    recipient: Address
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    boundary: str

    def wire(self, at: datetime, attachments: Sequence[tuple[Attachment, bytes]] = ()) -> bytes:
        """The message as it is transmitted: lines of at most 76 bytes ended by CR LF, ASCII throughout.

        `at` is the moment in its Date header.
        """
        body = self._alternative()
        if attachments:
            parts = [body, *(_attached(attachment, content) for attachment, content in attachments)]
            body = _multipart("mixed", f"{self.boundary}_mixed", parts)
        whole = Message(policy=_WIRE)
        for name, value in (*self.headers, ("Date", format_datetime(at)), ("MIME-Version", "1.0")):
            whole[name] = value
        for name, value in body.items():
            whole[name] = value
        whole.set_payload(body.get_payload())
        out = BytesIO()
        BytesGenerator(out, policy=_WIRE).flatten(whole)
        return out.getvalue()

    def _alternative(self) -> Message:
        return _multipart("alternative", f"{self.boundary}_text", [_text("plain", self.text), _text("html", self.html)])


def mail_of(effect: Effect, mailbox: Mailbox) -> Mail:
    """The mail that an effect with one recipient means. Pure.

    Raises RefusedError for what must not be sent: an address that is none, a line end in a header, a list that nobody
    can leave.
    """
    payload = effect.payload
    recipients = list(payload.get("recipients") or ())
    if len(recipients) != 1:
        raise RefusedError(f"{effect.connector}: a mail has one recipient, not {len(recipients)}", "see `recipients`")
    sender = address_of(payload["from"]) if payload.get("from") else mailbox.sender
    if sender is None:
        raise RefusedError(f"{effect.connector} does not say who sends", f"`from` in {effect.connector}.yaml")
    recipient = address_of(recipients[0])
    subject = plain_line(str(payload["subject"]), "the subject")
    if not subject:
        raise RefusedError("the subject is empty", "say what the mail is about")
    digits = effect.key.removeprefix("sha256:")
    identity = f"<{digits[:40]}@{sender.domain}>"
    reply_to = address_of({"email": payload["reply_to"]}).email if payload.get("reply_to") else mailbox.reply_to
    leave = _leave(payload, mailbox, recipient)
    headers = [
        ("From", _person(sender)),
        ("To", _person(recipient)),
        *([("Reply-To", reply_to)] if reply_to else []),
        ("Subject", _words(subject, len("Subject: "))),
        ("Message-ID", identity),
        *_thread(payload),
        *_list(payload, leave, sender),
    ]
    markdown = str(payload["markdown"])
    return Mail(
        id=identity,
        sender=sender,
        recipient=recipient,
        headers=tuple(headers),
        text=as_text(markdown, leave=next(iter(leave), "")),
        html=as_html(markdown, subject, leave=next(iter(leave), "")),
        boundary=f"=_{digits[:24]}",  # neither quoted-printable nor base64 can hold `=_`
    )


def message_id(text: str) -> str:
    """An identifier in its brackets. Raises RefusedError for what is none."""
    found = _ID.match(text.strip())
    if not found:
        raise RefusedError(f"`{one_line(text, 80)}` identifies no message", "it looks like <letters@domain>")
    return f"<{found[1]}>"


def _thread(payload: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    answered = message_id(str(payload["in_reply_to"])) if payload.get("in_reply_to") else ""
    known = [message_id(str(each)) for each in payload.get("references") or ()]
    if answered and answered not in known:
        known.append(answered)
    if len(known) > _MOST_REFERENCES:  # the first says which thread it is, the last where in it
        known = [known[0], *known[1 - _MOST_REFERENCES :]]
    if answered:
        yield "In-Reply-To", answered
    if known:
        yield "References", "\r\n ".join(known)


def _leave(payload: Mapping[str, Any], mailbox: Mailbox, recipient: Address) -> list[str]:
    """Where this reader takes themselves off the list, best first: the operator's own address for that, then the one
    that came with the mail. Empty for a mail that goes to no list."""
    listed = payload.get("list")
    if not listed:
        return []
    addresses = [each for each in (mailbox.unsubscribe, str(listed.get("unsubscribe") or "")) if each]
    if not addresses:
        raise RefusedError("a mail to a list must say how to leave it", "`unsubscribe` in the connector's settings")
    from urllib.parse import quote

    return list(dict.fromkeys(each.replace("{email}", quote(recipient.email, safe="")) for each in addresses))


def _list(payload: Mapping[str, Any], leave: Sequence[str], sender: Address) -> Iterable[tuple[str, str]]:
    """What programs for mail know a list by. A mail that one person approved for one person is no automatic one; a mail
    to a list is, so that nobody's vacation answers it."""
    if not leave:
        return
    from aios.domain.slug import slug

    name = plain_line(str(payload["list"].get("name") or ""), "the name of the list")
    yield "List-Id", f"<{slug(name) or 'list'}.{sender.domain}>"
    yield "List-Unsubscribe", ",\r\n ".join(f"<{each}>" for each in leave)
    if any(each.startswith("https://") for each in leave):
        yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"
    yield "Auto-Submitted", "auto-generated"


def _person(address: Address) -> str:
    if not address.name:
        return address.email
    if _ATOMS.match(address.name) and len(address.name) <= 60:
        name = address.name if "." not in address.name else f'"{address.name}"'
    else:
        name = Header(address.name, "utf-8", maxlinelen=_WIDTH, header_name="Reply-To").encode(linesep="\r\n")
    return (
        f"{name}\r\n <{address.email}>" if len(name) + len(address.email) > _WIDTH - 12 else f"{name} <{address.email}>"
    )


def _words(text: str, used: int) -> str:
    """A text of a header: as it is where it fits and is ASCII, else in encoded words."""
    if text.isascii() and "=?" not in text:
        lines = wrap(text, _WIDTH - 1, initial_indent=" " * used, break_long_words=False, break_on_hyphens=False)
        if all(len(line) < _WIDTH for line in lines):
            return "\r\n ".join(lines).lstrip()
    return str(Header(text, _UTF8, maxlinelen=_WIDTH, header_name="x" * (used - 2)).encode(linesep="\r\n"))


def _utf8() -> Charset:
    charset = Charset("utf-8")
    charset.header_encoding = QP
    return charset


_UTF8 = _utf8()


def _text(kind: str, text: str) -> Message:
    part = Message(policy=_WIRE)
    part["Content-Type"] = f'text/{kind}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "quoted-printable"
    part.set_payload(quopri.encodestring(text.encode()).decode("ascii"))
    return part


def _attached(attachment: Attachment, content: bytes) -> Message:
    part = Message(policy=_WIRE)
    part["Content-Type"] = attachment.media_type
    part["Content-Transfer-Encoding"] = "base64"
    part["Content-Disposition"] = f"attachment;\r\n {_filename(attachment.name)}"
    part.set_payload(encodebytes(content).decode("ascii"))
    return part


def _filename(name: str) -> str:
    from urllib.parse import quote

    if re.fullmatch(r"[A-Za-z0-9 ._+-]{1,60}", name):
        return f'filename="{name}"'
    # RFC 2231: in numbered pieces, each short enough for its line.
    coded = f"utf-8''{quote(name, safe='')}"
    pieces = re.findall(r"(?:%[0-9A-F]{2}|[^%]){1,20}", coded)
    if len(pieces) == 1:
        return f"filename*={coded}"
    return ";\r\n ".join(f"filename*{number}*={piece}" for number, piece in enumerate(pieces))


def _multipart(kind: str, boundary: str, parts: Sequence[Message]) -> Message:
    whole = Message(policy=_WIRE)
    whole["Content-Type"] = f'multipart/{kind};\r\n boundary="{boundary}"'
    whole.set_payload(list(parts))
    return whole
