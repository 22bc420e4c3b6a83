"""Files of the company that an effect sends along: exactly the bytes that were approved, or none."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aios.domain.event import one_line
from aios.domain.keys import digest
from aios.domain.slug import slug
from aios.errors import RefusedError

LIMIT = 16 * 1024 * 1024  # bytes of one file


def read_approved(root: Path, item: Mapping[str, Any]) -> bytes:
    """The file at `item["path"]` below `root`, whose hash is `item["sha256"]`. Raises RefusedError for any other."""
    path = str(item["path"])
    named = one_line(path, 120)
    try:
        real = (root / path).resolve(strict=True)
        inside = real.is_relative_to(root.resolve()) and real.is_file()
        content = real.read_bytes() if inside and real.stat().st_size <= LIMIT else None
    except (OSError, ValueError, RuntimeError) as error:
        raise RefusedError(f"{named} cannot be read", "is the work tree that of the approved commit?") from error
    if not inside:
        raise RefusedError(f"{named} leads out of the company or is no file", "copy the file to where it is named")
    if content is None:
        raise RefusedError(f"{named} is larger than {LIMIT // 1024**2} MiB", "make it smaller, and approve it again")
    if digest(content) != item["sha256"]:
        raise RefusedError(f"{named} is not the file that was approved", "bring that one back, or approve this one")
    return content


def public_name(item: Mapping[str, Any]) -> str:
    """A file name that tells the content by its hash: the same bytes of the same name never lie anywhere twice."""
    stem, suffix = posixpath.splitext(posixpath.basename(str(item["path"])))
    return f"{slug(stem, limit=40)}-{str(item['sha256'])[7:23]}{suffix.lower()}"
