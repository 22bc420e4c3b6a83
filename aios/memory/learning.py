"""What the operator's corrections teach: from a text before and after, or a reason in words, to lessons. Pure.

A lesson is one rule in one sentence, with what was changed and where it applies. It is proposed, never assumed: it
counts once its file is merged, and it is gone when the operator deletes the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from aios.domain.front_matter import render_markdown
from aios.domain.keys import key_of
from aios.domain.names import MEMORY
from aios.domain.record import Trust
from aios.domain.slug import slug

LONGEST_WORDING = 6  # words on either side that still read as a choice of words
ALIKE = 0.5  # of two sentences that are versions of one
MOST_TAKEN_OUT = 3  # sentences that one lesson quotes
FIELDS = ("title", "summary")

_SENTENCE = re.compile(r"(?<=[.!?…])[”\"’)]*\s+|\n+")
_FOOTNOTE = re.compile(r"\[\^[^\]]+\](?::.*)?")
_MARKS = re.compile(r"^[#>\-*+\s\d.)]*(?=\S)")
_DIGIT = re.compile(r"\d")
_EDGES = " \t.,;:!?…“”\"'’()"


@dataclass(frozen=True, slots=True)
class Wording:
    """Words that the operator replaced; the sentence around them before and after."""

    old: str
    new: str
    before: str
    after: str

    @property
    def is_figure(self) -> bool:
        """A corrected number or date is a fact, not a habit."""
        return bool(_DIGIT.search(self.old) or _DIGIT.search(self.new))


@dataclass(frozen=True, slots=True)
class Corrections:
    """What the operator did to one piece: wordings, sentences taken out, fields (name, before, after)."""

    wordings: tuple[Wording, ...] = ()
    taken_out: tuple[str, ...] = ()
    fields: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Lesson:
    """`rule` is one sentence, `what` tells what was changed, `about` the records it was learned from; `wording` is
    (old, new) where the rule is about words. The same rule has the same key wherever it was learned.
    """

    rule: str
    what: str
    about: tuple[str, ...]
    workflow: str
    run: str
    created: str
    wording: tuple[str, str] | None = None

    @property
    def key(self) -> str:
        return key_of("lesson", self.workflow, " ".join(self.rule.casefold().split()))

    @property
    def path(self) -> str:
        return f"{MEMORY}lessons/{slug(self.rule, limit=60)}-{self.key[7:13]}.md"


def corrections(before: str, after: str, *, was: Mapping[str, Any], now: Mapping[str, Any]) -> Corrections:
    """From the bodies and the fields of a piece as it was proposed and as the operator left it."""
    wordings: list[Wording] = []
    taken_out: list[str] = []
    old, new = _sentences(before), _sentences(after)
    for how, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if how == "delete":
            taken_out += old[a:b]
        elif how == "replace":
            pairs, gone = _paired(old[a:b], new[c:d])
            wordings += [each for pair in pairs for each in _wordings(*pair)]
            taken_out += gone
    fields = [
        (name, str(was.get(name, "")), str(now.get(name, "")))
        for name in FIELDS
        if was.get(name) and now.get(name) and str(was[name]) != str(now[name])
    ]
    return Corrections(tuple(wordings), tuple(taken_out), tuple(fields))


def lessons_of_corrections(found: Corrections, *, about: str, workflow: str, run: str, created: str) -> list[Lesson]:
    """One lesson for each choice of words, one for what was taken out, one for each field that was put differently."""
    given: dict[str, Any] = {"about": (about,), "workflow": workflow, "run": run, "created": created}
    lessons = []
    for wording in found.wordings:
        if wording.is_figure or not wording.old:
            continue
        what = f"In {about} you changed\n\n> {wording.before}\n\nto\n\n> {wording.after}"
        if wording.new:
            rule, pair = f"Write “{wording.new}” instead of “{wording.old}”", (wording.old, wording.new)
            lessons.append(Lesson(rule, what, wording=pair, **given))
        else:
            lessons.append(Lesson(f"Leave out “{wording.old}”", what, **given))
    if found.taken_out:
        shown = "\n\n".join(f"> {sentence}" for sentence in found.taken_out[:MOST_TAKEN_OUT])
        first = _short(found.taken_out[0])
        lessons.append(Lesson(f"Leave out what says “{first}”", f"From {about} you took out\n\n{shown}", **given))
    for name, old, new in found.fields:
        rule = f"Put the {name} like “{_short(new)}” rather than “{_short(old)}”"
        lessons.append(Lesson(rule, f"In {about} the {name} was “{old}”; you made it “{new}”.", **given))
    return lessons


def lesson_of_words(words: str, *, said: str, about: Sequence[str], workflow: str, run: str, created: str) -> Lesson:
    """The lesson in a reason or a note of the operator's. `said` tells on what occasion."""
    text = " ".join(words.split())
    rule = re.split(r"(?<=[.!?])\s+", text)[0].rstrip(".")
    return Lesson(_short(rule, 20), f"{said}: “{text}”", tuple(about), workflow, run, created)


