"""The ledger, where several machines share it: what counts as claimed is what the shared copy has.

A claim is pushed before it is written down here, as a compare-and-swap on what the ledger is there: a machine that lost
a race, or has no network, has nothing to take back. A receipt is written down here first, and pushed at once or with
whatever is pushed next.

While a claim is under way a locked file tells of it, `<git dir>/aios/claiming/<key>-…`. Left behind by a kill or by a
push of which nobody knows whether it arrived, it proves that nothing was sent under that claim: it is gone, durably,
before anybody acts.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aios.domain.names import LEDGER
from aios.errors import AiosError, BusyError, HeldError, MovedError, RefusedError, TransientError
from aios.store.durable import sync_directory, sync_file
from aios.store.git import Git
from aios.store.rebase import replay
from aios.store.remote import Move, Remote, set_back

BRANCH = LEDGER.removeprefix("refs/heads/")
ATTEMPTS = 100  # each that fails means that somebody else's succeeded


class Shared:
    """The ledger of a copy beside that of the shared one."""

    def __init__(self, git: Git, remote: Remote) -> None:
        self._git = git
        self._remote = remote
        self._folder = git.dir / "aios" / "claiming"

    def fetch(self) -> None:
        """Learn what the ledger is there, and join it with what this copy alone has."""
        self._remote.fetch(BRANCH)
        self.join()

    def join(self) -> str | None:
        """Bring the ledger here to what was fetched last, with what only this copy has on top; that commit there.

        A file that both have stays as it is there: of two that say something of the same attempt, the first is right.
        Raises RefusedError where the ledger there lacks what it was known to have.
        """
        for _ in range(ATTEMPTS):
            there, here = self._remote.tip(BRANCH), self._git.rev(LEDGER)
            if self._remote.is_set_back(BRANCH):
                raise set_back(BRANCH, self._remote.name)
            if there is None or here == there:
                return there
            try:
                self._follow(here, there)
            except MovedError:
                continue  # another process here wrote first
            self._remote.agree(BRANCH, there)
            return there
        raise BusyError(f"`{BRANCH}` keeps moving", "try again in a moment")

    def _follow(self, here: str | None, there: str) -> None:
        if here is not None and self._git.is_ancestor(there, here):
            return
        if here is None or self._git.is_ancestor(here, there):
            new = there
        else:
            new = replay(self._git, here, there, yields=True).tip
        self._git.update_ref(LEDGER, new, here, reason="aios: joined with the shared ledger")

    def write(self, commit: str, tip: str | None) -> bool:
        """Push a commit on top of `tip`, and write it down here; False where somebody else was first.

        Raises HeldError where the shared copy refuses, TransientError where it does not answer: nothing was sent.
        """
        there = self._remote.tip(BRANCH)
        if there not in (None, tip) and not self._git.is_ancestor(str(there), commit):
            return False
        try:
            self._remote.push([Move(LEDGER, commit, there)])
        except MovedError:
            try:
                self.fetch()
            except TransientError as error:
                raise TransientError(error.message, error.hint) from error  # of the push, nobody knows
            now = self._remote.tip(BRANCH)
            return now is not None and self._git.is_ancestor(commit, now)  # an answer of ours may have got lost
        with suppress(MovedError):  # another process here wrote something else: `join` brings both together
            self._git.update_ref(LEDGER, commit, tip, reason="aios: shared")
        return True

    def share(self) -> str:
        """Push what only this copy has; why that could not be, empty where nothing is left to push."""
        try:
            with self.alone():
                self._push_all()
        except AiosError as error:
            return error.message
        return ""

    def _push_all(self) -> None:
        for _ in range(ATTEMPTS):
            there, here = self.join(), self._git.rev(LEDGER)
            if here is None or here == there:
                return
            try:
                self._remote.push([Move(LEDGER, here, there)])
            except MovedError:
                self._remote.fetch(BRANCH)
        raise BusyError(f"`{BRANCH}` keeps moving", "try again in a moment")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One process of this copy at a time: only copies race. The lock is the system's, and ends with its holder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    # Claims under way

    @contextmanager
    def under_way(self, key: str, content: bytes) -> Iterator[None]:
        """While a claim is pushed. Raises as `write` does; what may have arrived all the same stays told of."""
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f"{_digits(key)}-", dir=self._folder)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.write(descriptor, content)
            sync_file(descriptor, data_only=False)
            sync_directory(self._folder)
            yield
            self._drop(Path(name))
        except TransientError as error:
            if not error.sent:
                self._drop(Path(name))
            message = f"the claim could not be shared: {error.message}; nothing was sent"
            raise TransientError(message, error.hint, sent=False) from error
        except RefusedError as error:
            self._drop(Path(name))
            raise HeldError(f"the claim could not be shared: {error.message}", error.hint) from error
        finally:
            os.close(descriptor)

    def never_sent(self, key: str) -> list[bytes]:
        """What claims of this copy said that nobody saw through; those of living processes are left alone. They are
        forgotten with `forget`."""
        found = []
        for file in self._left(key):
            with suppress(OSError), file.open("rb") as opened:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                found.append(opened.read())
        return found

    def forget(self, key: str) -> None:
        for file in self._left(key):
            with suppress(OSError), file.open("rb") as opened:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._drop(file)

    def _left(self, key: str) -> list[Path]:
        return list(self._folder.glob(f"{_digits(key)}-*"))

    def _drop(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        sync_directory(self._folder)


def _digits(key: str) -> str:
    return key.removeprefix("sha256:")
