"""What compaction would fold, without folding it."""

from __future__ import annotations

from aios.agents.contract import load
from aios.agents.offline.archivist import due_now as due_of
from aios.agents.tools import ContractTools
from aios.errors import InvalidError
from aios.memory.retention import Group
from aios.runs.context import Context
from aios.store.catalog import Catalog
from aios.store.documents import parse
from aios.store.trees import CommitTree

ARCHIVIST = "archivist"


def due_now(context: Context, catalog: Catalog | None = None) -> list[Group]:
    """On main. Where main's catalog is at hand, its records are not read again.

    Raises InvalidError where the company has no archivist that can be read.
    """
    tree = CommitTree(context.git, context.main)
    contract, findings = load(tree, ARCHIVIST, parse=parse)
    if contract is None:
        raise InvalidError(f"the agent `{ARCHIVIST}` is not in order", "see state/agents/", findings=tuple(findings))
    tools = ContractTools(tree, contract, recall=lambda *_: (), records=(catalog or Catalog(tree)).records)
    return due_of(tools, context.now())[1]