def merged(lessons: Iterable[Lesson]) -> list[Lesson]:
    """The lessons with those of the same rule put together, in the order in which they were first learned."""
    found: dict[str, Lesson] = {}
    for lesson in lessons:
        known = found.get(lesson.key)
        if known is None:
            found[lesson.key] = lesson
        elif not set(lesson.about) <= set(known.about):
            about = tuple(dict.fromkeys((*known.about, *lesson.about)))
            what = f"{known.what}\n\n{lesson.what}"
            found[lesson.key] = Lesson(known.rule, what, about, known.workflow, known.run, known.created, known.wording)
    return list(found.values())


def render(lesson: Lesson) -> str:
    """The note's text."""
    data: dict[str, Any] = {
        "schema": "note.v1",
        "kind": "lesson",
        "title": lesson.rule,
        "source": [f"runs/{lesson.run}"],
        "about": list(lesson.about),
        "run": lesson.run,
        "created": lesson.created,
        "applies": {"workflow": lesson.workflow},
        "trust": Trust.OPERATOR.value,
    }
    if lesson.wording:
        data["wording"] = {"instead_of": lesson.wording[0], "write": lesson.wording[1]}
    return render_markdown(data, f"{lesson.rule}.\n\n{lesson.what}\n")


@dataclass(frozen=True, slots=True)
class Known:
    """A lesson that memory holds, as far as others may contradict it."""

    path: str
    wording: tuple[str, str] | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


def contradicted(lesson: Lesson, known: Iterable[Known]) -> list[str]:
    """Paths of lessons that this one takes back: other words for the same, or the very reverse."""
    if lesson.wording is None:
        return []
    old, new = (text.casefold() for text in lesson.wording)
    found = []
    for each in known:
        if each.wording is None or each.path == lesson.path:
            continue
        instead, write = (text.casefold() for text in each.wording)
        if (instead, write) == (new, old) or (instead == old and write != new):
            found.append(each.path)
    return found


def _paired(old: Sequence[str], new: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Which sentence became which, in order, and those that became none. What was written anew counts as neither."""
    pairs: list[tuple[str, str]] = []
    left, alone = list(new), []
    for sentence in old:
        likeness = [SequenceMatcher(None, sentence.split(), each.split(), autojunk=False).ratio() for each in left]
        best = max(likeness, default=0.0)
        if best >= ALIKE:
            pairs.append((sentence, left.pop(likeness.index(best))))
        else:
            alone.append(sentence)
    return pairs, alone[len(left) :]


def _wordings(before: str, after: str) -> list[Wording]:
    """Words that were exchanged between two sentences."""
    old, new = before.split(), after.split()
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    found = []
    for how, a, b, c, d in matcher.get_opcodes():
        if how not in {"replace", "delete"} or b - a > LONGEST_WORDING or d - c > LONGEST_WORDING:
            continue
        was, now = (" ".join(words).strip(_EDGES) for words in (old[a:b], new[c:d]))
        if was and was != now:
            found.append(Wording(was, now, before, after))
    return found


def _sentences(body: str) -> list[str]:
    plain = (_MARKS.sub("", part) for part in _SENTENCE.split(_FOOTNOTE.sub("", body)))
    return [" ".join(part.split()) for part in plain if part and part.strip()]


def _short(text: str, words: int = 8) -> str:
    found = text.split()
    return " ".join(found[:words]).rstrip(_EDGES) + ("…" if len(found) > words else "")
