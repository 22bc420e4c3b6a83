"""Question records: what only the operator can answer, outside any run. Listed in the inbox, answered by one commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aios.domain.event import OPERATOR, EventNote
from aios.domain.keys import key_of
from aios.domain.record import Where
from aios.domain.tree import Tree
from aios.errors import RefusedError
from aios.memory.pairs import RULES
from aios.runs.context import Context
from aios.runs.doubt_shown import evidence
from aios.runs.doubts import LATER, NOT_NOW, QUESTIONS, about, is_in_doubt, settled, told
from aios.runs.main_branch import commit_to_main
from aios.runs.options import choose
from aios.store.documents import parse
from aios.store.edit import edit
from aios.store.trees import CommitTree

ANSWERED, POSTPONED = "question.answered", "question.postponed"
SHORTEST = 4  # characters of an id that are enough, where they fit one


@dataclass(frozen=True, slots=True)
class Question:
    """An open question record. `evidence` are lines to be seen before it is answered."""

    id: str
    asks: str
    options: tuple[str, ...]
    evidence: tuple[str, ...]
    asked: str


@dataclass(frozen=True, slots=True)
class Answered:
    """`done` tells what came of the answer, in words."""

    answer: str
    commit: str
    done: str


def open_questions(context: Context) -> list[Question]:
    """What waits for an answer on main, by id. What was put off is left out until then, and so is what is moot."""
    tree, now = CommitTree(context.git, context.main), context.now()
    found = []
    for path in tree.paths(QUESTIONS):
        content = tree.read(path) or b""
        data = _data(path, content) if b"open" in content else {}  # reading YAML costs more than looking first
        if data.get("status") == "open" and str(data.get("not_before") or "") <= now and _stands(tree, data, now):
            shown = evidence(tree, data, now) if _on_notes(data) else list(map(str, data.get("evidence") or ()))
            options = tuple(str(each) for each in data.get("options") or ())
            asked = str(data.get("asked") or "")
            found.append(Question(_id(path), str(data.get("asks") or ""), options, tuple(shown), asked))
    return found


def matching(context: Context, name: str) -> list[str]:
    """Ids of the question records that are called so: the one whole, or those that begin so."""
    wanted = name.removeprefix("questions/")
    ids = [_id(path) for path in CommitTree(context.git, context.main).paths(QUESTIONS)]
    if wanted in ids:
        return [wanted]
    return [each for each in ids if len(wanted) >= SHORTEST and each.startswith(wanted)]


def answer(context: Context, question: str, *, text: str) -> Answered:
    """Answer the question record of that id, and do what follows from it, in one commit of the operator's on main.

    Raises UsageError for what is none of the options, RefusedError where the question is answered or moot.
    """
    path, now = f"{QUESTIONS}{question}.yaml", context.now()
    data = _data(path, context.git.read_blob(f"{context.main}:{path}") or b"")
    options = [str(each) for each in data.get("options") or ()]
    chosen = choose(text, options)
    choice = options.index(chosen) if options else -1
    later = _on_notes(data) and chosen == NOT_NOW
    until = (datetime.fromisoformat(now) + LATER).date().isoformat()
    actor = f"{OPERATOR}:{context.operator.email}"

    def changes(tip: str) -> dict[str, bytes | None]:
        tree = CommitTree(context.git, tip)
        text = (tree.read(path) or b"").decode()
        current = _data(path, text.encode())
        if current.get("status") != "open":
            raise RefusedError(
                f"{question} was answered on {str(current.get('answered'))[:10]}: {current.get('answer')}",
                "what was decided about a note is taken back with `aios memory restore PATH`"
                if _on_notes(current)
                else f"edit {path} if it is no longer so",
            )
        if not _stands(tree, current, now):
            raise RefusedError("one of the two notes no longer stands: there is nothing to decide", "`aios inbox`")
        if later:
            return {path: edit(text, {"not_before": until}).encode()}
        fields: dict[Where | str, Any] = {
            "status": "answered",
            "answer": chosen,
            "answered": now,
            "answered_by": context.operator.email,
        }
        follows = settled(tree, current, choice) if _on_notes(current) else {}
        return {path: edit(text, fields).encode(), **follows}

    done = told(data, choice) if _on_notes(data) else f"{path} keeps the answer"
    note = EventNote(
        type=POSTPONED if later else ANSWERED,
        title=f"{data.get('asks')} {chosen}",
        body=f"- {f'asked again from {until}' if later else done}",
        records=(f"questions/{question}", *(each.removesuffix(".md") for each in about(data) if not later)),
        actor=actor,
        key=key_of("answer", question, chosen, now),
    )
    commit = commit_to_main(context, note, changes, as_operator=True)
    return Answered(chosen, commit, f"it is asked again from {until}" if later else done)


def _stands(tree: Tree, data: Mapping[str, Any], now: str) -> bool:
    return not _on_notes(data) or is_in_doubt(tree, data, now)


def _on_notes(data: Mapping[str, Any]) -> bool:
    """Is it one of ours, about two notes?"""
    return data.get("rule") in RULES and len(about(data)) == 2


def _data(path: str, content: bytes) -> Mapping[str, Any]:
    document = parse(path, content)[0]
    return document.data if document else {}


def _id(path: str) -> str:
    return path.removeprefix(QUESTIONS).removesuffix(".yaml")
