"""What the operator's corrections teach: from a text before and after, or a reason in words, to lessons. Pure.

A lesson is one rule in one sentence, with what was changed and where it applies. It is proposed, never assumed: it
counts once its file is merged, and it is gone when the operator deletes the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import Any

from aios.domain.front_matter import render_markdown
from aios.domain.keys import key_of
from aios.domain.names import MEMORY
from aios.domain.record import Trust
from aios.domain.slug import slug
from aios.memory.opposites import opposite

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
    (old, new) where the rule is about words. It was learned in `workflow`, and holds in what `applies` names (see
    `reaches`). The same rule has the same key wherever it was learned.
    """

    rule: str
    what: str
    about: tuple[str, ...]
    workflow: str
    run: str
    created: str
    wording: tuple[str, str] | None = None
    applies: Mapping[str, str] = field(default_factory=dict)

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
    """One lesson for each choice of words, one for what was taken out, one for each field that was put differently.

    They hold for every record of the kind, whichever workflow writes it.
    """
    given: dict[str, Any] = {"about": (about,), "workflow": workflow, "run": run, "created": created}
    given["applies"] = {"kind": about.partition("/")[0]}
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


def lesson_of_words(
    words: str, *, said: str, about: Sequence[str], workflow: str, run: str, created: str, agent: str = ""
) -> Lesson:
    """The lesson in a reason or a note of the operator's. `said` tells on what occasion.

    It holds in the workflow (for the one agent, where they spoke to one).
    """
    text = " ".join(words.split())
    rule = re.split(r"(?<=[.!?])\s+", text)[0].rstrip(".")
    applies = {"workflow": workflow} | ({"agent": agent} if agent else {})
    rule = _short(rule[:1].upper() + rule[1:], 20)
    return Lesson(rule, f"{said}: “{text}”", tuple(about), workflow, run, created, applies=applies)


def merged(lessons: Iterable[Lesson]) -> list[Lesson]:
    """The lessons with those of the same rule put together, in the order in which they were first learned."""
    found: dict[str, Lesson] = {}
    for lesson in lessons:
        known = found.get(lesson.key)
        if known is None:
            found[lesson.key] = lesson
        elif not set(lesson.about) <= set(known.about):
            about = tuple(dict.fromkeys((*known.about, *lesson.about)))
            found[lesson.key] = replace(known, what=f"{known.what}\n\n{lesson.what}", about=about)
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
        "applies": dict(lesson.applies),
        "trust": Trust.OPERATOR.value,
    }
    if lesson.wording:
        data["wording"] = {"instead_of": lesson.wording[0], "write": lesson.wording[1]}
    return render_markdown(data, f"{lesson.rule}.\n\n{lesson.what}\n\nIt holds for {scope_in_words(lesson.applies)}.\n")


def scope_in_words(applies: Mapping[str, str]) -> str:
    """What a lesson's `applies` says, for people and models: notes are recalled by their text."""
    named = {"kind": "records of the kind {}", "workflow": "runs of {}", "agent": "the agent {}"}
    parts = [said.format(applies[name]) for name, said in named.items() if applies.get(name)]
    return " and ".join(parts) or "everything"


def reaches(applies: object, **where: str) -> bool:
    """Does a note with this `applies` hold there? `where` names a workflow, a kind, an agent, as far as known.

    What a note does not say narrows nothing, and so does what is not known of the place.
    """
    said = applies if isinstance(applies, Mapping) else {}
    return all(not said.get(name) or not there or said[name] == there for name, there in where.items())


@dataclass(frozen=True, slots=True)
class Known:
    """A lesson that memory holds, as far as others may contradict it or say the same."""

    path: str
    wording: tuple[str, str] | None = None
    rule: str = ""
    applies: Mapping[str, str] = field(default_factory=dict)


def contradicted(lesson: Lesson, known: Iterable[Known]) -> list[str]:
    """Paths of lessons that this one takes back: other words for the same, the very reverse, or the opposite rule.

    Rules for different places (two workflows, say) do not contradict each other.
    """
    return [
        each.path
        for each in known
        if each.path != lesson.path and reaches(each.applies, **lesson.applies) and _contradict(lesson, each)
    ]


def known_already(lesson: Lesson, known: Iterable[Known]) -> bool:
    """Does a lesson say the same words, and hold wherever this one would?"""
    return any(
        lesson.wording is not None
        and each.wording is not None
        and [text.casefold() for text in each.wording] == [text.casefold() for text in lesson.wording]
        and all(lesson.applies.get(name) == value for name, value in each.applies.items())
        for each in known
    )


def _contradict(lesson: Lesson, known: Known) -> bool:
    if lesson.wording is None or known.wording is None:
        return lesson.wording is None and known.wording is None and opposite(lesson.rule, known.rule)
    return wordings_contradict(lesson.wording, known.wording)


def wordings_contradict(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Other words instead of the same, or the very reverse; pairs are (instead of, write)."""
    (old, new), (instead, write) = ([text.casefold() for text in pair] for pair in (one, other))
    return (instead, write) == (new, old) or (instead == old and write != new)


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
