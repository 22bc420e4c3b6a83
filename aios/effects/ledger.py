"""The ledger: what was claimed and what came of it, append-only on the branch `aios/ledger`.

A claim is a compare-and-swap on the branch: of two workers, one wins. It is on the disk before `claim` returns. An
effect's folder holds `claim.yaml`, `absent-1.yaml` (it did not happen), `claim-2.yaml` (tried anew) … `receipt.yaml`,
and `held-1.yaml` … for why it waits. What is asked of one effect reads its folder, however much else there is.

Where several machines share the ledger (`remote`), a claim counts when the shared copy has it (`sharing`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from aios.domain.effect import Claim, Receipt
from aios.domain.names import LEDGER
from aios.effects.acts import Acts
from aios.effects.entries import (
    RECEIPT,
    Absence,
    Hold,
    Write,
    absence_file,
    as_bytes,
    claim_data,
    claim_file,
    claim_of,
    folder,
    nothing_came,
    numbered,
    read,
    reason_of,
    receipt_of,
    told,
)
from aios.errors import AiosError, BusyError, HeldError, MovedError, RefusedError, TransientError
from aios.store.commits import commit_many, commit_objects
from aios.store.git import Git
from aios.store.objects import parse_tree

if TYPE_CHECKING:
    from aios.effects.sharing import Shared
    from aios.store.remote import Remote

__all__ = ["Absence", "Hold", "Ledger", "claim_of", "folder", "read"]

ATTEMPTS = 100  # each that fails means that somebody else's succeeded
GONE = "its worker is gone, and the service has nothing of it"


class Ledger:
    """Claims and receipts by effect key.

    With a `remote`, what lets an act happen (a claim, a take-over, a word against trying) is a compare-and-swap there:
    it raises TransientError or HeldError, with nothing written, where that cannot be. What tells of an act (a receipt,
    that an attempt came to nothing, why one waits) is kept here and pushed as soon as that can be.
    """

    def __init__(self, git: Git, remote: Remote | None = None) -> None:
        self._git = git
        self._shared = _shared(git, remote) if remote is not None else None

    @property
    def acts(self) -> Acts:
        """The same by day, target and money."""
        return Acts(self._git)

    def refresh(self) -> None:
        """Learn what other machines wrote, and push what they lack. Asks nobody where nothing is shared.

        Raises TransientError or RefusedError where that cannot be known.
        """
        if self._shared is not None:
            self._shared.fetch()
            self._shared.share()

    def share(self) -> str:
        """Push what only this copy has; why that could not be, empty where nothing is left to push."""
        return self._shared.share() if self._shared is not None else ""

    def claim(self, claim: Claim, *, again: Callable[[], None] = lambda: None) -> int:
        """Claim an effect: the number of the attempt, 0 where somebody's claim stands or it has its receipt.

        After it was said that an attempt did not happen, one further claim is free: it lies beside the first. `again`
        is called, and may raise, where other machines wrote something meanwhile that may speak against it.
        """
        shared = self._shared
        if shared is not None and (unsent := shared.never_sent(claim.key)):
            shared.fetch()
            standing = self.standing(claim.key)
            if standing is not None and as_bytes(claim_data(standing[1])) in unsent:
                why = "nothing was sent: nobody knew whether it was claimed"
                number = self.retake(claim, of=standing[0], by=standing[1].claimed_by, why=why)
                shared.forget(claim.key)
                return number
            shared.forget(claim.key)
        message = f"claimed: {claim.capability} {claim.target}"
        for _ in range(ATTEMPTS):
            number = self._absences(claim.key) + 1
            write = Write(
                claim.key,
                {claim_file(number): claim_data(claim)},
                message,
                claim.at,
                unless=(RECEIPT, absence_file(number)),
                again=again,
            )
            if self._add_shared(write):
                return number
            if shared is None or self._absences(claim.key) + 1 == number:
                return 0
        return 0

    def standing(self, key: str) -> tuple[int, Claim] | None:
        """The claim that neither a receipt nor somebody's word has settled, with the number of its attempt."""
        names = self._names(key)
        number = numbered(names, "absent") + 1
        if claim_file(number) not in names or RECEIPT in names:
            return None
        data = self._read(key, claim_file(number))
        return (number, claim_of(data)) if data else None

    def retake(self, claim: Claim, *, of: int, by: str, why: str = GONE) -> int:
        """Take over from the attempt `of`, of which nothing came, both in one commit: the number of the new attempt, 0
        where that attempt does not stand any more."""
        files = {
            absence_file(of): told("absence.v1", Absence(claim.key, claim.at, by, why)),
            claim_file(of + 1): claim_data(claim),
        }
        message = f"taken over: {claim.capability} {claim.target}"
        write = Write(claim.key, files, message, claim.at, needs=claim_file(of), unless=(RECEIPT,))
        return of + 1 if self._add_shared(write) else 0

    def absent(self, absence: Absence, *, of: int) -> bool:
        """The attempt `of` did not happen: the operator says so, a connector that sent nothing, or ourselves. False
        where that attempt does not stand any more: of a later one its word says nothing."""
        return self._add(nothing_came(absence, of, needs=claim_file(of), unless=(RECEIPT,)))

    def withhold(self, absence: Absence) -> bool:
        """It shall not be tried, and nobody has claimed it; False where somebody has meanwhile."""
        number = self._absences(absence.key) + 1
        return self._add_shared(nothing_came(absence, number, unless=(RECEIPT, claim_file(number))))

    def ended(self, key: str, turn: str) -> Absence | None:
        """The word that it shall not be tried again in a turn; None where nothing forbids it."""
        number = self._absences(key)
        data = self._read(key, absence_file(number)) if number else None
        absence = Absence(**data) if data else None
        return absence if absence and absence.end and absence.turn == turn else None

    def stands(self, key: str) -> bool:
        """Is there a claim that neither a receipt nor somebody's word has settled?"""
        return self.standing(key) is not None

    def receipt(self, receipt: Receipt) -> bool:
        """Write an effect's receipt; False where it has one."""
        data = {"schema": "receipt.v1", **asdict(receipt), "how": receipt.how.value}
        message = f"receipt: {receipt.outcome}, {receipt.how.value}"
        if not self._add(Write(receipt.key, {RECEIPT: data}, message, receipt.at)):
            return False
        return self._shared is None or self.get(receipt.key)[1] == receipt  # else another machine's stands

    def get(self, key: str) -> tuple[Claim | None, Receipt | None]:
        """The claim that was made last, and the receipt."""
        names = self._names(key)
        numbers = range(numbered(names, "absent") + 1, 0, -1)
        last = next((each for each in map(claim_file, numbers) if each in names), "")
        claim = self._read(key, last) if last else None
        receipt = self._read(key, RECEIPT) if RECEIPT in names else None
        return claim_of(claim) if claim else None, receipt_of(receipt) if receipt else None

    def hold(self, hold: Hold) -> None:
        """Note why an effect waits, unless that is what was noted last; numbers in the reason do not count."""
        before = self.held(hold.key, hold.run)
        if before is not None and reason_of(before) == reason_of(hold):
            return
        name = f"held-{numbered(self._names(hold.key), 'held') + 1}.yaml"
        self._add(Write(hold.key, {name: told("hold.v1", hold)}, f"held: {hold.why}", hold.at))

    def held(self, key: str, run: str) -> Hold | None:
        """Why it waited last; None where it never did in this run."""
        number = numbered(self._names(key), "held")
        data = self._read(key, f"held-{number}.yaml") if number else None
        return Hold(**data) if data and data["run"] == run else None

    def unsettled(self) -> list[Claim]:
        """Claims that nothing has settled, oldest first."""
        found = [claim for key in self.acts.open() if (claim := self.get(key)[0])]
        return sorted(found, key=lambda claim: (claim.at, claim.key))

    def _absences(self, key: str) -> int:
        return numbered(self._names(key), "absent")

    def _names(self, key: str, at: str = LEDGER) -> frozenset[str]:
        """The files of an effect's folder."""
        found = self._git.read_object(f"{at}:{folder(key)}")
        return frozenset(map(os.fsdecode, parse_tree(found.content, self._git.hash_size)) if found else ())

    def _read(self, key: str, name: str) -> dict[str, str] | None:
        path = f"{folder(key)}/{name}"
        content = self._git.read_blob(f"{LEDGER}:{path}")
        return read(path, content) if content is not None else None

    def _add(self, write: Write) -> bool:
        """Write files that do not exist yet, all or none; False where one does, or one of `unless`, or `needs` does
        not. They are on the disk then, and shared if that can be."""
        while True:
            tip = self._git.rev(LEDGER)
            if not self._fits(write, tip):
                return False
            try:
                commit_many(self._git, LEDGER, [write.draft()], expected=tip)
            except MovedError:
                continue  # somebody else wrote first; look again whether it was this key
            self.share()
            return True

    def _add_shared(self, write: Write) -> bool:
        """The same, where it must not be written unless the shared copy has it."""
        shared = self._shared
        if shared is None:
            return self._add(write)
        with shared.alone():
            return self._add_first_there(shared, write)

    def _add_first_there(self, shared: Shared, write: Write) -> bool:
        fresh = False
        for attempt in range(ATTEMPTS):
            _join(shared)
            tip = self._git.rev(LEDGER)
            if not self._fits(write, tip):
                if fresh:
                    return False
                with suppress(AiosError):  # perhaps it was settled elsewhere; without a network, what is here counts
                    shared.fetch()
                fresh = True
                continue
            if attempt:
                write.again()
            commit = commit_objects(self._git, tip, [write.draft()])[0]
            with shared.under_way(write.key, as_bytes(write.claimed())):
                done = shared.write(commit, tip)
            if done:
                return True
            fresh = True
        raise BusyError("the ledger keeps moving", "try again in a moment")

    def _fits(self, write: Write, tip: str | None) -> bool:
        names = self._names(write.key, tip) if tip else frozenset()
        return names.isdisjoint({*write.files, *write.unless}) and (not write.needs or write.needs in names)


def _shared(git: Git, remote: Remote) -> Shared:
    from aios.effects.sharing import Shared  # what a company alone need not load

    return Shared(git, remote)


def _join(shared: Shared) -> None:
    """Before a claim. A ledger that was set back is looked at once more: somebody may have put that right."""
    try:
        shared.join()
    except RefusedError:
        try:
            shared.fetch()
        except RefusedError as error:
            raise HeldError(error.message, error.hint) from error
        except TransientError as error:
            raise TransientError(error.message, error.hint, sent=False) from error
