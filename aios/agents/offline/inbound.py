"""Mails as they come in: read within bounds, as data, whatever stands in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aios.agents.offline.people import address
from aios.domain.event import one_line
from aios.domain.loose import listed, mappings
from aios.domain.unseen import without_unseen

LONGEST = 20_000  # characters of one mail that are kept
MOST_REFERENCES = 20

_QUOTED = re.compile(r"^\s*>")
_INTRODUCES = re.compile(
    r"^(?:on|am|le|el)\b.{0,200}\b(?:wrote|schrieb|écrit|escribió)\b.{0,80}:\s*$|^-{2,}\s*(?:original|ursprüngliche)\b.*$",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"^-- ?$")
_PREFIX = re.compile(r"^(?:(?:re|aw|fw|fwd|wg|antw|sv|tr)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)
_LEAVES = re.compile(r"(?:please )?(?:unsubscribe|abmelden|abbestellen|désabonner)(?: me)?[.!]?", re.IGNORECASE)
_ROBOTS = re.compile(r"(?:no-?reply|do-?not-?reply|mailer-daemon|postmaster|bounces?)(?:[+-].*)?@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail. `own` is what its writer wrote in it: no quotation of earlier mails, no signature. `came_back` is the
    identifier of the mail that a notice is about, `was_ours` what the mailbox knows of that one."""

    id: str
    sender: str
    name: str
    subject: str
    date: str
    text: str
    own: str
    before: tuple[str, ...] = ()
    automatic: bool = False
    bounced: str = ""
    for_good: bool = False
    came_back: str = ""
    was_ours: bool = False
    attachments: tuple[str, ...] = field(default=())

    @property
    def leaves_list(self) -> bool:
        return _LEAVES.fullmatch(self.subject.strip()) is not None

    @property
    def is_robot(self) -> bool:
        return self.automatic or _ROBOTS.match(self.sender) is not None

    @property
    def plain_subject(self) -> str:
        return _PREFIX.sub("", self.subject) or "(no subject)"


def mails_of(rows: Sequence[Any]) -> tuple[list[Mail], int]:
    """The mails in the order in which they were written, and how many could not be read: they have no id or sender."""
    found = {mail.id: mail for row in mappings(rows) if (mail := _mail(row)) is not None}
    return sorted(found.values(), key=lambda mail: (mail.date, mail.id)), len(rows) - len(found)


def _mail(row: Mapping[str, Any]) -> Mail | None:
    sender = row.get("from")
    who: Mapping[str, Any] = sender if isinstance(sender, Mapping) else {}
    name, email = one_line(str(row.get("id") or ""), 300), address(who.get("email"))
    bounce = row.get("bounce")
    told: Mapping[str, Any] = bounce if isinstance(bounce, Mapping) else {}
    if not name or (not email and not told):
        return None
    text = readable(str(row.get("text") or ""))
    before = [*listed(row.get("references")), row.get("in_reply_to")]
    return Mail(
        id=name,
        sender=email,
        name=one_line(str(who.get("name") or ""), 120),
        subject=one_line(str(row.get("subject") or ""), 200),
        date=one_line(str(row.get("date") or ""), 40),
        text=text,
        own=_own(text),
        before=tuple(dict.fromkeys(one_line(str(each), 300) for each in before if each))[-MOST_REFERENCES:],
        automatic=row.get("automatic") is True,
        bounced=address(told.get("email")),
        for_good=told.get("permanent") is True,
        came_back=one_line(str(told.get("message_id") or ""), 300),
        was_ours=told.get("ours") is True,
        attachments=tuple(one_line(str(each.get("name") or "file"), 120) for each in mappings(row.get("attachments"))),
    )


def readable(text: str) -> str:
    """Without what nobody sees, and no longer than is kept."""
    lines = [without_unseen(line).rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    whole = "\n".join(lines).strip()
    return whole if len(whole) <= LONGEST else whole[:LONGEST].rstrip() + "\n… (cut here)"


def quoted(text: str) -> str:
    """As a quotation in Markdown: whatever stands in it, it opens no heading, list or field of the record."""
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _own(text: str) -> str:
    kept: list[str] = []
    for line in text.split("\n"):
        if _SIGNATURE.match(line) or _INTRODUCES.match(line):
            break
        if not _QUOTED.match(line):
            kept.append(line)
    return "\n".join(kept).strip() or text
