"""Takes back what an advance of a checked-out branch had written to index and files when it was killed."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from aios.domain.event import Change
from aios.store.git import Git
from aios.store.trees import changed_paths


def undo(git: Git, note: str) -> None:
    """Take back the advance that `note` (place, ref, expected, new) tells of, unless it moved the branch after all.

    Only what is as the new commit has it (or is a beginning of that, or is missing) goes back to what the branch has:
    the operator's uncommitted edits stay.
    """
    try:
        facts = json.loads(note)
        place, ref, expected, new = Path(facts["place"]), facts["ref"], facts["expected"], facts["new"]
    except (ValueError, KeyError):  # the writer was killed before it had written its note, and so before anything else
        return
    if not place.is_dir() or git.rev(ref) != expected or git.rev(new) is None:
        return
    changes = changed_paths(git, expected, new)
    _index(git, place, expected, changes)
    staged = _staged(git, place, changes)
    ours = [change for change in changes if staged.get(change.path, "") == change.before]
    _files(git, place, [change for change in ours if _is_unfinished(git, place / change.path, change)])


def _index(git: Git, place: Path, expected: str | None, changes: list[Change]) -> None:
    staged = _staged(git, place, changes)
    lines: list[bytes] = []
    for change in changes:
        if staged.get(change.path, "") == change.after:
            entry = git.entry(expected, change.path) if expected else None
            facts = f"{entry.mode} {entry.oid}" if entry else f"0 {git.zero}"
            lines.append(facts.encode() + b"\t" + os.fsencode(change.path) + b"\0")
    if lines:
        git.run("update-index", "-z", "--index-info", input=b"".join(lines), cwd=place)


def _staged(git: Git, place: Path, changes: list[Change]) -> dict[str, str]:
    """Path → blob id in the index, of the paths that changed."""
    wanted = {change.path for change in changes}
    found: dict[str, str] = {}
    for line in git.run("ls-files", "-s", "-z", cwd=place).split(b"\0"):
        facts, _, path = line.partition(b"\t")
        if os.fsdecode(path) in wanted:
            found[os.fsdecode(path)] = facts.split(b" ")[1].decode()
    return found


def _is_unfinished(git: Git, file: Path, change: Change) -> bool:
    if file.is_symlink() or file.is_dir():
        return False
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return bool(change.before)
    after = git.read_blob(change.after) if change.after else None
    return after is not None and after.startswith(content) and content != git.read_blob(change.before or git.zero)


def _files(git: Git, place: Path, changes: list[Change]) -> None:
    back = [os.fsencode(change.path) for change in changes if change.before]
    if back:
        git.run("checkout-index", "-f", "-u", "-z", "--stdin", input=b"\0".join(back) + b"\0", cwd=place)
    for change in changes:
        if not change.before:
            (place / change.path).unlink(missing_ok=True)
            with suppress(OSError):  # a directory that is not empty stays
                for directory in (place / change.path).relative_to(place).parents:
                    (place / directory).rmdir()
