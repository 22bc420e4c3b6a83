"""Web-server access logs as analytics (a first form)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from aios.domain.effect import Capability, Collected, Effect, Lookup, Outcome, Preview
from aios.domain.finding import Finding
from aios.errors import AiosError

_LINE = re.compile(r'(\S+) \S+ \S+ \[([^\]]+)\] "(\S+) (\S+)[^"]*" (\d{3}) \S+(?: "([^"]*)" "([^"]*)")?')


class AccessLog:
    def __init__(self, name: str, settings: Mapping[str, Any], *, root: Path, clock: Callable[[], datetime]) -> None:
        del clock
        self._name = name
        self._root = root
        self._patterns = list(settings.get("files") or ["logs/access.log*"])

    @property
    def name(self) -> str:
        return self._name

    def capabilities(self) -> Mapping[str, Capability]:
        return {"analytics.read": Capability("analytics.read", False, {"type": "object"}, "", "page views and visitors")}

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        raise AiosError(f"{self._name} only reads; it cannot {capability} {len(payload)}")

    def preview(self, effect: Effect) -> Preview:
        raise AiosError(f"{self._name} only reads; it cannot {effect.capability}")

    def lookup(self, effect: Effect) -> Lookup:
        raise AiosError(f"{self._name} only reads; it cannot {effect.capability}")

    def act(self, effect: Effect) -> Outcome:
        raise AiosError(f"{self._name} only reads; it cannot {effect.capability}")

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        del capability, params
        views: Counter[str] = Counter()
        for pattern in self._patterns:
            for file in sorted(self._root.glob(pattern)):
                for line in file.read_text(errors="replace").splitlines() if file.suffix != ".gz" else ():
                    found = _LINE.match(line)
                    if found and found[5] == "200":
                        views[found[4]] += 1
        pages = [{"path": path, "views": count} for path, count in views.most_common(200)]
        return Collected({"pages": pages, "searches": [], "missing": []})

    def check(self) -> Sequence[Finding]:
        return []
