"""What the operator would say to a question: their prepared answers, their earlier replies, their published pieces.

Nothing else is quoted to a customer: sources, decisions, customers and other people's mails are inside matters. An
earlier reply that names whom it was written to is passed over, sentence by sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aios.agents.offline.front import load
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.sentences import sentences
from aios.agents.offline.text.words import stems
from aios.domain.agent import Tools
from aios.domain.names import MEMORY
from aios.domain.record import Record, Trust

PREPARED, MESSAGES, CONTENT, TICKETS = f"{MEMORY}answers/", "state/messages/", "state/content/", "state/tickets/"
KINDS = ("answer", "message", "content", "ticket")
RECALLED = 24
FEWEST_SHARED = 2  # words of the question that an answer must hold
ENOUGH = 0.34  # share of the question's words
ALIKE = 0.5  # of two questions, to take the answer of one for the other
LONGEST = 1_200  # characters of one answer

_FOOTNOTE = re.compile(r"\[\^[^\]]+\]")
_DEFINITION = re.compile(r"^\[\^[^\]]+\]:.*(?:\n(?: {2,}|\t).*)*\n?", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}\s.*$\n?", re.MULTILINE)
_ASKS = re.compile(r"[^.!?\n]*\?")


@dataclass(frozen=True, slots=True)
class Answer:
    """`text` is what is said, `source` where it stands (path, line), `how` in words how it was found."""

    text: str
    source: str
    line: int
    how: str
    score: float
    link: str = ""
    title: str = ""


def answers(tools: Tools, subject: str, text: str, known: Language, ours: Sequence[re.Pattern[str]]) -> list[Answer]:
    """Answers to what was asked, best first; none where nothing known fits. Text from outside is never one.

    `ours` are paragraphs of the wordings: they are in every reply, and answer nothing.
    """
    asked = _words(subject, text, known)
    if len(asked) < FEWEST_SHARED:
        return []
    messages = {record.path: record for record in tools.records("message")}
    found: dict[str, Answer] = {}
    for path in dict.fromkeys(hit.path for hit in tools.recall(f"{subject} {text}"[:600], limit=RECALLED, kinds=KINDS)):
        for answer in _of(tools, path, asked, messages, known, ours):
            if answer.source not in found or found[answer.source].score < answer.score:
                found[answer.source] = answer
    return sorted(found.values(), key=lambda answer: (-answer.score, answer.source))


def _words(subject: str, text: str, known: Language) -> frozenset[str]:
    """What is asked: the questions in the text and the subject; the whole text where it asks nothing."""
    questions = " ".join(_ASKS.findall(text))
    return frozenset(stems(f"{subject} {questions or text[:600]}", known))


def _of(
    tools: Tools,
    path: str,
    asked: frozenset[str],
    messages: Mapping[str, Record],
    known: Language,
    ours: Sequence[re.Pattern[str]],
) -> Iterator[Answer]:
    if path.startswith(TICKETS):
        yield from _as_before(tools, path, asked, messages, known, ours)
    elif path.startswith(PREPARED):
        data, body, line = load(tools.read(path) or "")
        if data.get("trust") in {Trust.OPERATOR, Trust.DERIVED} and not data.get("replaced_by"):
            score = _fits(asked, f"{data.get('title', '')} {data.get('question', '')} {body}", known)
            if score:
                yield Answer(_shown(body), path, line, "you prepared it", score + 0.3)
    elif path.startswith(MESSAGES):
        message = messages.get(path)
        if message is not None and _was_said(message):
            score = _fits(asked, f"{message.get('subject', '')} {message.body or ''}", known)
            yield from _said(tools, message, score, "you wrote it before", ours)
    elif path.startswith(CONTENT):
        yield from _published(tools, path, asked, known)


def _as_before(
    tools: Tools,
    path: str,
    asked: frozenset[str],
    messages: Mapping[str, Record],
    known: Language,
    ours: Sequence[re.Pattern[str]],
) -> Iterator[Answer]:
    """Somebody asked the same: what they were answered."""
    ticket = next((record for record in tools.records("ticket") if record.path == path), None)
    if ticket is None:
        return
    theirs = "\n".join(line.removeprefix(">").strip() for line in (ticket.body or "").split("\n"))
    before = _words(str(ticket.get("subject", "")), theirs, known)
    shared = len(asked & before)
    score = shared / min(len(asked), len(before)) if before and shared >= FEWEST_SHARED else 0.0
    replies = [messages.get(f"{MESSAGES}{name}.md") for name in ticket.get("replies") or ()]
    said = [reply for reply in replies if reply is not None and _was_said(reply)]
    if said and score >= ALIKE:
        yield from _said(tools, said[-1], score + 0.2, f"you answered {ticket.ref} so, which asked the same", ours)


def _was_said(message: Record) -> bool:
    return bool(message.get("status") == "sent" and message.get("purpose") == "reply")


def _said(tools: Tools, message: Record, score: float, how: str, ours: Sequence[re.Pattern[str]]) -> Iterator[Answer]:
    """What a reply said, without greeting, closing and what stands in every reply. Who was only told to wait was told
    nothing."""
    names = _whom(tools, message)
    paragraphs = [part.strip() for part in (message.body or "").strip().split("\n\n") if part.strip()]
    said = [part for part in paragraphs[1:-1] if not any(each.fullmatch(" ".join(part.split())) for each in ours)]
    kept = [part for part in said if not _holds(part, names)]
    text = "\n\n".join(kept)
    if text and score:
        line = load(tools.read(message.path) or "")[2]
        yield Answer(_shown(text), message.path, line, how, score + 0.1)


def _whom(tools: Tools, message: Record) -> list[str]:
    """What would give away whom a reply was written to."""
    to = [str(each) for each in message.get("to") or ()]
    found = [each for each in to if "@" in each]
    for customer in tools.records("customer"):
        if customer.ref in to:
            found += [str(customer.get(name) or "") for name in ("name", "email", "domain")]
            found += [str(each.get("name") or "") for each in customer.get("contacts") or ()]
    return [part for name in found for part in (name, name.partition(" ")[0]) if len(part) > 2]


def _holds(text: str, names: Sequence[str]) -> bool:
    folded = text.casefold()
    return any(re.search(rf"(?<!\w){re.escape(name.casefold())}(?!\w)", folded) for name in names)


def _published(tools: Tools, path: str, asked: frozenset[str], known: Language) -> Iterator[Answer]:
    """The sentences of a public piece that hold most of what was asked, in their order."""
    data, body, first = load(tools.read(path) or "")
    url = str(data.get("url") or "")
    if data.get("status") != "published" or not url:
        return
    best: tuple[float, int, str] = (0.0, 0, "")
    for start, text in _paragraphs(body):
        score = _fits(asked, text, known)
        if score > best[0]:
            best = (score, start, text)
    score, start, text = best
    if score:
        said = text if len(text) <= LONGEST else text[: sentences(text)[0][1]]
        line = first + body.count("\n", 0, start)
        title = str(data.get("title") or "")
        yield Answer(_shown(said), path, line, f"it stands in “{title}”", score, url, title)


def _paragraphs(body: str) -> Iterator[tuple[int, str]]:
    """Prose only: what is cited stands in footnotes, and what is listed leans on what stands before it."""
    for match in re.finditer(r"(?:^(?![#>|\-*+\s]|\d+[.)]|\[\^).+(?:\n|\Z))+", body, re.MULTILINE):
        yield match.start(), match[0].strip()


def _fits(asked: frozenset[str], text: str, known: Language) -> float:
    """Share of what was asked that the text holds; 0 where it is too little to be an answer."""
    shared = len(asked & set(stems(text, known)))
    share = shared / len(asked)
    return share if shared >= FEWEST_SHARED and share >= ENOUGH else 0.0


def _shown(body: str) -> str:
    text = _FOOTNOTE.sub("", _HEADING.sub("", _DEFINITION.sub("", body))).strip()
    return re.sub(r"[ \t]+([.,;:!?])", r"\1", text)[:LONGEST].strip()


def evidence(answer: Answer) -> dict[str, Any]:
    """As the message's record keeps it: for the operator, never in the mail."""
    return {"source": answer.source, "line": answer.line, "text": answer.text}
