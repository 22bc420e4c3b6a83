"""A company held in a dictionary, with a small recall of its own: what the offline engines see in their tests."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aios.agents.offline.front import load, load_yaml
from aios.domain.agent import AgentCall, AgentReply, Contract, Derive, Tier
from aios.domain.front_matter import render_markdown, render_yaml, split
from aios.domain.globs import matches
from aios.domain.keys import digest
from aios.domain.memory import Hit
from aios.domain.record import Record, Trust
from aios.errors import RefusedError

NOW = "2026-11-23T09:00:00Z"
ROOT = Path(__file__).parents[2]
DIRECTORIES = {"source": "sources", "content": "content", "product": "products", "decision": "decisions", "run": "runs"}
_WORD = re.compile(r"[a-zäöüß]{3,}")


def contract(name: str) -> Contract:
    """The contract in the box, read as the product's own loader would."""
    data = load_yaml((ROOT / f"state/agents/{name}.yaml").read_text())
    schemas = {
        side: json.loads((ROOT / f"state/schemas/{name}-{side}.v1.json").read_text()) for side in ("input", "output")
    }
    context = data["context"]
    return Contract(
        name=name,
        version=int(data["version"]),
        summary=str(data["summary"]),
        tier=Tier(data["tier"]),
        input=schemas["input"],
        output=schemas["output"],
        reads=tuple(data["reads"]),
        writes=tuple(data["writes"]),
        context_tokens=context["tokens"],
        context_recall=context["recall"],
        escalate_below=float((data.get("escalate") or {}).get("below", 0.0)),
        settings=data.get("settings") or {},
    )


class Company:
    """`Tools` over a dictionary of files. `apply` writes a reply's files into it."""

    def __init__(self, files: Mapping[str, str], *, language: str = "en") -> None:
        self.files = dict(files)
        self.language = language
        self.allowed: tuple[str, ...] = ("**",)
        self.seen: set[str] = set()
        self._index: dict[str, tuple[str, list[tuple[int, int, Counter[str]]]]] = {}

    def read(self, path: str) -> str | None:
        if not matches(path, self.allowed):
            raise RefusedError(f"may not read {path}")
        self.seen.add(path)
        return self.files.get(path)

    def front(self, path: str) -> str | None:
        text = self.read(path)
        return None if text is None else split(text)[0]

    def paths(self, pattern: str) -> Sequence[str]:
        return sorted(path for path in self.files if matches(path, (pattern,)) and matches(path, self.allowed))

    def record(self, kind: str, record_id: str) -> Record | None:
        return next((record for record in self.records(kind) if record.id == record_id), None)

    def records(self, kind: str) -> Sequence[Record]:
        if kind == "company":
            data = {"schema": "company.v1", "name": "Example", "language": self.language}
            return [Record("company", "company", "state/company.yaml", "company.v1", data)]
        found = []
        for path in self.paths("memory/**.md" if kind == "note" else f"state/{DIRECTORIES[kind]}/*"):
            text = self.files[path]
            data, body = load(text)[:2] if path.endswith(".md") else (dict(load_yaml(text)), None)
            record_id = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
            found.append(Record(kind, record_id, path, str(data.get("schema")), data, body))
        return found

    def derived(self, name: str, text: str, derive: Derive) -> str:
        del name
        return derive(text)

    def recall(self, query: str, *, limit: int = 0, kinds: Sequence[str] = ()) -> Sequence[Hit]:
        wanted = {word[:6] for word in _WORD.findall(query.lower())}
        entries = []
        for path in self.paths("**"):
            title, chunks = self._chunks(path)
            entries += [(path, title, *chunk) for chunk in chunks]
        frequency = Counter(word for entry in entries for word in entry[4])
        scored = []
        for path, title, start, end, bag in entries:
            length = 0.3 + 0.7 * sum(bag.values()) / 80
            score = sum(
                math.log(1 + len(entries) / frequency[word]) * bag[word] / (bag[word] + length)
                for word in wanted
                if bag[word]
            )
            if score:
                scored.append((score, path, title, start, end))
        scored.sort(key=lambda item: (-item[0], item[1], item[3]))
        return [
            Hit(
                path,
                path.split("/")[1],
                title,
                "",
                start,
                end,
                1,
                score,
                "shared words",
                Trust.EXTERNAL,
                blob=digest(self.files[path].encode()).partition(":")[2],
            )
            for score, path, title, start, end in scored[: limit or 12]
            if not kinds or path.split("/")[1] in kinds
        ]

    def _chunks(self, path: str) -> tuple[str, list[tuple[int, int, Counter[str]]]]:
        if path not in self._index:
            data, body, _ = load(self.files[path])
            title = str(data.get("title", ""))
            above = Counter(word[:6] for word in _WORD.findall(title.lower()))
            chunks = [
                (match.start(), match.end(), above + Counter(word[:6] for word in _WORD.findall(match.group().lower())))
                for match in re.finditer(r"\S.*?(?=\n\s*\n|\Z)", body, re.DOTALL)
            ]
            self._index[path] = (title, chunks)
        return self._index[path]

    def apply(self, reply: AgentReply) -> None:
        for path, text in reply.files.items():
            self._index.pop(path, None)
            if text is None:
                self.files.pop(path, None)
            else:
                self.files[path] = text


def call(name: str, given: Mapping[str, Any], *, item: int | None = None, guidance: Sequence[str] = ()) -> AgentCall:
    return AgentCall(contract(name), given, f"publish-content/x/01j{name[:3]}", name, NOW, item, tuple(guidance))


def source(title: str, body: str, *, trust: str = "external", origin: str = "notes.md") -> str:
    return render_markdown({"schema": "source.v1", "title": title, "origin": origin, "trust": trust}, body)


def piece(title: str, *, status: str = "published", headings: Sequence[str] = (), body: str = "", **more: Any) -> str:
    outline = [{"heading": heading} for heading in headings]
    return render_markdown({"schema": "content.v1", "title": title, "status": status, "outline": outline, **more}, body)


def yaml(data: Mapping[str, Any]) -> str:
    return render_yaml(data)
