"""The ledger: what was claimed and what came of it, append-only on the branch `aios/ledger`.

A claim is a compare-and-swap on the branch: of two workers, one wins. It is on the disk before `claim` returns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from aios.domain.effect import Claim, HowKnown, Receipt
from aios.domain.names import LEDGER
from aios.errors import CorruptError, MovedError
from aios.store.commits import Draft, commit_many
from aios.store.documents import dump, parse
from aios.store.git import Git

NAME, EMAIL = "aios", "aios@localhost"
CLAIM, RECEIPT = "claim.yaml", "receipt.yaml"


def folder(key: str) -> str:
    """`<kk>/<key>`: the key's hex digits, under their first two."""
    digits = key.removeprefix("sha256:")
    return f"{digits[:2]}/{digits}"


class Ledger:
    """Claims and receipts by effect key."""

    def __init__(self, git: Git) -> None:
        self._git = git

    def claim(self, claim: Claim) -> bool:
        """Claim an effect; False where somebody's claim stands.

        After it was said that an attempt did not happen, one further claim is free: it lies beside the first.
        """
        data = {"schema": "claim.v1", **asdict(claim)}
        return self._add(
            claim.key, self._claim_file(claim.key), data, f"claimed: {claim.capability} {claim.target}", claim.at
        )

    def absent(self, key: str, *, at: str, by: str) -> None:
        """What was claimed last did not happen: the operator says so, or a connector that sent nothing."""
        number = self._absences(key) + 1
        data: dict[str, object] = {"schema": "absence.v1", "key": key, "at": at, "by": by}
        self._add(key, f"absent-{number}.yaml", data, f"absent: says {by}", at)

    def stands(self, key: str) -> bool:
        """Is there a claim that neither a receipt nor somebody's word has settled?"""
        return self._read(key, self._claim_file(key)) is not None and self._read(key, RECEIPT) is None

    def _claim_file(self, key: str) -> str:
        """Where the claim that counts lies, or would lie."""
        number = self._absences(key) + 1
        return CLAIM if number == 1 else f"claim-{number}.yaml"

    def _absences(self, key: str) -> int:
        number = 0
        while self._read(key, f"absent-{number + 1}.yaml") is not None:
            number += 1
        return number

    def receipt(self, receipt: Receipt) -> bool:
        """Write an effect's receipt; False where it has one."""
        data = {"schema": "receipt.v1", **asdict(receipt), "how": receipt.how.value}
        return self._add(receipt.key, RECEIPT, data, f"receipt: {receipt.outcome}, {receipt.how.value}", receipt.at)

    def get(self, key: str) -> tuple[Claim | None, Receipt | None]:
        """The claim that was made last, and the receipt."""
        claim = self._read(key, self._claim_file(key)) or self._read(key, CLAIM)
        receipt = self._read(key, RECEIPT)
        return (
            Claim(**{k: str(v) for k, v in claim.items()}) if claim else None,
            _receipt(receipt) if receipt else None,
        )

    def unsettled(self) -> list[Claim]:
        """Claims that nothing has settled, oldest first."""
        found = [claim for key in self.keys() if self.stands(key) and (claim := self.get(key)[0])]
        return sorted(found, key=lambda claim: (claim.at, claim.key))

    def keys(self) -> Iterator[str]:
        tip = self._git.rev(LEDGER)
        for path in self._git.tree(tip) if tip else ():
            if path.endswith(f"/{CLAIM}"):
                yield f"sha256:{path.split('/')[1]}"

    def _read(self, key: str, name: str) -> dict[str, str] | None:
        path = f"{folder(key)}/{name}"
        content = self._git.read_blob(f"{LEDGER}:{path}")
        if content is None:
            return None
        document, _ = parse(path, content)
        if document is None:
            raise CorruptError(f"{path} on aios/ledger cannot be read", "`git log aios/ledger` shows who changed it")
        return {name: value for name, value in document.data.items() if name != "schema"}

    def _add(self, key: str, name: str, data: dict[str, object], message: str, at: str) -> bool:
        path = f"{folder(key)}/{name}"
        while True:
            tip = self._git.rev(LEDGER)
            if tip is not None and self._git.read_blob(f"{tip}:{path}") is not None:
                return False
            draft = Draft(f"{message}\n\nAios-Key: {key}\n", {path: dump(data).encode()}, at, NAME, EMAIL)
            try:
                commit_many(self._git, LEDGER, [draft], expected=tip)
            except MovedError:
                continue  # somebody else wrote first; look again whether it was this key
            return True


def _receipt(data: dict[str, str]) -> Receipt:
    return Receipt(**{name: value for name, value in data.items() if name != "how"}, how=HowKnown(data["how"]))
