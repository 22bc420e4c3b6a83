"""What a proposal changes, in words, as a person decides: changed fields first, then what is new or gone."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from aios.domain.event import Change, Event
from aios.domain.record import ref_of
from aios.store.documents import parse
from aios.store.fields import ReadBlob, changes_in_words

NAMED = 5  # new files of one directory that are named each; of more the first few
TITLES = ("title", "subject", "name", "asks", "why", "summary")


def state_diff(event: Event, read_blob: ReadBlob) -> list[str]:
    """One line for each field that changed, and one for each file that came or went (many of a directory share one)."""
    kept = [change for change in event.changes if change.before and change.after]
    lines = [str(word) for word in changes_in_words(replace(event, changes=tuple(kept)), read_blob)]
    lines += [
        f"{ref_of(change.renamed_from)} is now {ref_of(change.path)}" for change in event.changes if change.renamed_from
    ]
    come = [change for change in event.changes if not change.before]
    gone = [change for change in event.changes if not change.after]
    lines += _told("new", come, [change.after for change in come], read_blob)
    lines += _told("removed", gone, [change.before for change in gone], read_blob)
    return lines


def _told(word: str, changes: Sequence[Change], blobs: Sequence[str], read_blob: ReadBlob) -> Iterator[str]:
    folders: dict[str, list[tuple[str, str]]] = {}
    for change, blob in zip(changes, blobs, strict=True):
        folders.setdefault(posixpath.dirname(change.path), []).append((change.path, blob))
    # Single files say most, crowds least.
    for folder, files in sorted(folders.items(), key=lambda item: (len(item[1]) > NAMED, item[0])):
        if len(files) <= NAMED:
            yield from (f"{word}: {ref_of(path)}{_title(path, blob, read_blob)}" for path, blob in files)
            continue
        some = "; ".join(_title(path, blob, read_blob).strip() or posixpath.basename(path) for path, blob in files[:3])
        yield f"{word}: {len(files)} files in {folder}/, among them {some}"


def _title(path: str, blob: str, read_blob: ReadBlob) -> str:
    """` “Title” (120 words)` as far as the file has either."""
    content = read_blob(blob) or b""
    document = parse(path, content)[0] if path.endswith((".yaml", ".md")) else None
    if document is None:
        return f" ({len(content)} bytes)"
    title = next((str(document.data[name]) for name in TITLES if document.data.get(name)), "")
    words = len(re.findall(r"\w+", document.body)) if document.body is not None else 0
    return (f" “{title[:80]}”" if title else "") + (f" ({words} words)" if words else "")
