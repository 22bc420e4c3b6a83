"""Context manifests: what each attempt saw and why it did what it did, content-addressed on `aios/traces`.

Kept beside the journal first, then committed in one go when the run stops; the hash in the step's commit names them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aios.domain.keys import canonical_json, digest
from aios.domain.names import TRACES
from aios.errors import MovedError
from aios.runs.context import AIOS_EMAIL, AIOS_NAME
from aios.store.commits import Draft, commit_many
from aios.store.git import Git


def _folder(git: Git, run: str) -> Path:
    return git.dir / "aios" / f"{run.split('/')[2]}.context"


def _path(key: str) -> str:
    hexadecimal = key.removeprefix("sha256:")
    return f"context/{hexadecimal[:2]}/{hexadecimal}.json"


def keep(git: Git, run: str, manifest: Mapping[str, Any]) -> str:
    """Keep a manifest until the run stops; its key."""
    content = canonical_json(manifest).encode()
    key = digest(content)
    folder = _folder(git, run)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / key.removeprefix("sha256:")
    temporary = target.with_suffix(".part")
    temporary.write_bytes(content)
    temporary.replace(target)
    return key


def commit_kept(git: Git, run: str, *, at: str) -> None:
    """Put a run's manifests on `aios/traces` and forget the local copies."""
    folder = _folder(git, run)
    if not folder.is_dir():
        return
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix != ".part"}
    changes = {_path(name): content for name, content in files.items()}
    while changes:
        draft = Draft(f"context: {len(changes)} manifests of {run}\n", changes, at, AIOS_NAME, AIOS_EMAIL)
        try:
            commit_many(git, TRACES, [draft], expected=git.rev(TRACES))
            break
        except MovedError:
            continue  # another run was first; its manifests lie at other paths
    for name in files:
        (folder / name).unlink(missing_ok=True)
    folder.rmdir()


def read(git: Git, run: str, key: str) -> dict[str, Any] | None:
    """A manifest by its key; None where it was pruned or never flushed."""
    if not key:
        return None
    local = _folder(git, run) / key.removeprefix("sha256:")
    content = local.read_bytes() if local.is_file() else git.read_blob(f"{TRACES}:{_path(key)}")
    return None if content is None else json.loads(content)
