"""Files that go with a mail: of the company's folder, and exactly those that were approved."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aios.connectors.mail.addresses import plain_line
from aios.domain.event import one_line
from aios.domain.keys import digest
from aios.errors import RefusedError

MOST_BYTES = 20 * 1024 * 1024  # of all together: what most providers take, before their encoding
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,90}\Z")


@dataclass(frozen=True, slots=True)
class Attachment:
    """`name` is what the reader sees, `path` where it lies below the company's root."""

    name: str
    media_type: str
    path: str
    sha256: str


def attachments_of(payload: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Pure. Raises RefusedError for a name or a media type that is none."""
    return tuple(map(_attachment, payload.get("attachments") or ()))


def _attachment(given: Mapping[str, Any]) -> Attachment:
    name = plain_line(str(given["name"]), "the name of an attachment")
    media_type = str(given["media_type"]).lower()
    if not name or "/" in name or "\\" in name or name.startswith("."):
        raise RefusedError(f"`{one_line(name, 60)}` is no name for an attachment", "a name without folders")
    # A part of these kinds would be read as a part of the mail itself.
    if not _MEDIA_TYPE.match(media_type) or media_type.startswith(("multipart/", "message/")):
        raise RefusedError(f"`{one_line(media_type, 60)}` is no media type of an attachment", "like application/pdf")
    return Attachment(name, media_type, str(given["path"]), str(given["sha256"]))


def contents(attachments: Sequence[Attachment], root: Path) -> list[tuple[Attachment, bytes]]:
    """Raises RefusedError where one is not there, lies elsewhere, is too large, or is not what was approved."""
    found: list[tuple[Attachment, bytes]] = []
    left = MOST_BYTES
    for attachment in attachments:
        content = _content(attachment, root, left)
        left -= len(content)
        found.append((attachment, content))
    return found


def _content(attachment: Attachment, root: Path, left: int) -> bytes:
    shown = one_line(attachment.path, 120)
    try:
        place = (root / attachment.path).resolve(strict=True)
        if not place.is_relative_to(root.resolve()):
            raise RefusedError(f"the attachment {shown} lies outside of the company", "copy it into the repository")
        if any(part.startswith(".") for part in place.relative_to(root.resolve()).parts):
            raise RefusedError(f"the attachment {shown} is hidden", "hidden files are never sent: copy it")
        if not place.is_file():
            raise RefusedError(f"the attachment {shown} is no file", "name a file")
        with place.open("rb") as file:
            content = file.read(left + 1)
    except (OSError, ValueError, RuntimeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or "it is no path"
        raise RefusedError(f"the attachment {shown} cannot be read: {reason}", "nothing was sent") from error
    if len(content) > left:
        raise RefusedError(f"the attachments are larger than {MOST_BYTES // 2**20} MiB", "send a link instead")
    if digest(content) != attachment.sha256:
        raise RefusedError(f"the attachment {shown} is not the file that was approved", "approve it as it is now")
    return content
