"""How well memory answers the operator's golden queries, now and some time ago: a drop is noticed, nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aios.domain.tree import Tree
from aios.runs.context import Context
from aios.runs.remembering import FIRST, Answered, Golden, Recall, answered, golden_queries, known_paths
from aios.store.trees import CommitTree

AGO = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Quality:
    """`answered` tells the place of each query's answer among the first hits; `commit` is where it was measured."""

    answered: Sequence[Answered]
    at: str = ""
    commit: str = ""

    @property
    def found(self) -> int:
        """Queries whose answer is among the first `FIRST` hits."""
        return sum(bool(each.place) for each in self.answered)

    @property
    def mrr(self) -> float:
        """Mean reciprocal rank: 1 where every answer comes first, 0 where none comes up."""
        places = [1 / each.place if each.place else 0.0 for each in self.answered]
        return round(sum(places) / len(places), 3) if places else 0.0

    def place_of(self, query: str) -> int:
        """0 where it found nothing, or was not asked."""
        return next((each.place for each in self.answered if each.golden.query == query), 0)

    def as_dict(self) -> dict[str, Any]:
        queries = [{"query": each.golden.query, "place": each.place} for each in self.answered]
        told = {"queries": len(queries), "found": self.found, "of_first": FIRST, "mrr": self.mrr}
        return {"at": self.at, "commit": self.commit, **told, "places": queries}


def quality(tree: Tree, recall: Recall, *, at: str = "", commit: str = "") -> Quality:
    """Of the tree's own golden queries."""
    return Quality(answered(tree, golden_queries(tree), recall), at, commit)


def quality_before(context: Context, queries: Sequence[Golden], recall: Recall, *, ago: timedelta = AGO) -> Quality:
    """Today's queries on main as it was then, those left out that could not have been answered yet; maybe none."""
    then = (datetime.fromisoformat(context.now()) - ago).isoformat()
    asked = (
        context.git.text("rev-list", "-1", "--first-parent", f"--before={then}", context.main, "--") if queries else ""
    )
    if not asked:
        return Quality(())
    tree = CommitTree(context.git, asked)
    known = [
        each for each in queries if any(tree.blob(path) for want in each.expect for path in known_paths(tree, want))
    ]
    return Quality(answered(tree, known, recall), then[:10], asked)
