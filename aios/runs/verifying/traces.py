"""What a handoff leaves for `aios/traces`: files of its own run, by the names that their contents give them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable

from aios.domain.finding import Finding
from aios.runs.verifying.chain import commit_of
from aios.runs.verifying.contents import secrets
from aios.runs.verifying.told import short, wrong
from aios.runs.verifying.trees import CHANGES, TooManyError, Trees
from aios.store.git import Git

_PATH = re.compile(
    r"context/(?P<hh>[0-9a-f]{2})/(?P<manifest>[0-9a-f]{64})\.json"
    r"|recordings/(?P<of>[0-9a-z]{26})/(?P<key>[0-9a-f]{64})\.jsonl"
    r"|spans/(?P<run>[0-9a-z]{26})/(?P<spans>[0-9a-f]{24})\.jsonl"
)


def is_trace(path: str, run: str) -> bool:
    """Is it the name of a trace that this run may leave?"""
    name, ulid = _PATH.fullmatch(path), run.split("/")[2]
    return name is not None and (name["of"] or name["run"] or ulid) == ulid


def judge_traces(git: Git, trees: Trees, commit: str, run: str, known: Callable[[str], bool]) -> list[Finding]:
    made, problem = commit_of(git, commit)
    if made is None:
        return [problem or wrong("traces", short(commit), "there is no such commit")]
    if made.parent:
        return [wrong("traces", short(commit), "the commit of traces has a parent; it stands alone")]
    if "Aios-" in made.message:
        return [wrong("traces", short(commit), "the commit of traces says what only a fact says")]
    if trees.count(made.tree) > CHANGES:
        raise TooManyError(f"it leaves more than {CHANGES} traces")
    found: list[Finding] = []
    for each in trees.changes("", made.tree):
        path = each.path.decode(errors="backslashreplace")
        if each.mode != "100644":
            found.append(wrong("traces", path, "it is no plain file"))
            continue
        content = git.read_blob(each.blob) or b""
        problem_told = _problem(path, content, run)
        if problem_told:
            found.append(wrong("traces", path, problem_told))
        else:
            found += secrets(path, "", content.decode(errors="replace"), known)
    return found


def _problem(path: str, content: bytes, run: str) -> str:
    name = _PATH.fullmatch(path)
    if name is None:
        return "no trace has such a name"
    if not is_trace(path, run):
        return "it is of another run"
    hashed = hashlib.sha256(content).hexdigest()
    if name["manifest"] and (hashed != name["manifest"] or name["hh"] != hashed[:2]):
        return "its name is not the hash of its content"
    if name["spans"] and hashed[:24] != name["spans"]:
        return "its name is not the hash of its content"
    lines = [content] if name["manifest"] else content.splitlines()
    return "" if all(map(_is_object, lines)) else "it holds something else than JSON objects"


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.decode()), dict)
    except (ValueError, RecursionError):
        return False
