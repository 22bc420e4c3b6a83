"""What runs leave on `aios/traces`: context manifests, recordings and spans.

Kept in a folder beside the journal while a run works, then committed in one go when it stops. Nothing here is needed
to go on with a run; it tells what an attempt saw, and lets it be executed again.

    context/<hh>/<hash>.json            what an attempt saw; the hash stands in its commit (`Aios-Context`)
    recordings/<ulid>/<key>.jsonl       what an attempt exchanged with the outside; <key> is the step key of the attempt
    spans/<ulid>/<key>.jsonl            what happened, one file a sitting
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from aios.domain.keys import canonical_json, digest
from aios.domain.names import TRACES
from aios.domain.span import Span
from aios.errors import MovedError
from aios.runs.context import AIOS_EMAIL, AIOS_NAME
from aios.store.commits import Draft, commit_many
from aios.store.git import Git

_PART = ".part"
_SPANS = "spans"  # the working file of a sitting's spans


def folder_of(git: Git, run: str) -> Path:
    """Where a run's traces lie until they are committed, by the paths that they will have."""
    return git.dir / "aios" / f"{run.split('/')[2]}.traces"


def working_file(git: Git, run: str, name: str) -> Path:
    """A file for what is not finished yet; it is never committed under this name."""
    folder = folder_of(git, run)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}{_PART}"


def keep_manifest(git: Git, run: str, manifest: Mapping[str, Any]) -> str:
    """Keep what an attempt saw; its key."""
    content = canonical_json(manifest).encode()
    key = digest(content)
    _keep(git, run, _manifest_path(key), content)
    return key


def keep_recording(git: Git, run: str, key: str, lines: Iterable[Mapping[str, Any]]) -> None:
    _keep(git, run, _recording_path(run, key), _jsonl(lines))


def keep_spans(git: Git, run: str, spans: Iterable[Span]) -> None:
    with working_file(git, run, _SPANS).open("ab") as file:
        file.write(_jsonl(span.as_dict() for span in spans))


def manifest_of(git: Git, run: str, key: str) -> dict[str, Any] | None:
    """A manifest by its key; None where it was pruned or never flushed."""
    content = _read(git, run, _manifest_path(key)) if key else None
    return None if content is None else json.loads(content)


def recording_of(git: Git, run: str, key: str) -> list[dict[str, Any]] | None:
    """The lines of an attempt's recording; None where it exchanged nothing or was pruned."""
    content = _read(git, run, _recording_path(run, key))
    return None if content is None else list(read_lines(content))


def spans_of(git: Git, run: str) -> list[Span]:
    """The spans of a run, in the order in which they began."""
    prefix = f"spans/{run.split('/')[2]}/"
    waiting = folder_of(git, run) / f"{_SPANS}{_PART}"
    kept = {"": waiting.read_bytes()} if waiting.is_file() else {}
    tip = git.rev(TRACES)
    if tip is not None:
        listed = git.text("ls-tree", "-z", "--name-only", tip, prefix).split("\0")
        kept = {Path(path).name: git.read_blob(f"{tip}:{path}") or b"" for path in listed if path} | kept
    read = (Span.read(line) for content in kept.values() for line in read_lines(content))
    return sorted((span for span in read if span is not None), key=lambda span: (span.start, -span.end))


def read_lines(content: bytes) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file; a last line that a kill cut off is left out."""
    for line in content.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            return
        if isinstance(found, dict):
            yield found


def commit_kept(git: Git, run: str, *, at: str) -> None:
    """Put a run's traces on `aios/traces` and forget the local copies."""
    folder = folder_of(git, run)
    if not folder.is_dir():
        return
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != _PART
    }
    waiting = folder / f"{_SPANS}{_PART}"
    if waiting.is_file() and (content := waiting.read_bytes()):
        files[f"spans/{run.split('/')[2]}/{digest(content).removeprefix('sha256:')[:24]}.jsonl"] = content
    while files:
        draft = Draft(f"traces: {len(files)} files of {run}\n", dict(files), at, AIOS_NAME, AIOS_EMAIL)
        try:
            commit_many(git, TRACES, [draft], expected=git.rev(TRACES))
            break
        except MovedError:
            continue  # another run was first; its files lie at other paths
    shutil.rmtree(folder)  # nothing is at work: what is unfinished here was left by a kill


def _keep(git: Git, run: str, path: str, content: bytes) -> None:
    target = folder_of(git, run) / path
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(_PART)
    temporary.write_bytes(content)
    temporary.replace(target)


def _read(git: Git, run: str, path: str) -> bytes | None:
    local = folder_of(git, run) / path
    return local.read_bytes() if local.is_file() else git.read_blob(f"{TRACES}:{path}")


def _manifest_path(key: str) -> str:
    name = key.removeprefix("sha256:")
    return f"context/{name[:2]}/{name}.json"


def _recording_path(run: str, key: str) -> str:
    return f"recordings/{run.split('/')[2]}/{key.removeprefix('sha256:')}.jsonl"


def _jsonl(lines: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n" for line in lines).encode()
