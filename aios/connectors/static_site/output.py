"""Writing the site's directory so that a reader, or a crash, never meets half a file.

Only files that we wrote ourselves are ever replaced or removed: what the operator puts there stays.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from aios.errors import CorruptError, RefusedError, TransientError
from aios.store.durable import sync_directory, sync_file

DATA = ".site"  # not for readers: only the owner may look into it
_FILES = "files.json"


@contextmanager
def locked(site: Path) -> Iterator[Path]:
    """The site's own directory inside `site`, made where missing, held by this process alone."""
    data = site / DATA
    try:
        (data / "articles").mkdir(parents=True, exist_ok=True)
        data.chmod(0o700)
        descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RefusedError(f"{site} cannot be written: {error.strerror}", "look at the directory's owner") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TransientError(f"{site} is being written by another process", sent=False) from None
        yield data
    finally:
        os.close(descriptor)


def write(data: Path, path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace a file as a whole, synced. Raises RefusedError where the disk does not allow it.

    Whoever holds the lock on `data` writes alone: what a crash leaves of a file lies there, and the next one takes it.
    """
    temporary = data / "new"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            sync_file(descriptor)
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RefusedError(f"{path} cannot be written: {error.strerror}", "look at the disk and the owner") from error


def refuse_foreign(site: Path, data: Path, files: Mapping[str, bytes]) -> None:
    """Raises RefusedError where something of the operator's stands in the way of one of `files`."""
    ours = _ours(data)
    foreign = [
        blocked
        for path, content in files.items()
        if (blocked := _in_the_way(site, path, None if path in ours else sha256(content).hexdigest()))
    ]
    if foreign:
        more = f" (and {len(foreign) - 1} more)" if len(foreign) > 1 else ""
        raise RefusedError(f"{foreign[0]}{more} is not of this site's making", "move it away")


def _in_the_way(site: Path, path: str, digest: str | None) -> Path | None:
    """What keeps us from writing there. `digest` is of what we would write; None where the file is ours to replace."""
    target = site / path
    for folder in target.parents:
        if folder == site:
            break
        if os.path.lexists(folder) and not folder.is_dir():
            return folder
    if target.is_dir():
        return target
    return target if digest is not None and os.path.lexists(target) and _digest(target) != digest else None


def publish(site: Path, data: Path, files: Mapping[str, bytes], *, checkpoint: Callable[[str], None]) -> None:
    """Make the directory show exactly `files` beside what is the operator's own. Safe to repeat after any crash.

    Nothing foreign stands in the way of any of them: `refuse_foreign` has looked.
    """
    ours = _ours(data)
    wanted = {path: sha256(content).hexdigest() for path, content in files.items()}
    # From here on every file is either named in the list or not there: a crash leaves nothing unaccounted for.
    if ours.keys() | wanted.keys() != ours.keys():
        _write_list(data, {**dict.fromkeys(wanted, ""), **ours})
    for path, content in files.items():
        if _digest(site / path) != wanted[path]:
            checkpoint(f"writing {path}")
            write(data, site / path, content)
    for path in ours.keys() - wanted.keys():
        _remove(site, path)
    _write_list(data, wanted)


def shows(site: Path, data: Path, files: Mapping[str, bytes]) -> bool:
    """Does the directory show exactly `files`?"""
    if _ours(data).keys() != files.keys():
        return False
    return all(_digest(site / path) == sha256(content).hexdigest() for path, content in files.items())


def _ours(data: Path) -> dict[str, str]:
    """Files that we wrote or were about to write, with what was in them."""
    try:
        found = json.loads((data / _FILES).read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise CorruptError(f"{data / _FILES} cannot be read", "restore it from a copy of the directory") from error
    return {str(path): str(digest) for path, digest in found.items()}


def _write_list(data: Path, files: Mapping[str, str]) -> None:
    content = json.dumps(dict(sorted(files.items())), indent=1, ensure_ascii=False) + "\n"
    write(data, data / _FILES, content.encode(), mode=0o600)


def _digest(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return ""
    except OSError as error:
        raise RefusedError(f"{path} cannot be read: {error.strerror}", "move it away") from error


def _remove(site: Path, path: str) -> None:
    target = site / path
    if target.is_file() or target.is_symlink():  # a folder at its place is none of ours
        target.unlink()
    folder = target.parent
    while folder != site and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
