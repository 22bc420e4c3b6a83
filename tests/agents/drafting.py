"""A model that drafts as it is asked: from the passages in its message, well or badly, as a test wants it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aios.domain.model import Listen, ModelReply, Request, Usage

_SECTION = re.compile(r"Section “(.*?)”:\n\n(.*?)(?=\n\nSection “|\Z)", re.DOTALL)
_PASSAGE = re.compile(r"(p\d+):\n\[data (\w+)\][^\n]*\n(.*?)\n\[end \2\]", re.DOTALL)

# (id of the passage, its first sentence) → the sentence to write and what it names.
Write = Callable[[str, str], dict[str, Any]]


def in_short(name: str, first: str) -> dict[str, Any]:
    """A paraphrase that keeps everything."""
    return {"text": f"Put briefly, {first[:1].lower()}{first[1:]}", "from": [name]}


@dataclass
class Drafting:
    """`later` writes from the second question on. `sections` and `shape` may spoil the whole answer."""

    write: Write = in_short
    later: Write | None = None
    shape: Callable[[Any], str] = json.dumps
    name: str = "drafter"
    asked: list[Request] = field(default_factory=list)

    def cost(self, usage: Usage) -> float | None:
        return 0.01

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        self.asked.append(request)
        write = self.write if self.later is None or len(self.asked) == 1 else self.later
        sections = drafted(request.messages[1].text, write)
        return ModelReply(self.shape({"sections": sections}), usage=Usage(500, 200), model=self.name)


def drafted(asked: str, write: Write = in_short) -> list[dict[str, Any]]:
    """The sections that the message asks for, one paragraph each, a sentence for each passage."""
    sections = []
    for heading, told in _SECTION.findall(asked):
        sentences = [write(name, _first(text)) for name, _, text in _PASSAGE.findall(told)]
        sections.append({"heading": heading, "paragraphs": [sentences]})
    return sections


def _first(text: str) -> str:
    return " ".join(re.split(r"(?<=[.!?])\s", text.strip())[0].split())
