"""Another copy of the repository that several machines share: what it has is fetched, and refs are moved there by
compare-and-swap. Nothing is ever pushed over what somebody else pushed."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aios.errors import AiosError, CredentialsError, MovedError, TransientError
from aios.store.git import Git, full_ref
from aios.store.launch import failure

_DENIED = re.compile(
    rb"Authentication failed|could not read Username|Permission.*denied|HTTP 40[13]|returned error: 40[13]"
    rb"|Repository not found|invalid credentials",
    re.IGNORECASE,
)
_NETWORK = re.compile(
    rb"Could not resolve|Failed to connect|Connection (?:refused|reset|timed out)|unable to access|timed out"
    rb"|early EOF|hung up|RPC failed|returned error: (?:429|5\d\d)|couldn't connect",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Move:
    """A ref there that shall go from `expected` (None: it must not exist) to `new` (None: be deleted)."""

    ref: str
    new: str | None
    expected: str | None


class Remote:
    """The shared copy called `name` in git's settings.

    `token` gives what authenticates over HTTPS, empty for what git knows by itself (keys, helpers); it is handed to git
    in its environment and stands in no argument, file or message.
    """

    def __init__(self, git: Git, name: str = "origin", *, token: Callable[[], str] = lambda: "") -> None:
        self._git = git
        self.name = name
        self._token = token

    def url(self) -> str:
        """Where it is; empty where git knows no remote of this name."""
        return self._git.config(f"remote.{self.name}.url")

    def tracked(self, prefix: str = "") -> dict[str, str]:
        """Branches as they were fetched last, by branch name → commit. Asks nobody."""
        place = f"refs/remotes/{self.name}/"
        found = {name.removeprefix(place): oid for name, oid in self._git.refs(place).items()}
        return {name: oid for name, oid in found.items() if name != "HEAD" and name.startswith(prefix)}

    def fetch(self) -> dict[str, str]:
        """Fetch all branches and forget those that are gone there; what `tracked` says then."""
        self._ask("fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", self.name, self._branches())
        return self.tracked()

    def fetch_ref(self, ref: str) -> str | None:
        """Fetch one ref of any kind (`refs/pull/7/head`); its commit, None where it is not there."""
        listed = self._ask("ls-remote", self.name, ref).split()
        if not listed:
            return None
        oid = listed[0].decode()
        if self._git.rev(oid) is None:
            self._ask("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", self.name, ref)
        return oid

    def push(self, moves: Sequence[Move]) -> None:
        """Move refs there, all or none. Raises MovedError where one is not as expected, CredentialsError where we may
        not, TransientError where nobody answers: then it is unknown whether they were moved."""
        leases = [f"--force-with-lease={full_ref(move.ref)}:{move.expected or ''}" for move in moves]
        specs = [f"{move.new or ''}:{full_ref(move.ref)}" for move in moves]
        args = ("push", "--quiet", "--atomic", "--porcelain", "--no-verify", *leases, self.name, *specs)
        done = self._git.process(*args, env=self._environment())
        if done.returncode:
            said = done.stderr + done.stdout
            if b"stale info" in said or b"[rejected]" in said or b"fetch first" in said or b"cannot lock ref" in said:
                names = ", ".join(move.ref.removeprefix("refs/heads/") for move in moves)
                raise MovedError(f"`{names}` moved at {self.name} meanwhile", "nothing was pushed; fetch and try again")
            raise self._failure(args, said, done.returncode)
        for move in moves:
            self._remember(move)

    def _remember(self, move: Move) -> None:
        branch = full_ref(move.ref).removeprefix("refs/heads/")
        place = f"refs/remotes/{self.name}/{branch}"
        known = self._git.refs(place).get(place)
        if move.new and known != move.new:
            self._git.run("update-ref", place, move.new)
        elif not move.new and known:
            self._git.run("update-ref", "-d", place)

    def _branches(self) -> str:
        return f"+refs/heads/*:refs/remotes/{self.name}/*"

    def _ask(self, *args: str) -> bytes:
        done = self._git.process(*args, env=self._environment())
        if done.returncode:
            raise self._failure(args, done.stderr, done.returncode)
        return done.stdout

    def _failure(self, args: Sequence[str], said: bytes, code: int) -> AiosError:
        if _DENIED.search(said):
            return CredentialsError(f"{self.name} does not let us {args[0]}", "look at the token and what it may do")
        if _NETWORK.search(said):
            return TransientError(f"{self.name} does not answer", "look at the network; nothing is lost")
        return failure(args, said, code)

    def _environment(self) -> Mapping[str, str]:
        token = self._token()
        if not token or not self.url().startswith(("http://", "https://")):
            return {}
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        return {
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
            "GIT_CONFIG_KEY_1": "credential.helper",
            "GIT_CONFIG_VALUE_1": "",
        }
