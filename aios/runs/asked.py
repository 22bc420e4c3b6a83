"""Questions of a run as comments with options to tick. Those of records have no proposal: they stay in the inbox."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aios.domain.keys import key_of
from aios.proposals.neutral import code, neutral
from aios.runs.context import Context
from aios.runs.history import ANSWERED, ASKED
from aios.runs.told import Told, told_of

_BOX = re.compile(r"[-*] \[([ xX])\] .*<!-- aios:answer ([0-9a-f]{16}) (\d{1,3}) -->")
EVIDENCE = 20  # lines


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a run's step. `id` is its own, also where the same is asked again; `answer`, `by` and `at` are
    empty while it is open."""

    id: str
    step: str
    text: str
    options: tuple[str, ...]
    evidence: tuple[str, ...]
    answer: str = ""
    by: str = ""
    at: str = ""

    @property
    def marker(self) -> str:
        return f"question-{self.id}"


def questions_of(context: Context, run: str) -> list[Asked]:
    """All that a run has asked, oldest first. Told twice, it is one question until it is answered."""
    found: list[Asked] = []
    open_at: dict[str, int] = {}
    for each in told_of(context, run):
        step = each.fact.step
        if each.fact.type == ASKED:
            asked = _asked(run, step, each.data, len(found) - (step in open_at))
            if step in open_at:
                found[open_at[step]] = asked
            else:
                open_at[step] = len(found)
                found.append(asked)
        elif each.fact.type == ANSWERED and step in open_at:
            place = open_at.pop(step)
            found[place] = _answered(found[place], each)
    return found


def _asked(run: str, step: str, data: Mapping[str, Any], number: int) -> Asked:
    text, options = str(data.get("text", "")), tuple(str(each) for each in data.get("options") or ())
    name = key_of("asked", run, step, number, text, list(options)).removeprefix("sha256:")[:16]
    return Asked(name, step, text, options, tuple(str(each) for each in data.get("evidence") or ()))


def _answered(asked: Asked, told: Told) -> Asked:
    said = str(told.data.get("answer", ""))
    return Asked(asked.id, asked.step, asked.text, asked.options, asked.evidence, said, told.actor, told.fact.at)


def open_of(questions: Sequence[Asked]) -> Asked | None:
    return next((each for each in questions if not each.at), None)


def comment_of(asked: Asked, note: str = "") -> str:
    """Its comment: boxes to tick while it is open, the answer afterwards. `note` says why a tick did not count."""
    lines = [f"### {neutral(asked.text, 1_000)}", ""]
    lines += [f"- {neutral(line, 500)}" for line in asked.evidence[:EVIDENCE]]
    lines += [""] if asked.evidence else []
    if asked.at:
        by = asked.by.removeprefix("operator:").removeprefix("github:")
        lines += [f"**Answered: {neutral(asked.answer, 2_000)}** ({neutral(by, 100)}, {asked.at[:10]})"]
        return "\n".join(lines)
    if asked.options:
        lines += [f"{code(asked.step)} waits. Tick one, or comment `/aios answer` with its number or words:", ""]
        lines += [
            f"- [ ] {number}: {neutral(option, 500)} <!-- aios:answer {asked.id} {number} -->"
            for number, option in enumerate(asked.options, start=1)
        ]
    else:
        lines += [f"{code(asked.step)} waits. Comment `/aios answer` and your answer."]
    lines += ["", f"**{note}**"] if note else []
    return "\n".join(lines)


def ticked(asked: Asked, body: str) -> list[int]:
    """The numbers of the options that are ticked in a comment's text. Only boxes that are ours count."""
    found = []
    for line in body.replace("\r\n", "\n").splitlines():
        box = _BOX.fullmatch(line.strip())
        if box and box[1] in "xX" and box[2] == asked.id and 1 <= int(box[3]) <= len(asked.options):
            found.append(int(box[3]))
    return sorted(set(found))
