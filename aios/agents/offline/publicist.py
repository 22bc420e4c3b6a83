"""The publicist: an issue of the newsletter from the pieces that came out since the last one. Nothing new, no issue.

A piece is announced by one sentence of its own, word for word, and its link. The record says where each stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from aios.agents.offline.front import load
from aios.agents.offline.letters import Desk, Letter, desk_of, rendered, taught, unclear
from aios.agents.offline.owed import day
from aios.agents.offline.text.language import Language, language
from aios.agents.offline.text.sentences import ends_openly, sentences
from aios.domain.agent import AgentCall, AgentReply, Reason, Tools
from aios.domain.record import Record
from aios.domain.slug import slug
from aios.domain.wording import counted
from aios.errors import InvalidError

FIRST_DAYS, MOST = 60, 5  # where the contract does not say
LENGTH = range(30, 320)  # characters of a sentence that tells of a piece

_SKIPPED = re.compile(r"^(?:[#>|\-*+\s]|\d+[.)]|\[\^|```)")
_NOTE = re.compile(r"\[\^[^\]]+\]")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Picked:
    """A piece, and the sentence that tells of it: `line` is where it stands in the file."""

    piece: Record
    sentence: str
    line: int

    @property
    def evidence(self) -> dict[str, Any]:
        return {"source": self.piece.path, "line": self.line, "text": self.sentence}


def publicist(call: AgentCall, tools: Tools) -> AgentReply:
    """One message to the audience `newsletter`, or none. Raises InvalidError for a `since` that is no day."""
    desk = desk_of(call, tools)
    issues = [each for each in tools.records("message") if each.get("audience") == "newsletter"]
    waiting = next((each for each in issues if each.get("status") in {"drafted", "approved"}), None)
    if waiting is not None:
        return _none(f"{waiting.ref} is not sent yet", desk)
    since, told_before = _since(call, issues), {str(ref) for each in issues for ref in each.get("about") or ()}
    new = [each for each in tools.records("content") if _is_new(each, since) and each.ref not in told_before]
    new = [each for each in new if not desk.dropped(each.id, str(each.get("title") or ""))]
    new.sort(key=lambda each: (str(each.get("published")), each.id), reverse=True)
    known = language(str(desk.company.get("language") or "en") if desk.company else "en")
    picked = [each for piece in new[: _number(call, "most", MOST)] if (each := _picked(tools, piece, known))]
    if not picked:
        return _none(f"nothing came out since {since} that no issue told of", desk)
    letter = _issue(call, desk, picked, {each.id for each in issues})
    summary = f"“{letter.subject}”: {counted(len(picked), 'piece')} published since {since}"
    reasons = [
        Reason(f"{each.piece.ref} is in it", f"published on {day(each.piece.get('published'))}, and in no issue yet",
               (f"{each.piece.path}:{each.line}",))
        for each in picked
    ]  # fmt: skip
    output = {"summary": summary, "message": letter.id, "pieces": [each.piece.id for each in picked]}
    files = {letter.path: rendered(letter, call)}
    return AgentReply(output, files, title=summary, reasons=(*reasons, *taught(desk)), findings=tuple(unclear(desk)))


def _none(why: str, desk: Desk) -> AgentReply:
    output = {"summary": f"no issue: {why}", "message": "", "pieces": []}
    return AgentReply(output, title=f"no issue: {why}", findings=tuple(unclear(desk)))


def _since(call: AgentCall, issues: list[Record]) -> str:
    """The day that was given, else that of the last issue that went out, else a while ago."""
    given = str(call.input.get("since") or "")
    if given and day(given) != given:
        raise InvalidError(f"`since` is `{given[:40]}`, which is no day", "a day looks like 2026-03-02")
    last = max((day(each.get("sent")) for each in issues if each.get("status") == "sent"), default="")
    first = date.fromisoformat(call.now[:10]) - timedelta(days=_number(call, "first_days", FIRST_DAYS))
    return given or last or first.isoformat()


def _number(call: AgentCall, name: str, otherwise: int) -> int:
    value = call.contract.settings.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else otherwise


def _is_new(piece: Record, since: str) -> bool:
    return piece.get("status") == "published" and bool(piece.get("url")) and day(piece.get("published")) >= since


def _picked(tools: Tools, piece: Record, known: Language) -> Picked | None:
    """The first sentence of the piece that stands on its own; None where there is none."""
    _, body, first = load(tools.read(piece.path) or "")
    for number, paragraph in _paragraphs(body):
        for start, end in sentences(paragraph):
            plain = " ".join(_LINK.sub(r"\1", _NOTE.sub("", paragraph[start:end])).split())
            if len(plain) in LENGTH and not known.dangling.match(plain) and not ends_openly(plain):
                return Picked(piece, plain, first + number + paragraph.count("\n", 0, start))
    return None


def _paragraphs(body: str) -> list[tuple[int, str]]:
    """Prose, with the line (from 0) where each begins."""
    found, number = [], 0
    for block in re.split(r"\n[ \t]*\n", body):
        if block.strip() and not _SKIPPED.match(block.lstrip("\n")):
            found.append((number + len(block) - len(block.lstrip("\n")), block.strip("\n")))
        number += block.count("\n") + 2
    return found


def _issue(call: AgentCall, desk: Desk, picked: list[Picked], taken: set[str]) -> Letter:
    speaks = str(desk.company.get("language") or "en") if desk.company else "en"
    wording: Mapping[str, Any] = desk.words("issue", speaks)
    title = str(picked[0].piece.get("title"))
    items = "\n\n".join(
        desk.filled(wording["item"], title=str(each.piece.get("title")), sentence=each.sentence,
                    link=str(each.piece.get("url"))).strip()
        for each in picked
    )  # fmt: skip
    values = {"title": title, "number": str(len(picked)), "items": items, "date": call.now[:10]}
    name = slug(f"newsletter-{call.now[:10]}")
    return Letter(
        id=name if name not in taken else slug(f"{name}-{len(taken) + 1}"),
        subject=desk.guidance.title or desk.filled(wording["subject"], **values),
        body=desk.filled(wording["text"], **values),
        purpose="newsletter",
        audience="newsletter",
        about=tuple(each.piece.ref for each in picked),
        evidence=tuple(each.evidence for each in picked),
    )
