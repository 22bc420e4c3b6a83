"""Working memory: one conversation with a model, kept within the contract's tokens, and the list of what it saw.

Instructions, the task and the model's own words stay; material (recalled passages, tools' answers) shares
`context.tokens`; what earlier steps found and decided is summarized to its share (`so_far`). Where there is no room for
more, the oldest answers of tools go first, and a line says what stood there. Nothing goes silently: the manifest tells
what was given, what was left out, and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aios.agents.conversation import CHARS_PER_TOKEN, instructions, material, task
from aios.agents.so_far import SoFar, so_far
from aios.domain.agent import AgentCall
from aios.domain.memory import Hit
from aios.domain.model import Message, Role, ToolCall
from aios.domain.record import Trust

RESULT_LIMIT = 12_000  # characters of one tool's answer
_EARLIER_SHARE = 0.2  # of the room, for what earlier steps found
_RECALLED_SHARE = 0.5  # of the room for material, at most: tools need some


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of material: which tool gave it, where it lies, how far it can be trusted."""

    tool: str
    where: str
    trust: Trust
    text: str

    def told(self) -> dict[str, Any]:
        return {"tool": self.tool, "where": self.where, "trust": self.trust.value, "tokens": tokens_of(self.text)}


@dataclass(slots=True)
class WorkingMemory:
    """`room` is in tokens. `answers` holds the passages of each tool's answer, by the place of its message."""

    room: int
    messages: list[Message] = field(default_factory=list)
    recalled: list[Passage] = field(default_factory=list)
    answers: dict[int, list[Passage]] = field(default_factory=dict)
    left_out: list[dict[str, Any]] = field(default_factory=list)
    most: int = 0
    earlier: SoFar = field(default_factory=lambda: SoFar(""))

    def begin(self, call: AgentCall, hits: Sequence[Hit]) -> list[Hit]:
        """Instructions, the task, what the run found before, and recalled passages that fit; the given ones."""
        self.earlier = so_far(call.found, int(self.room * _EARLIER_SHARE))
        room, kept = int(self.room * _RECALLED_SHARE), []
        for hit in hits:
            passage = passage_of(hit)
            size = tokens_of(hit.text)
            if size > room:
                self._leave(passage, "recalled passages have no more room")
                continue
            room -= size
            kept.append(hit)
            self.recalled.append(passage)
        self.messages = [
            Message(Role.SYSTEM, instructions(call)),
            Message(Role.USER, task(call, kept, self.earlier.text)),
        ]
        self.most = self._material()
        return kept

    def say(self, role: Role, text: str, calls: tuple[ToolCall, ...] = ()) -> None:
        self.messages.append(Message(role, text, calls))

    def answer(self, call: ToolCall, found: str | Sequence[Passage]) -> None:
        """A tool's answer: words of ours, or passages, which are cut to the room there is. Older answers make room."""
        place = len(self.messages)
        if isinstance(found, str):
            self.messages.append(Message(Role.TOOL, found[:RESULT_LIMIT], call_id=call.id))
            self.answers[place] = []
        else:
            given = self._cut(found)
            text = "\n\n".join(material(each.text, each.where, each.trust) for each in given)
            self.messages.append(Message(Role.TOOL, text or "nothing was found", call_id=call.id))
            self.answers[place] = given
        self._make_room(place)
        self.most = max(self.most, self._material())

    def manifest(self) -> dict[str, Any]:
        """What the conversation held, part by part, with estimated tokens."""
        answered = [passage for passages in self.answers.values() for passage in passages]
        head = [tokens_of(message.text) for message in self.messages[:2]]
        return {
            "tokens": {"instructions": head[0], "task": head[1], "material": self.most, "room": self.room},
            "given": [passage.told() for passage in (*self.recalled, *answered)],
            "left_out": list(self.left_out),
            **({"earlier_steps": self.earlier.told()} if self.earlier.text or self.earlier.left_out else {}),
        }

    def _cut(self, passages: Sequence[Passage]) -> list[Passage]:
        """As much of each as fits into one answer."""
        most = min(RESULT_LIMIT, max(0, self.room - _total(self.recalled)) * CHARS_PER_TOKEN)
        given = []
        for passage in passages:
            if not most:
                self._leave(passage, "the answer had no more room")
                continue
            kept = replace(passage, text=passage.text[:most])
            if len(passage.text) > most:
                rest = replace(passage, text=passage.text[most:])
                self._leave(rest, f"cut off after {most:,} characters")
            most -= len(kept.text)
            given.append(kept)
        return given

    def _make_room(self, newest: int) -> None:
        for place in sorted(self.answers):
            if place == newest or self._material() <= self.room:
                return
            passages = self.answers.pop(place)
            for passage in passages:
                self._leave(passage, "taken out again: later answers needed the room")
            names = ", ".join(dict.fromkeys(passage.where for passage in passages)) or "an answer"
            gone = f"[taken out to make room: {names[:300]}; ask again if you need it]"
            self.messages[place] = replace(self.messages[place], text=gone)

    def _material(self) -> int:
        return _total(self.recalled) + sum(tokens_of(self.messages[place].text) for place in self.answers)

    def _leave(self, passage: Passage, why: str) -> None:
        self.left_out.append({**passage.told(), "why": why})


def passage_of(hit: Hit) -> Passage:
    return Passage("recall", f"{hit.path}:{hit.start}-{hit.end}", hit.trust, hit.text)


def tokens_of(text: str) -> int:
    """About how many tokens a text has."""
    return len(text) // CHARS_PER_TOKEN + 1


def _total(passages: Sequence[Passage]) -> int:
    return sum(tokens_of(passage.text) for passage in passages)
