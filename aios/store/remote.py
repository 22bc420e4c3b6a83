"""Another copy of the repository that several machines share: what it has is fetched, and refs are moved there by
compare-and-swap. Nothing is ever pushed over what somebody else pushed."""

from __future__ import annotations

import base64
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from subprocess import CompletedProcess
from urllib.parse import urlsplit

from aios.domain.names import AGREED
from aios.errors import MovedError, RefusedError, TransientError
from aios.store.git import Git, full_ref
from aios.store.remote_says import asked_in_vain, pushed_in_vain
from aios.store.writing import past_killed_writers, writing

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_PATIENCE = {"GIT_HTTP_LOW_SPEED_LIMIT": "1", "GIT_HTTP_LOW_SPEED_TIME": "60"}  # bytes a second, for so many seconds


@dataclass(frozen=True, slots=True)
class Move:
    """A ref there that shall go from `expected` (None: it must not exist) to `new` (None: be deleted), which contains
    what was there unless it `rewrites` it."""

    ref: str
    new: str | None
    expected: str | None
    rewrites: bool = False

    @property
    def branch(self) -> str:
        return full_ref(self.ref).removeprefix("refs/heads/")


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

    # What it has

    def tracked(self, prefix: str = "") -> dict[str, str]:
        """Branches as they were fetched last, by branch name → commit. Asks nobody."""
        place = f"refs/remotes/{self.name}/"
        found = {name.removeprefix(place): oid for name, oid in self._git.refs(place).items()}
        return {name: oid for name, oid in found.items() if name != "HEAD" and name.startswith(prefix)}

    def tip(self, branch: str) -> str | None:
        """A branch as it was fetched last; None where it was not there. Asks nobody."""
        return self._git.rev(self._place(branch))

    def fetch(self, *branches: str) -> dict[str, str]:
        """Fetch branches (all of them where none is named) and forget those that are gone there; `tracked` then."""
        wanted = [f"+refs/heads/{name}:{self._place(name)}" for name in branches]
        specs = wanted or [f"+refs/heads/*:{self._place('*')}"]
        if branches:  # a branch that is not there would fail the others
            there = self._listed(*(f"refs/heads/{name}" for name in branches))
            specs = [spec for spec, name in zip(specs, branches, strict=True) if f"refs/heads/{name}" in there]
            self._forget([name for name in branches if f"refs/heads/{name}" not in there])
        if specs:
            prune = () if branches else ("--prune",)
            self._ask("fetch", "--quiet", *prune, "--no-tags", "--no-write-fetch-head", self.name, *specs)
        return self.tracked()

    def fetch_ref(self, ref: str) -> str | None:
        """Fetch one ref of any kind (`refs/pull/7/head`); its commit, None where it is not there."""
        oid = self._listed(ref).get(ref)
        if oid is not None and self._git.rev(oid) is None:
            self._ask("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", self.name, ref)
        return oid

    def head_branch(self) -> str:
        """The default branch there; empty where it does not tell. Asks the remote."""
        for line in self._ask("ls-remote", "--symref", self.name, "HEAD").decode(errors="replace").splitlines():
            if line.startswith("ref: refs/heads/") and line.endswith("\tHEAD"):
                return line.removeprefix("ref: refs/heads/").removesuffix("\tHEAD")
        return ""

    # What both agreed on

    def agreed(self, branch: str) -> str | None:
        """The commit of a branch that was here and there when both were compared last."""
        return self._git.rev(f"{AGREED}{branch}")

    def agreements(self, prefix: str = "") -> dict[str, str]:
        """The same by branch name."""
        found = self._git.refs(AGREED)
        return {name.removeprefix(AGREED): oid for name, oid in found.items() if name.startswith(f"{AGREED}{prefix}")}

    def agree(self, branch: str, commit: str | None) -> None:
        """Note what a branch is, here and there; None: it is gone."""
        before = self.agreed(branch)
        if commit is None and before is not None:
            self._git.delete_ref(f"{AGREED}{branch}", before)
        elif commit is not None and commit != before:
            self._git.update_ref(f"{AGREED}{branch}", commit, before, reason="aios: agreed")

    def is_set_back(self, branch: str) -> bool:
        """Does it lack, as fetched last, what it was known to have?"""
        agreed, there = self.agreed(branch), self.tip(branch)
        return agreed is not None and (there is None or not self._git.is_ancestor(agreed, there))

    # Moving refs

    def push(self, moves: Sequence[Move]) -> None:
        """Move refs there, all or none.

        Raises MovedError where one is not as expected; CredentialsError where we may not; RefusedError, with what it
        says, where a rule of its own forbids it; TransientError where nobody answers: then it is unknown whether they
        were moved, unless its `sent` is False.
        """
        for move in moves:
            if move.new and move.expected and not (move.rewrites or self._git.is_ancestor(move.expected, move.new)):
                raise RefusedError(
                    f"`{move.branch}` would lose what {self.name} has: {move.new[:10]} does not contain"
                    f" {move.expected[:10]}",
                    "nothing was pushed; fetch, and continue from there",
                )
        leases = [f"--force-with-lease={full_ref(move.ref)}:{move.expected or ''}" for move in moves]
        specs = [f"{move.new or ''}:{full_ref(move.ref)}" for move in moves]
        args = (
            "push",
            "--atomic",
            "--porcelain",
            "--no-verify",
            "--no-signed",
            "--no-follow-tags",
            *leases,
            self.name,
            *specs,
        )
        with self._alone():
            done = past_killed_writers(self._git.dir, lambda: self._launch(args))
        if done.returncode:
            error = pushed_in_vain(self.name, [move.branch for move in moves], done)
            # A connection that broke makes git's library send the same once more, which then meets what it did itself.
            if not (isinstance(error, MovedError) and self._is_done(moves)):
                raise error
        self._remember(moves)

    def _is_done(self, moves: Sequence[Move]) -> bool:
        refs = [full_ref(move.ref) for move in moves]
        try:
            listed = self._listed(*refs)
        except TransientError as error:
            raise TransientError(error.message, error.hint) from error  # of the push, nobody knows
        return all(listed.get(ref) == move.new for ref, move in zip(refs, moves, strict=True))

    def _remember(self, moves: Sequence[Move]) -> None:
        """What was moved is known to be there, and agreed; git keeps the first itself where its settings are usual."""
        lines: list[str] = []
        for move in moves:
            for ref in (self._place(move.branch), f"{AGREED}{move.branch}"):
                known = self._git.rev(ref, kind="")
                if move.new and known != move.new:
                    lines.append(f"update {ref} {move.new}")
                elif not move.new and known:
                    lines.append(f"delete {ref}")
        if lines:
            self._git.run("update-ref", "--stdin", input=("\n".join(lines) + "\n").encode(), durable=True)

    def _forget(self, branches: Sequence[str]) -> None:
        for name in branches:
            if (known := self.tip(name)) is not None:
                with suppress(MovedError):  # another process of this copy was first
                    self._git.delete_ref(self._place(name), known)

    # Asking

    def _listed(self, *refs: str) -> dict[str, str]:
        lines = self._ask("ls-remote", self.name, *refs).decode(errors="replace").splitlines()
        return {ref: oid for oid, _, ref in (line.partition("\t") for line in lines) if ref in refs}

    def _ask(self, *args: str) -> bytes:
        def act() -> bytes:
            done = self._launch(args)
            if done.returncode:
                raise asked_in_vain(self.name, args, done)
            return done.stdout

        with self._alone():
            return past_killed_writers(self._git.dir, act)

    def _launch(self, args: Sequence[str]) -> CompletedProcess[bytes]:
        with writing(self._git.dir) as mark:
            return self._git.process(*args, env=self._environment(), durable=True, writing=mark)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process of this copy at a time: two that fetch would stand in each other's way."""
        folder = self._git.dir / "aios"
        folder.mkdir(exist_ok=True)
        descriptor = os.open(folder / "remote.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # of the system: it ends with the process that holds it
            yield
        finally:
            os.close(descriptor)

    def _place(self, branch: str) -> str:
        return f"refs/remotes/{self.name}/{branch}"

    def _environment(self) -> Mapping[str, str]:
        url = self.url()
        if not url:
            raise RefusedError(f"git knows no remote `{self.name}`", f"git remote add {self.name} URL")
        if not url.startswith(("http://", "https://")):
            return {}
        token = self._token()
        if not token:
            return _PATIENCE
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname not in _HERE:
            raise RefusedError(f"{self.name} is not encrypted: the token is not sent there", "use an https:// address")
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        # For that host alone, and instead of one that a checkout may have left in the settings.
        header = f"http.{parts.scheme}://{parts.netloc.rpartition('@')[2]}/.extraHeader"
        settings = [(header, ""), (header, f"Authorization: Basic {basic}"), ("credential.helper", "")]
        # Git would send what it is given to wherever it is led, once it was led there.
        settings += [("http.followRedirects", "false"), (f"{header.rpartition('.')[0]}.followRedirects", "false")]
        return _PATIENCE | self._git.settings(settings)


def set_back(branch: str, name: str) -> RefusedError:
    """The error of a shared branch that lacks what it was known to have."""
    return RefusedError(
        f"`{branch}` was set back at {name}: it lacks what was known to be there; nothing was done",
        f"`git push {name} {branch}` restores what this copy knows; look first who set it back, and why",
    )
