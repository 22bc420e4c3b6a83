"""Lessons about words, heeded: what the operator would write is written, in our own sentences, never in a quotation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from aios.agents.evidence import QUOTE, Sentence
from aios.agents.offline.front import load
from aios.domain.agent import Tools
from aios.domain.names import MEMORY
from aios.memory.learning import reaches
from aios.memory.scope import moment

# What the operator wrote into the draft is theirs, and a source's headings are the source's.
_THEIRS = frozenset({"operator-text", "heading-of-a-source", "headings-of-the-piece"})
_NAMED = re.compile(r"(\*[^*]*\*|“[^”]*”)")  # titles and quoted words within our sentences


@dataclass(frozen=True, slots=True)
class Rule:
    """Write `write` instead of `instead_of`, as the lesson at `path` says."""

    path: str
    instead_of: str
    write: str

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(rf"(?<!\w){re.escape(self.instead_of)}(?!\w)", re.IGNORECASE)


def rules(tools: Tools, *, now: str, workflow: str, agent: str, kind: str = "content") -> list[Rule]:
    """The rules of all lessons that hold here for records of the kind, by path. `now` is ISO 8601."""
    found = []
    for path in tools.paths(f"{MEMORY}lessons/*.md"):
        data, _, _ = load(tools.read(path) or "")
        wording = data.get("wording")
        end = moment(str(data.get("expires") or ""))
        is_over = end is not None and end <= (moment(now) or 0.0)
        holds = data.get("trust") == "operator" and not data.get("replaced_by") and not is_over
        here = reaches(data.get("applies"), kind=kind, workflow=workflow, agent=agent)
        if isinstance(wording, Mapping) and holds and here:
            found.append(Rule(path, str(wording.get("instead_of") or ""), str(wording.get("write") or "")))
    return [rule for rule in found if rule.instead_of.strip()]


def heed(
    body: str, evidence: Sequence[Sentence], told: Sequence[Rule]
) -> tuple[str, list[Sentence], list[tuple[Rule, int]]]:
    """The body and its evidence with every rule followed, and how often each had an effect."""
    sentences = list(evidence)
    done: list[tuple[Rule, int]] = []
    for rule in told:
        count = 0
        for number, sentence in enumerate(sentences):
            if sentence.kind == QUOTE or sentence.rule in _THEIRS or sentence.where:
                continue
            text, times = _written(rule, sentence.text)
            if times and body.count(sentence.text) == 1:
                body = body.replace(sentence.text, text)
                sentences[number] = replace(sentence, text=text)
                count += times
        if count:
            done.append((rule, count))
    return body, sentences, done


def _written(rule: Rule, text: str) -> tuple[str, int]:
    parts, times = _NAMED.split(text), 0
    for number in range(0, len(parts), 2):
        parts[number], count = rule.pattern.subn(lambda match: _as_was(match[0], rule.write), parts[number])
        times += count
    return "".join(parts), times


def _as_was(old: str, new: str) -> str:
    """The new words, with a capital where the old had one."""
    return new[:1].upper() + new[1:] if old[:1].isupper() else new


def reasons_of(done: Sequence[tuple[Rule, int]]) -> list[tuple[str, str, tuple[str, ...]]]:
    """What, why and the lesson's ref, for each rule that had an effect."""
    return [
        (
            f"“{rule.instead_of}” → “{rule.write}”" + (f", {count} times" if count > 1 else ""),
            f"a lesson of yours: {rule.path}",
            (rule.path.removesuffix(".md"),),
        )
        for rule, count in done
    ]
