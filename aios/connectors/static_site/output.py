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


def write(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace a file as a whole, synced. Raises RefusedError where the disk does not allow it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
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


def publish(site: Path, data: Path, files: Mapping[str, bytes], *, checkpoint: Callable[[str], None]) -> None:
    """Make the directory show exactly `files` beside what is the operator's own. Safe to repeat after any crash.

    Raises RefusedError before anything is written where a file of the operator's stands in the way.
    """
    ours = _ours(data)
    wanted = {path: sha256(content).hexdigest() for path, content in files.items()}
    foreign = [
        path
        for path, digest in wanted.items()
        if path not in ours and (site / path).exists() and _digest(site / path) != digest
    ]
    if foreign:
        more = f" (and {len(foreign) - 1} more)" if len(foreign) > 1 else ""
        raise RefusedError(f"{site / foreign[0]}{more} is not of this site's making", "move it away")
    # From here on every file is either named in the list or not there: a crash leaves nothing unaccounted for.
    if ours.keys() | wanted.keys() != ours.keys():
        _write_list(data, {**dict.fromkeys(wanted, ""), **ours})
    for path, content in files.items():
        if _digest(site / path) != wanted[path]:
            checkpoint(f"writing {path}")
            write(site / path, content)
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
    write(data / _FILES, content.encode(), mode=0o600)


def _digest(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise RefusedError(f"{path} cannot be read: {error.strerror}", "move it away") from error


def _remove(site: Path, path: str) -> None:
    (site / path).unlink(missing_ok=True)
    folder = (site / path).parent
    while folder != site and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
