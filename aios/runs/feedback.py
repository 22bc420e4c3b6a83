"""What the operator's decisions teach: rejections with a reason, words that sent a proposal back, and edits of what was
proposed, as lessons.

A note that sent a proposal back teaches once its run is decided, and only what of it holds beyond that piece
(`aios.agents.offline.general`). Each lesson is proposed once it can be read with a decision that is theirs anyway: in
the next proposal that waits for them. What it contradicts is retired in the same proposal, with a pointer.
A lesson that was merged, or that they took out of a proposal which they merged, is not proposed again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeGuard

from aios.agents.offline.general import rules_in
from aios.domain.event import EventNote
from aios.domain.names import CLOSED, MEMORY
from aios.domain.record import Trust
from aios.memory.learning import (
    Corrections,
    Known,
    Lesson,
    contradicted,
    corrections,
    known_already,
    lesson_of_words,
    lessons_of_corrections,
    merged,
    render,
    scope_in_words,
)
from aios.runs.context import AIOS_EMAIL, Context
from aios.runs.history import APPROVED, REJECTED, REVISED
from aios.runs.session import Session
from aios.store.documents import parse
from aios.store.edit import edit

LEARNED = "lesson.proposed"
MOST = 5  # lessons in one proposal: more is not read
LOOK_BACK = timedelta(days=180)
_MESSAGES = "state/messages/"
_TEXTS = ("state/content/", _MESSAGES)


@dataclass(frozen=True, slots=True)
class _Decision:
    type: str
    run: str
    at: str
    commit: str
    output: Mapping[str, Any]


def pending_lessons(context: Context) -> list[Lesson]:
    """Lessons that the operator has not been shown yet (or not in a proposal that they merged), oldest first."""
    decisions = list(_decisions(context))
    if not decisions:
        return []
    told = set(_trailers(context, LEARNED, "Key"))
    lessons = merged(lesson for decision in decisions for lesson in _lessons(context, decision))
    return [lesson for lesson in lessons if lesson.key not in told]


def propose_lessons(context: Context, session: Session) -> int:
    """Put what is pending on the run's branch, one event each; how many there are.

    Each sees the lessons before it, so that of two that contradict each other the later one holds.
    """
    lessons = [lesson for lesson in pending_lessons(context) if not known_already(lesson, _known(session))][:MOST]
    for lesson in lessons:
        changes: dict[str, bytes | None] = {lesson.path: render(lesson).encode()}
        retired = contradicted(lesson, _known(session))
        for path in retired:
            text = (session.tree.read(path) or b"").decode()
            changes[path] = edit(text, {"expires": context.now(), "replaced_by": lesson.path}).encode()
        told = [f"from {lesson.run}: what you decided there, as a rule"]
        told += [f"holds for {scope_in_words(lesson.applies)}"]
        told += [f"takes back {path} (`aios memory restore {path}` brings it back)" for path in retired]
        note = EventNote(
            type=LEARNED,
            title=lesson.rule,
            body="\n".join(f"- {line}" for line in told),
            records=tuple(path.removesuffix(".md") for path in changes),
            run=session.run,
            key=lesson.key,
        )
        session.append(note, changes)
    return len(lessons)


def _known(session: Session) -> Iterator[Known]:
    """The operator's lessons that hold, as the run's branch has them."""
    for path in session.tree.paths(f"{MEMORY}lessons/"):
        document = parse(path, session.tree.read(path) or b"")[0]
        data = document.data if document else {}
        if data.get("trust") != Trust.OPERATOR or data.get("expires") or data.get("replaced_by"):
            continue
        wording, applies = data.get("wording"), data.get("applies")
        words = (str(wording.get("instead_of", "")), str(wording.get("write", ""))) if _is(wording) else None
        yield Known(path, words, str(data.get("title") or ""), applies if _is(applies) else {})


def _is(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _lessons(context: Context, decision: _Decision) -> list[Lesson]:
    about = _about(context, decision.run)
    workflow = decision.run.split("/", maxsplit=1)[0]
    given: dict[str, Any] = {"about": about, "workflow": workflow, "run": decision.run, "created": decision.at}
    name = ", ".join(about) or decision.run
    lessons = [
        lesson_of_words(rule, said=f"You sent {name} back with these words", agent=agent, **given)
        for words, agent in _revisions(context, decision)
        for rule in rules_in(words)
    ]
    if decision.type == REJECTED:
        reason = str(decision.output.get("reason", "")).strip()
        # “no” teaches nothing
        rejected = [lesson_of_words(reason, said=f"You rejected {name}", **given)] if len(reason.split()) > 1 else []
        return [*lessons, *rejected]
    return lessons + [
        lesson
        for path, before, after in _edits(context, decision)
        for lesson in lessons_of_corrections(
            _of_habit(path, corrections(before[1], after[1], was=before[0], now=after[0]), before[1]),
            about=path.removeprefix("state/").removesuffix(".md"),
            workflow=workflow,
            run=decision.run,
            created=decision.at,
        )
    ]


def _revisions(context: Context, decision: _Decision) -> Iterator[tuple[str, str]]:
    """The notes with which the operator sent the run's proposal back, oldest first, each with the agent that they spoke
    to (empty for all of them). None where the branch was not kept.
    """
    span = _span(context, decision)
    if span is None:
        return
    base, head = span
    asked = f"--grep=Aios-Event: {REVISED}"
    fields = "--format=%(trailers:key=Aios-Run,valueonly)%x00%(trailers:key=Aios-Output,valueonly)%x00"
    told = context.git.text("log", "--reverse", "--fixed-strings", asked, fields, f"{base}..{head}", "--").split("\0")
    for run, output in zip(*(iter(told),) * 2, strict=False):
        said = _json(output)
        if run.strip() == decision.run and said.get("note"):
            yield str(said["note"]), str(said.get("agent") or "")


def _span(context: Context, decision: _Decision) -> tuple[str, str] | None:
    """Where the run's branch began and ended, as far as this copy still has it: rebased onto main, it is main's copies
    that were kept."""
    git, told = context.git, decision.output
    main = str(told.get("before") or f"{decision.commit}^1")  # merged at the forge: noted later
    kept = (str(told.get("head", "")), str(told.get("merge", "")), f"{CLOSED}{decision.run.rpartition('/')[2]}")
    head = next((each for each in kept if each and git.rev(each)), None)
    base = git.merge_base(main, head) if head and git.rev(main) else None
    return (base, head) if base and head else None


_Text = tuple[Mapping[str, Any], str]


def _edits(context: Context, decision: _Decision) -> Iterator[tuple[str, _Text, _Text]]:
    """Pieces and mails that the operator changed on the branch before they merged it: path, before, after."""
    git, span = context.git, _span(context, decision)
    if span is None:
        return
    base, head = span
    text = git.text("log", "--no-merges", "--reverse", "--format=%H%x00%P%x00%ae", f"{base}..{head}", "--", *_TEXTS)
    for line in text.splitlines():
        commit, parent, email = line.split("\0")
        if email == AIOS_EMAIL:
            continue
        names = git.text("diff-tree", "-r", "-z", "--name-only", "--diff-filter=M", parent, commit, "--", *_TEXTS)
        for path in filter(None, names.split("\0")):
            before, after = (_text(context, f"{at}:{path}", path) for at in (parent, commit))
            if before and after:
                yield path, before, after


def _of_habit(path: str, found: Corrections, before: str) -> Corrections:
    """What of it may hold for others. A mail is to one person: how they are greeted, and what they need not be told,
    says nothing of the next."""
    if not path.startswith(_MESSAGES):
        return found
    greeting = before.strip().partition("\n\n")[0]
    return replace(found, wordings=tuple(each for each in found.wordings if each.before not in greeting), taken_out=())


def _text(context: Context, spec: str, path: str) -> _Text | None:
    content = context.git.read_blob(spec)
    document = parse(path, content)[0] if content is not None else None
    return (document.data, document.body or "") if document else None


def _about(context: Context, run: str) -> tuple[str, ...]:
    """The pieces that a run was about, as its record tells."""
    rows = context.git.text("ls-tree", "-r", "--name-only", context.main, "state/runs/").splitlines()
    path = next((row for row in rows if row.endswith(f"/{run.rpartition('/')[2]}.yaml")), "")
    content = context.git.read_blob(f"{context.main}:{path}") if path else None
    document = parse(path, content)[0] if content is not None else None
    steps = document.data.get("steps") if document else None
    outputs = [step.get("output") for step in (steps or {}).values() if isinstance(step, Mapping)]
    names = [str(output["record"]) for output in outputs if isinstance(output, Mapping) and output.get("record")]
    return tuple(f"content/{name}" for name in dict.fromkeys(names))


def _decisions(context: Context) -> Iterator[_Decision]:
    """Rejections and approvals on main, oldest first."""
    oldest = (context.clock() - LOOK_BACK).isoformat()
    fields = "%x00".join(f"%(trailers:key=Aios-{name},valueonly,separator=%x20)" for name in ("Event", "Run", "Output"))
    asked = [f"--grep=Aios-Event: {each}" for each in (APPROVED, REJECTED)]
    text = context.git.text(
        "log", "--first-parent", "--reverse", "-z", "--fixed-strings", *asked, f"--since={oldest}",
        f"--format=%H%x00%aI%x00{fields}", context.main,
    )  # fmt: skip
    told = text.split("\0")
    for commit, at, event, run, output in zip(*(iter(told),) * 5, strict=False):
        if event in {APPROVED, REJECTED} and run.count("/") == 2:
            yield _Decision(event, run, at, commit.strip(), _json(output))


def _trailers(context: Context, event: str, name: str) -> list[str]:
    """The values of a trailer in all commits of main that tell of such an event."""
    only = f"--format=%(trailers:key=Aios-{name},valueonly,separator=%x20)"
    return context.git.text("log", "--fixed-strings", f"--grep=Aios-Event: {event}", only, context.main).split()


def _json(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}
