"""A service that counts: what was done is a line in a file, so that a killed process leaves its trace."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aios.domain.effect import Capability, Collected, Effect, Lookup, Outcome, Preview, Receipt
from aios.domain.finding import Finding
from aios.effects.executor import Desk, execute
from aios.effects.ledger import Ledger
from aios.store.git import Git

AT = "2026-03-02T09:00:00Z"
EFFECT = Effect("post", "mail.send", "ann@x.example", {"to": "ann@x.example", "text": "Hello"}, "run", "send", "")


@dataclass
class Service:
    """`knows` is whether a look-up tells the truth (else it tells nothing); `fails` raises in an act, before or after
    it is done."""

    file: Path
    knows: bool = True
    name: str = "post"
    fails: Sequence[tuple[str, Exception]] = ()
    sent: bool = True
    lookup_fails: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def capabilities(self) -> Mapping[str, Capability]:
        return {"mail.send": Capability("mail.send", True, {"type": "object"})}

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        return str(payload["to"])

    def preview(self, effect: Effect) -> Preview:
        return Preview("Send a mail", str(effect.payload["text"]), reversible=False)

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        return None

    def lookup(self, effect: Effect) -> Lookup:
        self.asked.append("lookup")
        if self.lookup_fails is not None:
            raise self.lookup_fails
        found = Outcome(effect.key, "https://x.example/1") if self.knows and effect.key in self.done() else None
        return Lookup(found, authoritative=self.knows)

    def act(self, effect: Effect) -> Outcome:
        self.asked.append("act")
        when, failure = self.fails[0] if self.fails else ("", None)
        self.fails = self.fails[1:]
        if failure is not None and when == "before":
            raise failure
        if self.sent:
            with self.file.open("a") as file:
                file.write(json.dumps(effect.key) + "\n")
                file.flush()
                os.fsync(file.fileno())
        if failure is not None:
            raise failure
        return Outcome(effect.key, "https://x.example/1", {"ok": True}, sent=self.sent)

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        return Collected({})

    def check(self) -> Sequence[Finding]:
        return []

    def done(self) -> list[str]:
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []


def desk(git: Git, *, checkpoint: Callable[[str], None] = lambda _: None, paused: str = "") -> Desk:
    return Desk(Ledger(git), lambda: AT, f"here:{os.getpid()}", lambda _: paused, checkpoint)


def _main(root: str, file: str, knows: str, boundary: str) -> None:
    """Do the effect, dying at a boundary: how the tests end a process in the middle."""

    def dying(name: str) -> None:
        if name == boundary:
            os.kill(os.getpid(), 9)

    with Git(Path(root)) as git:
        done = execute(
            EFFECT,
            Service(Path(file), knows=knows == "knows"),
            desk(git, checkpoint=dying),
            approved={EFFECT.key},
            approved_commit="0" * 40,
        )
    sys.stdout.write(type(done).__name__)


if __name__ == "__main__":
    _main(*sys.argv[1:])
