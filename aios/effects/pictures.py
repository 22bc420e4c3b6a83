"""The pictures that a text shows, bound to the very files of the tree by their hashes."""

from __future__ import annotations

import posixpath
from typing import Any
from urllib.parse import unquote

from aios.connectors.cms import MEDIA_TYPES
from aios.connectors.media import LIMIT
from aios.connectors.prose import pictures
from aios.domain.event import one_line
from aios.domain.keys import digest
from aios.domain.record import Record
from aios.effects.material import Material
from aios.errors import InvalidError

_BEGINS = {
    "image/avif": (4, (b"ftypavif", b"ftypavis", b"ftypmif1")),
    "image/gif": (0, (b"GIF87a", b"GIF89a")),
    "image/jpeg": (0, (b"\xff\xd8\xff",)),
    "image/png": (0, (b"\x89PNG\r\n\x1a\n",)),
    "image/webp": (8, (b"WEBP",)),
}


def media_of(record: Record, markdown: str, material: Material) -> list[dict[str, Any]]:
    """One item for each picture of a relative path, from the record's directory or the company's root.

    Raises InvalidError for a picture that is no file of the company, or none that may be published.
    """
    found = []
    for source, words in pictures(markdown):
        path, content = _find(record, source, material)
        media_type = MEDIA_TYPES.get(posixpath.splitext(path)[1].lower(), "")
        where, beginnings = _BEGINS.get(media_type, (0, ()))
        named = f"{record.ref} shows {one_line(source, 120)}, which"
        if not content[where:].startswith(beginnings) or not beginnings:
            raise InvalidError(f"{named} is no picture that can be published", f"{', '.join(sorted(MEDIA_TYPES))}")
        if len(content) > LIMIT:
            raise InvalidError(f"{named} is larger than {LIMIT // 1024**2} MiB", "make it smaller")
        item = {"source": source, "path": path, "sha256": digest(content), "media_type": media_type}
        found.append({**item, "alt": words} if words else item)
    return found


def _find(record: Record, source: str, material: Material) -> tuple[str, bytes]:
    name = unquote(source.partition("#")[0].partition("?")[0])
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(record.path), name))
    for path in (beside, posixpath.normpath(name)):
        content = None if path.startswith("../") else material.read(path)
        if content is not None:
            return path, content
    raise InvalidError(
        f"{record.ref} shows {one_line(source, 120)}, which is no file of the company",
        f"add it as {one_line(beside, 160)}, with `git add`",
    )
