"""What a proposal folds, in words for the person who decides: which notes, why, how much smaller, and who wrote it.

Everything but the reason is read off the trees before and after, not off what an agent says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aios.domain.event import Change
from aios.domain.names import MEMORY
from aios.domain.tree import Tree
from aios.domain.wording import counted
from aios.store.documents import parse

NAMED = 5  # notes of one summary that are named


def folding_told(after: Tree, before: Tree, changes: Sequence[Change], why: Mapping[str, str]) -> list[str]:
    """First all together, then a line for each summary that stands for notes which go. `why` is by its path."""
    gone = {change.path for change in changes if not change.after and change.path.startswith(MEMORY)}
    lines = []
    folded: set[str] = set()
    then = now = 0
    for path in (change.path for change in changes if change.after and change.path.startswith(MEMORY)):
        data = _data(after, path)
        mine = sorted(gone.intersection(map(str, data.get("folds") or ())))
        if not mine:
            continue
        folded |= set(mine)
        old, new = sum(_size(before, each) for each in (*mine, path)), _size(after, path)
        then, now = then + old, now + new
        lines.append(_line(path, mine, data, _became(old, new), why.get(path, "")))
    if not lines:
        return []
    whole = f"{counted(len(folded), 'note')} become {counted(len(lines), 'summary', 'summaries')}: {_became(then, now)}"
    back = "each comes back, whole, with `aios memory restore` and its path; `aios memory show` shows it as it was"
    return [whole, *lines, back]


def _line(path: str, mine: Sequence[str], data: Mapping[str, Any], size: str, why: str) -> str:
    names = ", ".join(each.removeprefix(MEMORY).removesuffix(".md") for each in mine[:NAMED])
    more = f" and {len(mine) - NAMED} more" if len(mine) > NAMED else ""
    because = f", because {why}" if why else ""
    tier = f", written by the {data['x-tier']} tier" if data.get("x-tier") else ""
    trust = data.get("trust") or "external"
    stands = f"{path} stands for {counted(len(mine), 'note')}{because}"
    return f"{stands}: {names}{more}. {size}; trust {trust}{tier}"


def _became(then: int, now: int) -> str:
    part = f" ({round(100 * (now / then - 1)):+d} %)" if then else ""
    return f"{then / 1024:.1f} KiB before, {now / 1024:.1f} KiB after{part}"


def _size(tree: Tree, path: str) -> int:
    return len(tree.read(path) or b"")


def _data(tree: Tree, path: str) -> Mapping[str, Any]:
    document = parse(path, tree.read(path) or b"")[0] if path.endswith(".md") else None
    return document.data if document else {}
