"""A passing repository that sees all objects of another one and adds none to it: what is tried there stays there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aios.store.git import Git


@contextmanager
def beside(git: Git, refs: Mapping[str, str]) -> Iterator[Git]:
    """A bare repository with these refs (full names → commits) and no others; gone on leaving."""
    with tempfile.TemporaryDirectory(prefix="aios-beside-") as folder:
        place = Path(folder).resolve()
        algorithm = "sha256" if git.hash_size == 32 else "sha1"
        git.run("init", "--quiet", "--bare", "--template=", f"--object-format={algorithm}", str(place))
        (place / "objects/info").mkdir(parents=True, exist_ok=True)
        (place / "objects/info/alternates").write_text(f"{git.dir / 'objects'}\n")
        with Git(place) as apart:
            script = "".join(f"create {name} {oid}\n" for name, oid in sorted(refs.items()))
            apart.run("update-ref", "--stdin", input=script.encode())
            yield apart
