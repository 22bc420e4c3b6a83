"""The ledger: what was claimed and what came of it, append-only on the branch `aios/ledger`.

A claim is a compare-and-swap on the branch: of two workers, one wins. It is on the disk before `claim` returns. An
effect's folder holds `claim.yaml`, `absent-1.yaml` (it did not happen), `claim-2.yaml` (tried anew) … `receipt.yaml`,
and `held-1.yaml` … for why it waits. What is asked of one effect reads its folder, however much else there is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aios.domain.effect import Claim, HowKnown, Receipt
from aios.domain.names import LEDGER
from aios.effects.acts import Acts
from aios.errors import CorruptError, MovedError
from aios.store.commits import Draft, commit_many
from aios.store.documents import dump, parse
from aios.store.git import Git
from aios.store.objects import parse_tree

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


def folder(key: str) -> str:
    """`<kk>/<key>`: the key's hex digits, under their first two."""
    digits = key.removeprefix("sha256:")
    return f"{digits[:2]}/{digits}"


class Ledger:
    """Claims and receipts by effect key."""

    def __init__(self, git: Git) -> None:
        self._git = git

    @property
    def acts(self) -> Acts:
        """The same by day, target and money."""
        return Acts(self._git)

    def claim(self, claim: Claim) -> int:
        """Claim an effect: the number of the attempt, 0 where somebody's claim stands or it has its receipt.

        After it was said that an attempt did not happen, one further claim is free: it lies beside the first.
        """
        number = self._absences(claim.key) + 1
        message = f"claimed: {claim.capability} {claim.target}"
        unless = (RECEIPT, _absence_file(number))
        files = {_claim_file(number): _claim_data(claim)}
        return number if self._add(claim.key, files, message, claim.at, unless=unless) else 0

    def standing(self, key: str) -> tuple[int, Claim] | None:
        """The claim that neither a receipt nor somebody's word has settled, with the number of its attempt."""
        names = self._names(key)
        number = _numbered(names, "absent") + 1
        if _claim_file(number) not in names or RECEIPT in names:
            return None
        data = self._read(key, _claim_file(number))
        return (number, claim_of(data)) if data else None

    def retake(self, claim: Claim, *, of: int, by: str) -> int:
        """Take over from the attempt `of`, of which nothing came, both in one commit: the number of the new attempt, 0
        where that attempt does not stand any more."""
        why = "its worker is gone, and the service has nothing of it"
        files = {
            _absence_file(of): _told("absence.v1", Absence(claim.key, claim.at, by, why)),
            _claim_file(of + 1): _claim_data(claim),
        }
        message = f"taken over: {claim.capability} {claim.target}"
        taken = self._add(claim.key, files, message, claim.at, needs=_claim_file(of), unless=(RECEIPT,))
        return of + 1 if taken else 0

    def absent(self, absence: Absence, *, of: int) -> bool:
        """The attempt `of` did not happen: the operator says so, a connector that sent nothing, or ourselves. False
        where that attempt does not stand any more: of a later one its word says nothing."""
        return self._absent(absence, of, needs=_claim_file(of), unless=(RECEIPT,))

    def withhold(self, absence: Absence) -> bool:
        """It shall not be tried, and nobody has claimed it; False where somebody has meanwhile."""
        number = self._absences(absence.key) + 1
        return self._absent(absence, number, unless=(RECEIPT, _claim_file(number)))

    def _absent(self, absence: Absence, number: int, *, needs: str = "", unless: tuple[str, ...]) -> bool:
        files = {_absence_file(number): _told("absence.v1", absence)}
        message = f"{absence.end or 'absent'}: says {absence.by}"
        return self._add(absence.key, files, message, absence.at, needs=needs, unless=unless)

    def ended(self, key: str, turn: str) -> Absence | None:
        """The word that it shall not be tried again in a turn; None where nothing forbids it."""
        number = self._absences(key)
        data = self._read(key, _absence_file(number)) if number else None
        absence = Absence(**data) if data else None
        return absence if absence and absence.end and absence.turn == turn else None

    def stands(self, key: str) -> bool:
        """Is there a claim that neither a receipt nor somebody's word has settled?"""
        return self.standing(key) is not None

    def receipt(self, receipt: Receipt) -> bool:
        """Write an effect's receipt; False where it has one."""
        data = {"schema": "receipt.v1", **asdict(receipt), "how": receipt.how.value}
        return self._add(receipt.key, {RECEIPT: data}, f"receipt: {receipt.outcome}, {receipt.how.value}", receipt.at)

    def get(self, key: str) -> tuple[Claim | None, Receipt | None]:
        """The claim that was made last, and the receipt."""
        names = self._names(key)
        numbers = range(_numbered(names, "absent") + 1, 0, -1)
        last = next((each for each in map(_claim_file, numbers) if each in names), "")
        claim = self._read(key, last) if last else None
        receipt = self._read(key, RECEIPT) if RECEIPT in names else None
        return claim_of(claim) if claim else None, _receipt_of(receipt) if receipt else None

    def hold(self, hold: Hold) -> None:
        """Note why an effect waits, unless that is what was noted last; numbers in the reason do not count."""
        before = self.held(hold.key, hold.run)
        if before is not None and _reason(before) == _reason(hold):
            return
        name = f"held-{_numbered(self._names(hold.key), 'held') + 1}.yaml"
        self._add(hold.key, {name: _told("hold.v1", hold)}, f"held: {hold.why}", hold.at)

    def held(self, key: str, run: str) -> Hold | None:
        """Why it waited last; None where it never did in this run."""
        number = _numbered(self._names(key), "held")
        data = self._read(key, f"held-{number}.yaml") if number else None
        return Hold(**data) if data and data["run"] == run else None

    def unsettled(self) -> list[Claim]:
        """Claims that nothing has settled, oldest first."""
        found = [claim for key in self.acts.open() if (claim := self.get(key)[0])]
        return sorted(found, key=lambda claim: (claim.at, claim.key))

    def _absences(self, key: str) -> int:
        return _numbered(self._names(key), "absent")

    def _names(self, key: str, at: str = LEDGER) -> frozenset[str]:
        """The files of an effect's folder."""
        found = self._git.read_object(f"{at}:{folder(key)}")
        return frozenset(map(os.fsdecode, parse_tree(found.content, self._git.hash_size)) if found else ())

    def _read(self, key: str, name: str) -> dict[str, str] | None:
        path = f"{folder(key)}/{name}"
        content = self._git.read_blob(f"{LEDGER}:{path}")
        return read(path, content) if content is not None else None

    def _add(
        self,
        key: str,
        files: Mapping[str, Mapping[str, Any]],
        message: str,
        at: str,
        *,
        needs: str = "",
        unless: tuple[str, ...] = (),
    ) -> bool:
        """Write files that do not exist yet, all or none; False where one does, or one of `unless`, or `needs` does
        not."""
        paths = {f"{folder(key)}/{name}": dump(data).encode() for name, data in files.items()}
        while True:
            tip = self._git.rev(LEDGER)
            names = self._names(key, tip) if tip else frozenset()
            if not names.isdisjoint({*files, *unless}) or (needs and needs not in names):
                return False
            draft = Draft(f"{message}\n\nAios-Key: {key}\n", paths, at, NAME, EMAIL)
            try:
                commit_many(self._git, LEDGER, [draft], expected=tip)
            except MovedError:
                continue  # somebody else wrote first; look again whether it was this key
            return True


