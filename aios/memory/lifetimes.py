"""A tree's policy on how long notes live. Apart from the rule itself, which reads no files and which agents share."""

from __future__ import annotations

from aios.domain.tree import Tree
from aios.memory.expiry import EXPIRE_AFTER, FOR_EVER, POLICY, Lifetimes, lifetimes


def lifetimes_of(tree: Tree) -> Lifetimes:
    """What a tree's policy lets expire. Where it says nothing of it, as most do, it is not parsed."""
    content = tree.read(POLICY)
    if content is None or EXPIRE_AFTER.encode() not in content:
        return FOR_EVER
    from aios.store.documents import parse

    document, _ = parse(POLICY, content)
    return lifetimes(document.data) if document else FOR_EVER
