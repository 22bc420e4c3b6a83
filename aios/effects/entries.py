"""What an effect's folder in the ledger holds: the names of its files, and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aios.domain.effect import Claim, HowKnown, Receipt
from aios.errors import CorruptError
from aios.store.commits import Draft
from aios.store.documents import dump, parse

NAME, EMAIL = "aios", "aios@localhost"
RECEIPT = "receipt.yaml"
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Absence:
    """It did not happen, says `by`. `end` is `refused` or `withheld` where it shall not be tried again in that `turn`
    (a run's attempt at a step); empty where nothing speaks against trying."""

    key: str
    at: str
    by: str
    why: str = ""
    end: str = ""
    turn: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why an approved effect of a run waits, and until when (ISO 8601 UTC; empty where nobody knows).

    `kind` is held (by ourselves), credentials, service or doubt.
    """

    key: str
    run: str
    kind: str
    at: str
    why: str
    until: str = ""


@dataclass(frozen=True, slots=True)
class Write:
    """Files that belong in an effect's folder, unless others are there; `needs` must be."""

    key: str
    files: Mapping[str, Mapping[str, Any]]
    message: str
    at: str
    needs: str = ""
    unless: tuple[str, ...] = ()
    again: Callable[[], None] = lambda: None

    def draft(self) -> Draft:
        paths = {f"{folder(self.key)}/{name}": as_bytes(data) for name, data in self.files.items()}
        return Draft(f"{self.message}\n\nAios-Key: {self.key}\n", paths, self.at, NAME, EMAIL)

    def claimed(self) -> Mapping[str, Any]:
        """The claim among the files; else the word that stands in its place."""
        return next((data for name, data in self.files.items() if name.startswith("claim")), {})


def folder(key: str) -> str:
    """`<kk>/<key>`: the key's hex digits, under their first two."""
    digits = key.removeprefix("sha256:")
    return f"{digits[:2]}/{digits}"


def nothing_came(absence: Absence, number: int, *, needs: str = "", unless: tuple[str, ...]) -> Write:
    files = {absence_file(number): told("absence.v1", absence)}
    message = f"{absence.end or 'absent'}: says {absence.by}"
    return Write(absence.key, files, message, absence.at, needs=needs, unless=unless)


def as_bytes(data: Mapping[str, Any]) -> bytes:
    return dump(data).encode()


def claim_of(data: Mapping[str, str]) -> Claim:
    fields: dict[str, Any] = {**data, "amount": int(data.get("amount", 0))}
    return Claim(**fields)


def receipt_of(data: Mapping[str, str]) -> Receipt:
    fields: dict[str, Any] = {**data, "how": HowKnown(data["how"])}
    return Receipt(**fields)


def read(path: str, content: bytes) -> dict[str, str]:
    """A file of the ledger: text by name. Raises CorruptError."""
    document, _ = parse(path, content)
    if document is None:
        raise CorruptError(f"{path} on aios/ledger cannot be read", "`git log aios/ledger` shows who changed it")
    return {name: str(value) for name, value in document.data.items() if name != "schema"}


def told(schema: str, what: Absence | Hold) -> dict[str, Any]:
    return {"schema": schema, **{name: value for name, value in asdict(what).items() if value}}


def claim_data(claim: Claim) -> dict[str, Any]:
    money = {} if claim.amount or claim.currency else {"amount", "currency"}
    return {"schema": "claim.v1", **{name: value for name, value in asdict(claim).items() if name not in money}}


def claim_file(number: int) -> str:
    return f"claim-{number}.yaml" if number > 1 else "claim.yaml"


def absence_file(number: int) -> str:
    return f"absent-{number}.yaml"


def numbered(names: frozenset[str], kind: str) -> int:
    """The highest number among the files of a kind; they are numbered without a gap."""
    return sum(1 for name in names if name.startswith(f"{kind}-"))


def reason_of(hold: Hold) -> tuple[str, str, str]:
    return hold.kind, hold.until, _NUMBER.sub("#", hold.why)
