"""A post office that counts: every mail is a line in a file. It forgets what it sent unless `knows`; some addresses it
refuses, some it answers late."""

from __future__ import annotations

import fcntl
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aios.domain.effect import Capability, Collected, Effect, Lookup, Outcome, Preview, Receipt, parts
from aios.domain.finding import Finding
from aios.errors import AiosError

MAIL = Capability("mail.send", True, {"type": "object"}, each="recipients", authoritative=False)


def letter(count: int, name: str = "news") -> Effect:
    """A mail to so many people."""
    people = [{"email": f"p{number}@x.example"} for number in range(count)]
    payload = {"id": name, "recipients": people, "subject": "News", "markdown": "Hello\n", "list": {"name": "news"}}
    return Effect("post", "mail.send", f"{count} recipients", payload, "w/s/01", "send", "messages/news")


def pieces(effect: Effect) -> tuple[Effect, ...]:
    return parts(effect, MAIL)


@dataclass
class Post:
    """`fails` gives the failure that an address meets, and when: before or after its mail was sent; once each where
    `once`."""

    file: Path
    knows: bool = False
    fails: Mapping[str, tuple[str, AiosError]] = field(default_factory=dict)
    once: bool = False
    each: Callable[[str], None] = lambda _: None
    name: str = "post"
    late: float = 60.0
    tried: list[str] = field(default_factory=list)

    def capabilities(self) -> Mapping[str, Capability]:
        return {"mail.send": MAIL}

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        people = payload["recipients"]
        return str(people[0]["email"]) if len(people) == 1 else f"{len(people)} recipients"

    def preview(self, effect: Effect) -> Preview:
        people = [each["email"] for each in effect.payload["recipients"]]
        text = f"To: {', '.join(people[:3])} and {len(people) - 3} more\n\n{effect.payload['markdown']}"
        return Preview(f"Mail “{effect.payload['subject']}” to {len(people)} people", text, reversible=False)

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        return None

    def lookup(self, effect: Effect) -> Lookup:
        there = self.knows and effect.key in self.sent()
        return Lookup(Outcome(effect.key) if there else None, authoritative=self.knows)

    def act(self, effect: Effect) -> Outcome:
        to = effect.payload["recipients"][0]["email"]
        assert len(effect.payload["recipients"]) == 1
        when, failure = self.fails.get(to, ("", None))
        failure = None if self.once and to in self.tried else failure
        self.tried.append(to)
        self.each(to)
        if failure is not None and when == "before":
            raise failure
        with self.file.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(json.dumps([effect.key, to]) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if failure is not None:
            raise failure
        return Outcome(effect.key)

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        return Collected({})

    def check(self) -> Sequence[Finding]:
        return []

    def sent(self) -> Counter[str]:
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return Counter(json.loads(line)[0] for line in lines)

    def people(self) -> list[str]:
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [json.loads(line)[1] for line in lines]
