"""A mail server and a payment service that live in a folder: what they hold, and everything that they were told.

Reads happen in processes of their own, so that all is in files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aios.connectors.reading import Reader
from aios.domain.effect import Capability, Collected, Effect, Lookup, Outcome, Preview, Receipt
from aios.domain.finding import Finding

ANY = {"type": "object"}


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _add(file: Path, row: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as out:
        out.write(json.dumps(row) + "\n")


def _page(rows: Sequence[dict[str, Any]], params: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """What came after the cursor, and the next cursor."""
    start = int((params.get("cursor") or {}).get("after", 0))
    found = list(rows[start : start + int(params.get("limit", 100))])
    return found, {"after": start + len(found)}


@dataclass(frozen=True)
class Mailbox:
    """`mail.read` and `mail.send`; each recipient is one act, known again by its key."""

    folder: Path
    name: str = "mailbox"

    def capabilities(self) -> Mapping[str, Capability]:
        return {
            "mail.read": Capability("mail.read", writes=False, payload=ANY, cursor=True),
            "mail.send": Capability("mail.send", writes=True, payload=ANY, each="recipients"),
        }

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        people = payload["recipients"]
        return people[0]["email"] if len(people) == 1 else f"{len(people)} people"

    def preview(self, effect: Effect) -> Preview:
        text = json.dumps(dict(effect.payload), indent=1)
        return Preview(f"send “{effect.payload['subject']}” to {effect.target}", text, reversible=False)

    def lookup(self, effect: Effect) -> Lookup:
        done = next((row for row in self.sent() if row["key"] == effect.key), None)
        return Lookup(Outcome(f"<{effect.key[7:47]}@desk.example>") if done else None, authoritative=True)

    def act(self, effect: Effect) -> Outcome:
        (to,) = effect.payload["recipients"]
        _add(self.folder / "sent", {"key": effect.key, "to": to["email"], **effect.payload})
        return Outcome(f"<{effect.key[7:47]}@desk.example>")

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        return None

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        found, cursor = _page(_rows(self.folder / "inbox"), params)
        _add(self.folder / "reads", {"cursor": params.get("cursor"), "given": len(found)})
        return Collected({"messages": found}, cursor=cursor)

    def check(self) -> Sequence[Finding]:
        return []

    def receive(self, mail: Mapping[str, Any]) -> None:
        _add(self.folder / "inbox", mail)

    def sent(self) -> list[dict[str, Any]]:
        return _rows(self.folder / "sent")

    def reads(self) -> list[dict[str, Any]]:
        return _rows(self.folder / "reads")


@dataclass(frozen=True)
class Payments(Reader):
    """`invoices.list` and `payments.list`: what changed since the cursor."""

    folder: Path = Path()

    def capabilities(self) -> Mapping[str, Capability]:
        names = ("invoices.list", "payments.list")
        return {name: Capability(name, writes=False, payload=ANY, cursor=True) for name in names}

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        what = capability.partition(".")[0]
        found, cursor = _page(_rows(self.folder / what), params)
        _add(self.folder / "reads", {"what": what, "cursor": params.get("cursor"), "given": len(found)})
        return Collected({what: found}, cursor=cursor)

    def check(self) -> Sequence[Finding]:
        return []

    def tell(self, what: str, row: Mapping[str, Any]) -> None:
        _add(self.folder / what, row)

    def reads(self) -> list[dict[str, Any]]:
        return _rows(self.folder / "reads")
