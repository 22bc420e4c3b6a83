"""What services say of how often they may still be called: read from the headers of their answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aios.connectors.http import Answer

_REMAINING = ("x-ratelimit-remaining", "ratelimit-remaining", "x-rate-limit-remaining")
_LIMIT = ("x-ratelimit-limit", "ratelimit-limit", "x-rate-limit-limit")
_FIELD = re.compile(r"\b(?:r|remaining)=(\d{1,12})\b")  # RateLimit: "default";r=50;t=30


@dataclass(frozen=True, slots=True)
class Quota:
    """Calls that are left, of so many (0 where that is not said), as told `at` that moment."""

    left: int
    of: int
    at: str

    def __str__(self) -> str:
        return f"{self.left} of {self.of} calls left" if self.of else f"{self.left} calls left"


def keep(folder: Path, now: Callable[[], str]) -> Callable[[str, Answer], None]:
    """A listener that keeps the newest quota of each connector; most services say nothing of one."""

    def hear(name: str, answer: Answer) -> None:
        left = _number(answer, _REMAINING)
        if left is None and (found := _FIELD.search(answer.headers.get("ratelimit", ""))):
            left = int(found[1])
        if left is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        data = {"left": left, "of": _number(answer, _LIMIT) or 0, "at": now()}
        (folder / f"{name}.json").write_text(json.dumps(data))

    return hear


def quota(folder: Path, name: str) -> Quota | None:
    """What is known of a connector's quota; None where nothing is."""
    try:
        return Quota(**json.loads((folder / f"{name}.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _number(answer: Answer, names: tuple[str, ...]) -> int | None:
    found = next((answer.headers[name].strip() for name in names if name in answer.headers), "")
    digits = re.match(r"\d{1,12}\b", found)
    return int(digits[0]) if digits else None