def claim_of(data: Mapping[str, str]) -> Claim:
    told: dict[str, Any] = {**data, "amount": int(data.get("amount", 0))}
    return Claim(**told)


def _receipt_of(data: Mapping[str, str]) -> Receipt:
    told: dict[str, Any] = {**data, "how": HowKnown(data["how"])}
    return Receipt(**told)


def read(path: str, content: bytes) -> dict[str, str]:
    """A file of the ledger: text by name. Raises CorruptError."""
    document, _ = parse(path, content)
    if document is None:
        raise CorruptError(f"{path} on aios/ledger cannot be read", "`git log aios/ledger` shows who changed it")
    return {name: str(value) for name, value in document.data.items() if name != "schema"}


def _told(schema: str, what: Absence | Hold) -> dict[str, Any]:
    return {"schema": schema, **{name: value for name, value in asdict(what).items() if value}}


def _claim_data(claim: Claim) -> dict[str, Any]:
    money = {} if claim.amount or claim.currency else {"amount", "currency"}
    return {"schema": "claim.v1", **{name: value for name, value in asdict(claim).items() if name not in money}}


def _claim_file(number: int) -> str:
    return f"claim-{number}.yaml" if number > 1 else "claim.yaml"


def _absence_file(number: int) -> str:
    return f"absent-{number}.yaml"


def _numbered(names: frozenset[str], kind: str) -> int:
    """The highest number among the files of a kind; they are numbered without a gap."""
    return sum(1 for name in names if name.startswith(f"{kind}-"))


def _reason(hold: Hold) -> tuple[str, str, str]:
    return hold.kind, hold.until, _NUMBER.sub("#", hold.why)
