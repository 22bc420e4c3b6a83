"""One company on several machines: clones of what a git server over HTTP has, each with a context of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aios.runs.context import Context
from aios.store.git import Git
from aios.store.remote import Remote
from tests.remote.hub import TOKEN, Hub, git, running
from tests.runs.house import Counting, context, found

LEDGER = "aios/ledger"


@dataclass(frozen=True)
class Machines:
    """`service` is one for all of them: what they do to it is counted together."""

    root: Path
    hub: Hub
    bare: Path
    service: Counting

    def clone(self, name: str) -> Path:
        """Another machine, as `git clone` makes it (through the folder: faster, and the same)."""
        place = self.root / name
        git(self.root, "clone", "-q", str(self.bare), name)
        git(place, "remote", "set-url", "origin", self.hub.url("company"))
        git(place, "config", "user.name", "Me")
        git(place, "config", "user.email", "me@test.example")
        return place

    def at(self, name: str, **changes: Any) -> Context:
        """A context of the machine, made where it is not there yet. Its worker is of another host than the others'."""
        place = self.root / name
        if not place.exists():
            self.clone(name)
        made = context(place, service=self.service, worker=f"{name}:1", alive=alive_on(name))
        here = Git(place)
        return replace(made, **{"git": here, "remote": Remote(here, token=lambda: TOKEN), **changes})

    def there(self, branch: str = "main") -> str:
        """The commit of a branch at the server; empty where it is not there."""
        return git(self.bare, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")

    def told(self, branch: str = "main") -> list[str]:
        """Subjects at the server, newest first."""
        return git(self.bare, "log", "--format=%s", f"refs/heads/{branch}").splitlines()


def alive_on(name: str) -> Any:
    """On another machine nobody can know; here, whoever asks is the only one."""
    return lambda worker: False if worker.startswith(f"{name}:") else None


@contextmanager
def shared(root: Path) -> Iterator[Machines]:
    """A company at the server, founded there from a first machine that is left behind."""
    with ExitStack() as stack:
        hub = stack.enter_context(running(root / "hub"))
        bare = hub.make()
        (root / "first").mkdir()
        first = found(root / "first")
        git(bare, "fetch", "-q", str(first), "main:main")
        shutil.rmtree(first)
        yield Machines(root, hub, bare, Counting(root / "service"))


def edit(place: Path, path: str, text: str, message: str = "by hand") -> str:
    """A commit by the operator's hand."""
    (place / path).parent.mkdir(parents=True, exist_ok=True)
    (place / path).write_text(text)
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", message)
    return git(place, "rev-parse", "HEAD")
