"""The operator's own files as sources: Markdown and text. Read-only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from aios.domain.effect import Capability, Collected, CollectedDocument, Effect, Lookup, Outcome, Preview
from aios.domain.finding import Finding, Severity
from aios.domain.keys import digest
from aios.errors import AiosError

LIMIT = 1024 * 1024


class Files:
    def __init__(self, name: str, settings: Mapping[str, Any], *, root: Path, clock: Callable[[], datetime]) -> None:
        del settings, clock
        self._name = name
        self._root = root

    @property
    def name(self) -> str:
        return self._name

    def capabilities(self) -> Mapping[str, Capability]:
        params = {"type": "object", "properties": {"locations": {"type": "array", "items": {"type": "string"}}}}
        return {"sources.read": Capability("sources.read", False, params, "", "read files and folders")}

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        raise AiosError(f"{self._name} only reads; it cannot {capability} {len(payload)}")

    def preview(self, effect: Effect) -> Preview:
        raise AiosError(f"{self._name} only reads; it cannot {effect.capability}")

    def lookup(self, effect: Effect) -> Lookup:
        raise AiosError(f"{self._name} only reads; it cannot {effect.capability}")

    def act(self, effect: Effect) -> Outcome:
        raise AiosError(f"{self._name} only reads; it cannot {effect.capability}")

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        del capability
        documents, findings = [], []
        for location in params["locations"]:
            place = (self._root / Path(location).expanduser()).resolve()
            files = sorted(each for each in place.rglob("*") if each.is_file()) if place.is_dir() else [place]
            for file in files:
                if file.suffix not in {".md", ".txt"}:
                    continue
                content = file.read_bytes()
                if len(content) > LIMIT:
                    findings.append(Finding(str(file), 0, 0, "source", "larger than 1 MiB", "", Severity.WARNING))
                    continue
                text = content.decode(errors="replace")
                title = next((line.lstrip("# ") for line in text.splitlines() if line.startswith("# ")), file.stem)
                documents.append(CollectedDocument(str(file), title, text, digest(content), "text/markdown"))
        return Collected({"documents": len(documents)}, tuple(documents), tuple(findings))

    def check(self) -> Sequence[Finding]:
        return []
