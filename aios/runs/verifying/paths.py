"""Names of files that somebody else chose: each must be one that every file system keeps, and keeps apart."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from aios.domain.finding import Finding
from aios.domain.globs import is_safe_path
from aios.runs.verifying.told import wrong
from aios.runs.verifying.trees import Changed

DEEP = 16  # names in one path
_FILE, _PROGRAM = "100644", "100755"
_ODD = {"120000": "a symbolic link", "160000": "a submodule", _PROGRAM: "a program"}


def unsafe(changed: Iterable[Changed]) -> list[Finding]:
    """What is wrong with the names and the modes of what was added or changed."""
    found = []
    for each in changed:
        path = each.path.decode(errors="backslashreplace")
        if each.blob and not _is_name(each.path):
            found.append(
                wrong("path", path, "no file may have this name", "name it in plain letters, digits and hyphens")
            )
        if each.blob and each.mode != _FILE and not (each.mode == each.old_mode == _PROGRAM):
            what = _ODD.get(each.mode, f"of the mode {each.mode}")
            found.append(wrong("mode", path, f"it became {what}; only plain files are written"))
    return found


def _is_name(path: bytes) -> bool:
    try:
        text = path.decode()
    except UnicodeDecodeError:
        return False
    return is_safe_path(text) and text.count("/") < DEEP and not any(char in '<>"|?*' for char in text)


def collisions(before: Iterable[str], changed: Iterable[Changed]) -> list[Finding]:
    """Where a new name is, on some file system, the name of another file or folder."""
    known: dict[str, str] = {}
    for path in before:
        for name in _names(path):
            known.setdefault(_folded(name), name)
    found = []
    for each in changed:
        if not each.blob or each.old:
            continue
        path = each.path.decode(errors="surrogateescape")
        other = next((known[key] for name in _names(path) if known.get(key := _folded(name), name) != name), "")
        if other:
            hint = "give it another name"
            found.append(wrong("collision", _shown(path), f"on some systems it is the same as {_shown(other)}", hint))
        for name in _names(path):
            known.setdefault(_folded(name), name)
    return found


def _names(path: str) -> Iterable[str]:
    """The path and all folders above it."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFD", name).casefold())


def _shown(path: str) -> str:
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")
