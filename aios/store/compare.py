"""Records against one another: references that lead nowhere, and facts that are written down twice."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from aios.domain.finding import Finding, Severity
from aios.domain.record import ref_of
from aios.store.catalog import id_of
from aios.store.explain import did_you_mean
from aios.store.judge import Facts
from aios.store.schemas import Schemas

_HINTS = 20  # searching for a near name costs; a reader needs a few


def compare(facts: Mapping[str, Facts], paths: Sequence[str], schemas: Schemas) -> list[Finding]:
    """Findings across records. `paths` are all files of all kinds, so that a reference to a faulty record holds."""
    ids, refs, findings = _names(paths, schemas)
    hints = _HINTS
    owners: dict[tuple[str, str, str], tuple[str, int]] = {}
    for path, fact in facts.items():
        kind = schemas.kind_of(path) or ""
        titles = [fact.title] if fact.title else []
        for values, severity in ((fact.unique, Severity.ERROR), (titles, Severity.WARNING)):
            for field, value, line, column in values:
                first = owners.setdefault((kind, field, value), (path, line))
                if first != (path, line) and (first[0] != path or severity is Severity.ERROR):
                    findings.append(_twice(path, line, column, kind, field, value, first, severity))
        for field, target, name, line, column in fact.references:
            known = refs if target == "*" else ids.get(target)
            if known is None or name in known:
                continue
            hint = did_you_mean(name, known) if hints > 0 else ""
            hints -= 1
            what = "record" if target == "*" else target
            message = f"{field} refers to the {what} `{name[:60]}`, and there is none"
            findings.append(Finding(path, line, column, "reference", message, hint or _where(target, schemas)))
    return findings


def _names(paths: Sequence[str], schemas: Schemas) -> tuple[dict[str, dict[str, str]], set[str], list[Finding]]:
    """The ids of each kind with their first file, all refs, and the ids that are used twice."""
    ids: dict[str, dict[str, str]] = {name: {} for name in schemas.kinds()}
    refs: set[str] = set()
    findings: list[Finding] = []
    places: dict[tuple[str, str], str] = {}
    for path in paths:
        name = schemas.kind_of(path)
        if name is None:
            continue
        kind = schemas.kind(name)
        refs.add(ref_of(path))
        ids[name].setdefault(id_of(path), path)
        within = posixpath.splitext(path)[0] if kind.nested else id_of(path)
        first = places.setdefault((name, within), path)
        if first != path:
            message = f"the id `{id_of(path)}` is already that of {first}"
            findings.append(Finding(path, 0, 0, "duplicate-id", message, "ids are unique within a kind: merge the two"))
    return ids, refs, findings


def _twice(
    path: str, line: int, column: int, kind: str, field: str, value: str, first: tuple[str, int], severity: Severity
) -> Finding:
    message = f"`{field}` is `{value[:60]}`, as in {first[0]}:{first[1]}"
    hint = f"one {kind} in one file: merge the two" if severity is Severity.ERROR else "are both the same thing?"
    return Finding(path, line, column, "duplicate", message, hint, severity)


def _where(target: str, schemas: Schemas) -> str:
    if target == "*":
        return "write it like customers/acme"
    return f"add it under {schemas.kind(target).directory}, or take the reference out"
