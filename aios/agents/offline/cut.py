"""A source cut into units, taken from what an earlier call cut wherever that was kept.

Kept are offsets, headings and stems: nothing but the body, whose it is and the language decide them, so that a source
that is cut anew gives the same. The words themselves are always the source's own.
"""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from importlib import metadata, resources
from typing import Any

from aios.agents.offline.material import Source, Unit, units
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.passages import Passage, Span
from aios.domain.agent import Tools
from aios.domain.keys import digest

_KINDS = ("sentence", "code", "list")
# What decides how a body is cut: all modules of the first, and those of the second by name.
_TEXT, _OTHERS = "aios.agents.offline.text", (("aios.agents.offline", "material.py"), ("aios.agents", "orders.py"))


def cut(tools: Tools, source: Source, known: Language) -> tuple[Unit, ...]:
    """The source's units, in order, as `units` gives them."""
    name = f"units {made_by()} {known.code} {'own' if source.own else 'external'}"
    return _units(
        source, tools.derived(name, source.body, lambda body: _told(units(replace(source, body=body), known)))
    )


@lru_cache(maxsize=1)
def made_by() -> str:
    """A hash of the code that cuts, and of what it is built on: another version cuts anew."""
    parts = [platform.python_version(), *(metadata.version(name) for name in ("markdown-it-py", "snowballstemmer"))]
    text = resources.files(_TEXT)
    files = [text / name for name in sorted(file.name for file in text.iterdir()) if name.endswith(".py")]
    files += [resources.files(package) / name for package, name in _OTHERS]
    return digest("\0".join([*parts, *(file.read_text(encoding="utf-8") for file in files)]).encode())


def _told(found: Sequence[Unit]) -> str:
    return json.dumps(
        [
            [unit.trail, unit.at, [_passage_told(each) for each in unit.passages], unit.stems, unit.words]
            for unit in found
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _passage_told(passage: Passage) -> list[Any]:
    spans = [[span.start, span.end, _KINDS.index(span.kind), span.block] for span in passage.spans]
    return [spans, passage.words, passage.opening]


def _units(source: Source, told: str) -> tuple[Unit, ...]:
    found = []
    for trail, at, passages, stems, words in json.loads(told):
        above = tuple(trail)
        inside = tuple(
            Passage(
                tuple(Span(start, end, _KINDS[kind], block) for start, end, kind, block in spans),
                above,
                at,
                count,
                opening,
            )
            for spans, count, opening in passages
        )
        found.append(Unit(source, above, at, inside, Counter(stems), words))
    return tuple(found)
