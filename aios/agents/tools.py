"""An agent's doors, limited by its contract, and the manifest of what went through them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aios.domain.agent import Contract, Derive
from aios.domain.front_matter import split
from aios.domain.globs import matches
from aios.domain.keys import digest
from aios.domain.memory import Hit
from aios.domain.record import Record
from aios.domain.tree import Tree
from aios.errors import RefusedError

Recall = Callable[[str, int, Sequence[str]], Sequence[Hit]]
Records = Callable[[str], Sequence[Record]]
Derived = Callable[[str, str, Derive], str]


def anew(_: str, text: str, derive: Derive) -> str:
    """Nothing is kept: what follows from a text is made whenever it is asked for."""
    return derive(text)


class ContractTools:
    """`Tools` over a tree: reading outside the contract's `reads` raises `RefusedError`, records outside it are unseen.

    `recall(query, limit, kinds)` (limited to what the contract reads), `records(kind)` and `derived(name, text,
    derive)` are handed in. Everything read is noted for the context manifest; what is derived of it adds nothing.
    """

    def __init__(
        self, tree: Tree, contract: Contract, *, recall: Recall, records: Records, derived: Derived = anew
    ) -> None:
        self._tree = tree
        self._contract = contract
        self._recall = recall
        self._records = records
        self._derived = derived
        self._read: dict[str, str] = {}
        self._fronts: dict[str, str] = {}
        self._recalled: dict[str, dict[str, Any]] = {}

    def read(self, path: str) -> str | None:
        content = self._content(path)
        if content is None:
            return None
        self._read[path] = digest(content)
        return content.decode(errors="replace")

    def front(self, path: str) -> str | None:
        content = self._content(path)
        if content is None:
            return None
        self._fronts[path] = digest(content)
        return split(content.decode(errors="replace"))[0]

    def _content(self, path: str) -> bytes | None:
        if not matches(path, self._contract.reads):
            raise RefusedError(
                f"the agent {self._contract.name} may not read {path}",
                f"its contract grants {', '.join(self._contract.reads) or 'nothing'}",
            )
        return self._tree.read(path)

    def paths(self, pattern: str) -> Sequence[str]:
        prefix = pattern.split("*", 1)[0].rpartition("/")[0]
        found = self._tree.paths(f"{prefix}/" if prefix else "")
        return [path for path in found if matches(path, (pattern,)) and matches(path, self._contract.reads)]

    def record(self, kind: str, record_id: str) -> Record | None:
        return next((record for record in self.records(kind) if record.id == record_id), None)

    def records(self, kind: str) -> Sequence[Record]:
        allowed = [record for record in self._records(kind) if matches(record.path, self._contract.reads)]
        for record in allowed:
            self._read.setdefault(record.path, self._tree.blob(record.path) or "")
        return allowed

    def recall(self, query: str, *, limit: int = 0, kinds: Sequence[str] = ()) -> Sequence[Hit]:
        wanted = limit or self._contract.context_recall
        hits = [hit for hit in self._recall(query, wanted, kinds) if matches(hit.path, self._contract.reads)]
        for hit in hits:
            self._recalled[f"{hit.path}:{hit.start}-{hit.end}"] = {
                "score": round(hit.score, 4),
                "why": hit.why,
                "trust": hit.trust.value,
            }
        return hits

    def derived(self, name: str, text: str, derive: Derive) -> str:
        return self._derived(name, text, derive)

    def manifest(self) -> Mapping[str, Any]:
        """What the call saw: files by hash (of `fronts` the front matter only), passages by place, why and trust."""
        return {
            "agent": f"{self._contract.name}@{self._contract.version}",
            "instructions": digest(self._contract.instructions.encode()),
            "read": dict(sorted(self._read.items())),
            **({"fronts": dict(sorted(self._fronts.items()))} if self._fronts else {}),
            "recalled": dict(sorted(self._recalled.items())),
        }
