"""Everything that `aios check` looks at, in one list of findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from aios.domain.effect import Connector
from aios.domain.finding import Finding
from aios.domain.names import COMPANY
from aios.domain.tree import Tree
from aios.errors import RefusedError
from aios.memory.meaning.choice import chosen
from aios.policies import load_rules
from aios.runs.definitions import check_workflows
from aios.store.check import check
from aios.store.documents import parse


def check_company(
    tree: Tree, *, cache: Path | None, connectors: Callable[[Tree], tuple[Mapping[str, Connector], list[Finding]]]
) -> list[Finding]:
    """Records, policies, connectors, contracts and workflows of a tree."""
    findings = check(tree, cache)
    _, found = load_rules(tree, parse)
    findings += found
    findings += _embedding(tree)
    available, found = connectors(tree)
    findings += found
    _, found = check_workflows(tree, available)
    findings += found
    return sorted(set(findings))


def _embedding(tree: Tree) -> list[Finding]:
    """Does the company record choose an embedding model that can be meant?"""
    content = tree.read(COMPANY)
    document = parse(COMPANY, content)[0] if content is not None else None
    if document is None:
        return []
    try:
        chosen(document.data)
    except RefusedError as error:
        line, column = document.position(("embedding",))
        return [Finding(COMPANY, line, column, "embedding", error.message, error.hint)]
    return []
