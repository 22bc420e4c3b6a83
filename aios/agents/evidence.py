"""Evidence: where each sentence of a piece comes from, and how a footnote says so.

`state/evidence/<content id>.yaml` lists the sentences in the order of the piece. Offsets are characters into the body
of the source (the text behind its front matter).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aios.agents.offline.front import load_yaml
from aios.domain.front_matter import render_yaml

QUOTE = "quote"
CONNECTIVE = "connective"
RECORD = "record"
SUPPORTED = "supported"  # a model's words; what they cite holds their numbers, names and most of their words
UNVERIFIED = "unverified"  # a model's words that nothing stands behind

_BREAK = re.compile(r"[ \t]*\n[ \t]*")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)|<(https?://[^>]*)>")
_MARKS = re.compile(r"[`*]|(?<!\w)_|_(?!\w)")
DEFINITION = re.compile(r"^\[\^(\d+)\]:\s*(.*)$", re.MULTILINE)
REFERENCE = re.compile(r"\[\^(\d+)\](?!:)")
CITATION = re.compile(r"“(?P<words>[^“”]*?)…?” \((?P<source>[\w./-]+), characters (?P<start>\d+)–(?P<end>\d+)\)\s*$")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, heading, listing or list of a piece. `where` is empty for the body, else a front matter field."""

    text: str
    kind: str
    footnote: int | None = None
    source: str = ""
    start: int | None = None
    end: int | None = None
    rule: str = ""
    note: str = ""
    where: str = ""

    def as_dict(self) -> dict[str, Any]:
        data: dict[str, Any] = {"text": self.text, "kind": self.kind, "footnote": self.footnote}
        data |= {"source": self.source or None, "start": self.start, "end": self.end}
        data |= {"rule": self.rule or None, "note": self.note or None}
        return data | ({"where": self.where} if self.where else {})


def evidence_path(content_path: str) -> str:
    """`state/content/x.md` → `state/evidence/x.yaml`."""
    return f"state/evidence/{content_path.rsplit('/', 1)[-1].removesuffix('.md')}.yaml"


def unbroken(text: str) -> str:
    """The one change that a quotation may undergo: a line break, with the blanks around it, becomes a space."""
    return _BREAK.sub(" ", text.strip())


def render(content: str, sentences: Sequence[Sentence], *, run: str, tier: str, created: str, trust: str) -> str:
    """The evidence file's text."""
    head = {"schema": "evidence.v1", "content": content, "run": run, "tier": tier, "created": created, "trust": trust}
    return render_yaml({**head, "sentences": [sentence.as_dict() for sentence in sentences]})


def parse(text: str) -> tuple[Mapping[str, Any], list[Sentence]]:
    """The file's data and its sentences; entries that are none are passed over."""
    data = load_yaml(text)
    items = [
        item for item in data.get("sentences") or () if isinstance(item, dict) and isinstance(item.get("text"), str)
    ]
    return data, [_sentence(item) for item in items]


def _sentence(item: Mapping[str, Any]) -> Sentence:
    return Sentence(
        item["text"],
        str(item.get("kind") or ""),
        _whole(item.get("footnote")),
        str(item.get("source") or ""),
        _whole(item.get("start")),
        _whole(item.get("end")),
        str(item.get("rule") or ""),
        str(item.get("note") or ""),
        str(item.get("where") or ""),
    )


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def plain(text: str) -> str:
    """Markdown's marks taken off: for the few words that a footnote quotes, and to compare them."""
    return " ".join(_MARKS.sub("", _LINK.sub(lambda match: match.group(1) or match.group(2), text)).split())


def definition(number: int, title: str, text: str, source: str, start: int, end: int) -> str:
    """`[^n]: Title, “first words…” (sources/<id>, characters a–b)`."""
    first = plain(text).replace("“", "").replace("”", "").split()
    words = " ".join(first[:8]).rstrip(".,;:")
    ref = source.removeprefix("state/").removesuffix(".md")
    return f"[^{number}]: {plain(title)}, “{words}…” ({ref}, characters {start}–{end})"
