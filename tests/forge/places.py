"""Where the conformance suite runs: each place has a forge, and what people do there beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import tests.forge.endpoints  # noqa: F401 - adds to the hub what only the forge asks
from aios.domain.forge import Draft, Forge
from aios.forge.github import Client, GitHub
from aios.forge.local import Local
from aios.store.git import Git
from tests.actions.hub import Hub
from tests.actions.hub.bare import Bare
from tests.actions.hub.server import serving
from tests.actions.hub.tokens import Person

OLGA = Person("olga", 7, "Olga Operator")
UNDESCRIBED = re.compile(r"ResponseNotFound: Unknown response http status: [45]\d\d")
JOB = {"contents": "write", "pull_requests": "write", "statuses": "write", "actions": "write"}


class Place(Protocol):
    """`lacks` are capabilities that it has none of: the suite holds it to refusing them."""

    @property
    def forge(self) -> Forge: ...

    @property
    def lacks(self) -> frozenset[str]: ...

    def push(self, branch: str, files: Mapping[str, str], message: str = "Change") -> str:
        """A commit more on a branch, by a person; the branch begins at main."""

    def delete(self, branch: str) -> None: ...

    def merge(self, number: int, method: str) -> str:
        """A person merges; the commit on main."""

    def comment(self, number: int, text: str) -> None:
        """A person's comment."""


@dataclass
class Clock:
    """A second passes whenever somebody looks."""

    now: datetime = field(default_factory=lambda: datetime(2026, 1, 7, 9, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def draft(branch: str = "aios/publish/hello", **changes: object) -> Draft:
    told = {"base": "main", "title": "Publish hello", "body": "# Publish hello\n\n<!-- aios:run-1 f1n6er -->"}
    return Draft(branch, **{**told, **changes})  # type: ignore[arg-type]


@dataclass
class OneMachine:
    """A repository that nobody shares."""

    git: Git
    bare: Bare
    forge: Forge
    lacks: frozenset[str] = frozenset({"people", "dispatch", "reviews"})

    def push(self, branch: str, files: Mapping[str, str], message: str = "Change") -> str:
        return _written(self.bare, branch, files, message)

    def delete(self, branch: str) -> None:
        self.bare.git("update-ref", "-d", f"refs/heads/{branch}")

    def merge(self, number: int, method: str) -> str:
        found, base = self.forge.get(number), self.bare.tip("main") or ""
        if method == "merge":
            new = self.bare.merge(base, found.head, f"Merge {found.branch}", OLGA)
        elif method == "squash":
            new = self.bare.squash(base, found.head, found.title, OLGA)
        else:
            new = self.bare.rebase(base, found.head, OLGA)
        self.bare.git("update-ref", "refs/heads/main", new, base)
        return new

    def comment(self, number: int, text: str) -> None:
        other = Local(self.git, ("Paula", "paula@acme.example"), Clock())
        other.say(number, "a-person", text)


@dataclass
class OnHub:
    """The stand-in for github.com, asked with a job's own token."""

    hub: Hub
    forge: Forge
    waits: list[float]
    lacks: frozenset[str] = frozenset()

    def push(self, branch: str, files: Mapping[str, str], message: str = "Change") -> str:
        by = self.hub.token(OLGA)
        with self.hub.lock, self.hub.pushing(by):
            return _written(self.hub.bare, branch, files, message)

    def delete(self, branch: str) -> None:
        with self.hub.lock, self.hub.pushing(self.hub.token(OLGA)):
            self.hub.bare.git("update-ref", "-d", f"refs/heads/{branch}")

    def merge(self, number: int, method: str) -> str:
        with self.hub.lock:
            return self.hub.merge(number, method, self.hub.token(OLGA))

    def comment(self, number: int, text: str) -> None:
        with self.hub.lock:
            self.hub.comment(number, text, self.hub.token(OLGA))


def _written(bare: Bare, branch: str, files: Mapping[str, str], message: str) -> str:
    if bare.tip(branch) is None and (main := bare.tip("main")):
        bare.git("update-ref", f"refs/heads/{branch}", main)
    return bare.write(branch, files, message, OLGA)


@contextmanager
def one_machine(folder: Path) -> Iterator[OneMachine]:
    clock = Clock()
    bare = Bare(folder / "acme.git", clock)
    bare.write("main", {"README.md": "# Acme\n"}, "The company begins", OLGA)
    with Git(bare.path) as git:
        yield OneMachine(git, bare, Local(git, ("aios", "aios@localhost"), clock))


@contextmanager
def on_hub(folder: Path, permissions: Mapping[str, str] | None = None) -> Iterator[OnHub]:
    """Whatever is asked or answered otherwise than GitHub describes it fails the test at its end."""
    hub = Hub(folder, "olga/acme", OLGA, Clock())
    hub.bare.write("main", {"README.md": "# Acme\n"}, "The company begins", OLGA)
    ran = {"path": ".github/workflows/aios-run.yml", "event": "schedule", "status": "completed"}
    hub.runs = [{"id": 100 - number, **ran} for number in range(50)]
    token = hub.token(hub.bot, JOB if permissions is None else permissions, job="propose")
    with serving(hub):
        waits: list[float] = []
        yield OnHub(hub, github(hub.api, hub.repository, token.value, waits.append), waits)
        # GitHub's description names answers by their status, and not every refusal of every endpoint.
        told = [each for each in hub.problems if not UNDESCRIBED.search(each)]
        assert told == [], "\n".join(told)


def github(
    api: str,
    repository: str,
    token: str,
    pause: Callable[[float], None] = lambda _: None,
    *,
    in_job: bool = True,
    patience: float = 120.0,
) -> GitHub:
    asks = {"pause": pause, "patience": patience, "timeout": 10.0, "in_job": in_job}
    return GitHub(Client(repository, api=api, token=lambda: token, **asks))  # type: ignore[arg-type]
