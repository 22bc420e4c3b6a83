"""Notes of which perhaps only one should stand, put to the operator: a question record each, its answer one commit.

The question is about two notes and stays as the record of what was decided: a pair is asked about once. What is shown
with it is read off the notes as they are, so that it is never out of date. Nothing here decides anything by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aios.domain.event import EventNote
from aios.domain.keys import key_of
from aios.domain.loose import listed
from aios.domain.names import MEMORY
from aios.domain.record import Record, Where
from aios.domain.slug import slug
from aios.domain.tree import Tree
from aios.domain.wording import counted
from aios.memory.pairs import CONTRADICT, FIGURES, TWICE, Pair, holds
from aios.runs.context import Context
from aios.runs.main_branch import commit_to_main
from aios.store.documents import dump, parse
from aios.store.edit import edit
from aios.store.trees import CommitTree

ASKED = "memory.questioned"
MOST_OPEN = 3  # questions on notes at once
LATER = timedelta(days=30)  # after “not now”
QUESTIONS = "state/questions/"
NOT_NOW = "not now"

_ASKS = {
    CONTRADICT: ("{} and {} say opposite things: which holds?", "holds", "hold"),
    FIGURES: ("{} and {} give other figures: which holds?", "holds", "hold"),
    TWICE: ("{} and {} say nearly the same: which stays, and takes the other in?", "stays", "stay"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """`new` are the ids of the questions now asked, `waiting` how many were open before, `more` are not asked yet."""

    new: tuple[str, ...]
    waiting: int
    more: int


def ask(context: Context, found: Sequence[Pair], *, used: Mapping[str, int], most: int = MOST_OPEN) -> Asked:
    """Put pairs of notes that are in doubt to the operator, the most used first, so that at most `most` are open.

    `found` are all of them on main, the weightiest first; `used` tells how often runs recalled a note. Doing it again
    changes nothing. What is no longer in doubt is closed.
    """
    tip = context.git.rev(context.main) or context.main
    tree, now = CommitTree(context.git, tip), context.now()
    asked = _asked(tree)
    moot = [path for path, data in asked.items() if data.get("status") == "open" and not is_in_doubt(tree, data, now)]
    waiting = sum(_waits(data, now) for path, data in asked.items() if path not in moot)
    fresh = [pair for pair in found if path_of(pair.paths) not in asked]
    fresh.sort(key=lambda pair: -sum(used.get(path, 0) for path in pair.paths))  # stable: else by weight of the rule
    chosen = fresh[: max(0, most - waiting)]
    questions = {path_of(pair.paths): _question(pair, now) for pair in chosen}
    ids = tuple(path.removeprefix(QUESTIONS).removesuffix(".yaml") for path in questions)
    if questions or moot:
        _commit(context, questions, moot, now)
    return Asked(ids, waiting, len(fresh) - len(chosen))


def question_on(tree: Tree, about: Sequence[str]) -> Mapping[str, Any]:
    """The question about two notes; empty where none was asked."""
    path = path_of(about)
    content = tree.read(path)
    document = parse(path, content)[0] if content is not None else None
    return document.data if document else {}


def path_of(about: Sequence[str]) -> str:
    """Where the question about two notes lies; the same whichever is named first."""
    name = min(about).rpartition("/")[2].removesuffix(".md")
    return f"{QUESTIONS}{slug(name, limit=40)}-{key_of('doubt', *sorted(about))[7:13]}.yaml"


def is_in_doubt(tree: Tree, question: Mapping[str, Any], now: str) -> bool:
    """Do both notes of a question still stand?"""
    notes = [note_at(tree, path) for path in about(question)]
    return len(notes) == 2 and all(note and holds(note.data, now) for note in notes)


def about(question: Mapping[str, Any]) -> list[str]:
    """The paths of the two notes. What is no note an answer must not touch, whoever wrote the question."""
    paths = (str(path) for path in listed(question.get("about")))
    return [path for path in paths if path.startswith(MEMORY) and path.endswith(".md")]


def settled(tree: Tree, question: Mapping[str, Any], choice: int) -> dict[str, bytes | None]:
    """The files that an answer leaves: 0 the first holds, 1 the second, anything else both."""
    paths = about(question)
    if choice not in (0, 1):
        return {}
    kept, other = paths[choice], paths[1 - choice]
    text = (tree.read(other) or b"").decode()
    if question.get("rule") == TWICE and not _is_evidence(tree, other):
        return {other: None, kept: _taking_in(tree, kept, other).encode()}
    return {other: edit(text, {"replaced_by": kept}).encode()}


def told(question: Mapping[str, Any], choice: int) -> str:
    """What an answer does, in words."""
    paths = about(question)
    if choice not in (0, 1):
        return "both stay as they are; they are not asked about again"
    kept, other = paths[choice], paths[1 - choice]
    if question.get("rule") == TWICE:
        return f"{kept} stands for {other}; `aios memory restore {other}` brings it back"
    return f"{other} is replaced by {kept}; `aios memory restore {other}` takes that back"


def _question(pair: Pair, now: str) -> bytes:
    asks, one, both = _ASKS[pair.rule]
    data = {
        "schema": "question.v1",
        "asks": asks.format(*pair.paths),
        "options": [f"the first {one}", f"the second {one}", f"both {both}", NOT_NOW],
        "about": list(pair.paths),
        "rule": pair.rule,
        "status": "open",
        "asked": now,
        "trust": "derived",
    }
    return dump(data).encode()


def _commit(context: Context, questions: Mapping[str, bytes], moot: Sequence[str], now: str) -> None:
    def changes(tip: str) -> dict[str, bytes | None]:
        tree = CommitTree(context.git, tip)
        found: dict[str, bytes | None] = {path: text for path, text in questions.items() if tree.blob(path) is None}
        for path in moot:
            text = (tree.read(path) or b"").decode()
            over: dict[Where | str, Any] = {
                "status": "answered",
                "answer": "no longer in doubt",
                "answered": now,
                "answered_by": "aios",
            }
            found[path] = edit(text, over).encode()
        return found

    note = EventNote(
        type=ASKED,
        title=f"{counted(len(questions), 'pair')} of notes in doubt" + (f", {len(moot)} no longer" if moot else ""),
        records=tuple(path.removeprefix("state/").removesuffix(".yaml") for path in (*questions, *moot)),
        key=key_of("doubts", *questions, *moot, now),
    )
    commit_to_main(context, note, changes)


def _asked(tree: Tree) -> dict[str, Mapping[str, Any]]:
    """The questions about notes, asked and answered, by path."""
    found = {}
    for path in tree.paths(QUESTIONS):
        content = tree.read(path) or b""
        document = parse(path, content)[0] if b"\nabout:" in content else None
        if document and document.data.get("rule") in _ASKS:
            found[path] = document.data
    return found


def _waits(question: Mapping[str, Any], now: str) -> bool:
    return question.get("status") == "open" and str(question.get("not_before") or "") <= now


def note_at(tree: Tree, path: str) -> Record | None:
    """A note as it is, whatever its schema; None where there is none that can be read."""
    content = tree.read(path)
    document = parse(path, content)[0] if content is not None else None
    if document is None:
        return None
    return Record("note", path, path, str(document.data.get("schema")), document.data, document.body)


def _is_evidence(tree: Tree, path: str) -> bool:
    """Does a sentence of a piece rest on the note? Then its file stays."""
    name = path.encode()
    return any(name in (tree.read(each) or b"") for each in tree.paths("state/evidence/"))


def _taking_in(tree: Tree, kept: str, other: str) -> str:
    """The kept note's text, standing for the other from now on: with its name and all that it came from."""
    text = (tree.read(kept) or b"").decode()
    mine, theirs = note_at(tree, kept), note_at(tree, other)
    if mine is None or theirs is None:
        return text
    changes: dict[Where | str, Any] = {"folds": _both(mine.get("folds"), [other, *listed(theirs.get("folds"))])}
    for name in ("source", "about"):
        if theirs.get(name):
            changes[name] = _both(mine.get(name), listed(theirs.get(name)))
    return edit(text, changes)


def _both(mine: object, theirs: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(str(each) for each in [*listed(mine), *theirs]))
