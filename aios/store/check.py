"""`aios check` for records: every file against its schema, and the records against one another.

Only what changed is read again: a verdict is kept by the file's blob and its kind's schemas. What must be compared
across records is compared every time, from facts that were kept with the verdicts.
"""

from __future__ import annotations

import posixpath
from pathlib import Path

from aios.domain.finding import Finding, Severity
from aios.domain.names import SCHEMAS
from aios.domain.tree import Tree
from aios.store import verdicts
from aios.store.compare import compare
from aios.store.explain import did_you_mean
from aios.store.judge import Facts, judge
from aios.store.schemas import Schemas

_ROOT = "state/"


def check(tree: Tree, cache: Path | None) -> list[Finding]:
    """Everything that is wrong with the records of a tree, sorted by place; `cache` is a file of ours, or None.

    Covers the schemas, every file of every kind (agents, workflows, policies and connectors by their schemas only),
    files that nobody claims, references, duplicates and secrets.
    """
    schemas, findings = Schemas.from_tree(tree)
    kept = verdicts.load(cache)
    fresh: verdicts.Kept = {}
    facts: dict[str, Facts] = {}
    changed = False
    for path in _paths(tree, schemas):
        kind = schemas.kind_of(path)
        if kind is None and not (path.startswith(SCHEMAS) and path.endswith(".json")):
            findings += _unclaimed(path, schemas)
            continue
        blob = tree.blob(path) or ""
        hashed = schemas.kind(kind).hash if kind else ""
        known = kept.get(path)
        if known is None or known[0] != blob or known[1] != hashed:
            content = tree.read(path)
            if content is None:
                continue
            known = (blob, hashed, judge(path, content, schemas))
            changed = True
        fresh[path] = known
        findings += known[2].findings
        if known[2].facts is not None:
            facts[path] = known[2].facts
    findings += compare(facts, list(fresh), schemas)
    if cache is not None and (changed or len(fresh) != len(kept)):
        verdicts.save(cache, fresh)
    return sorted(findings)


def _paths(tree: Tree, schemas: Schemas) -> list[str]:
    """Everything under `state/`, and what lies in other directories that a kind claims."""
    found = dict.fromkeys(tree.paths(_ROOT))
    for name in schemas.kinds():
        kind = schemas.kind(name)
        place = kind.file or kind.directory
        if not place.startswith(_ROOT):
            found.update(dict.fromkeys(tree.paths(place)))
    return list(found)


def _unclaimed(path: str, schemas: Schemas) -> list[Finding]:
    """A file under `state/` that no schema claims is read by nobody: say so."""
    name = posixpath.basename(path)
    if not path.startswith(_ROOT) or name in {"README.md", ".gitkeep"} or schemas.is_companion(path):
        return []
    kinds = [schemas.kind(each) for each in schemas.kinds()]
    directory = posixpath.dirname(path) + "/"
    here = [kind for kind in kinds if kind.directory and directory.startswith(kind.directory)]
    if here:
        hint = f"a {here[-1].name} is a {' or '.join(here[-1].suffixes)} file"
    else:
        folders = [kind.directory.removeprefix(_ROOT).rstrip("/") for kind in kinds if kind.directory.startswith(_ROOT)]
        hint = did_you_mean(directory.removeprefix(_ROOT).rstrip("/"), folders)
    message = "no schema claims this file, so nothing reads it"
    return [Finding(path, 0, 0, "unclaimed", message, hint or f"declare its kind in {SCHEMAS}", Severity.WARNING)]
