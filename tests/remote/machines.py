"""One company on several machines: clones of what a git server over HTTP has, each with a context of its own."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from aios.runs.context import Context
from aios.store.git import Git
from aios.store.remote import Remote
from tests.remote.hub import TOKEN, Hub, git, make_bare, running
from tests.runs.house import Counting, context, found

LEDGER = "aios/ledger"
NOWHERE = "url.http://127.0.0.1:9/.insteadOf"


@dataclass(frozen=True)
class Machines:
    """`service` is one for all of them: what they do to it is counted together."""

    root: Path
    hub: Hub
    bare: Path
    service: Counting
    url: str

    def clone(self, name: str) -> Path:
        """Another machine, as `git clone` makes it (through the folder: faster, and the same)."""
        place = self.root / name
        git(self.root, "clone", "-q", str(self.bare), name)
        git(place, "remote", "set-url", "origin", self.url)
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


@cache
def _template() -> Path:
    """A bare repository with a company, made once: every test copies it."""
    top = Path(tempfile.mkdtemp(prefix="aios-shared-"))
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    (top / "first").mkdir()
    bare = make_bare(top / "company.git")
    git(bare, "fetch", "-q", str(found(top / "first")), "main:main")
    return bare


@contextmanager
def shared(root: Path, *, http: bool = True) -> Iterator[Machines]:
    """A company that several machines share: over HTTP, or through a folder, which costs half as much."""
    bare = root / "hub" / "company.git"
    shutil.copytree(_template(), bare)
    with running(root / "hub") as hub:
        yield Machines(root, hub, bare, Counting(root / "service"), hub.url("company") if http else str(bare))


def edit(place: Path, path: str, text: str, message: str = "by hand") -> str:
    """A commit by the operator's hand."""
    (place / path).parent.mkdir(parents=True, exist_ok=True)
    (place / path).write_text(text)
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", message)
    return git(place, "rev-parse", "HEAD")


def unplugged(here: Context) -> Context:
    """The same machine without a network."""
    assert here.remote is not None
    git(here.git.root, "config", NOWHERE, here.remote.url().rpartition("/")[0] + "/")
    return plugged(here, still=False)


def plugged(here: Context, *, still: bool = True) -> Context:
    if still:
        git(here.git.root, "config", "--unset-all", NOWHERE)
    opened = Git(here.git.root)
    return replace(here, git=opened, remote=Remote(opened, token=lambda: TOKEN))
