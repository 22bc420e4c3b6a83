"""A gate that waits: which one, what its run record shows, and who may decide it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.domain.forge import may_approve
from aios.domain.names import run_record_path
from aios.domain.run import RunState
from aios.errors import RefusedError
from aios.runs.context import Context
from aios.runs.session import Session
from aios.store.catalog import Catalog
from aios.store.documents import parse
from aios.store.git import Git
from aios.store.trees import CommitTree


def open_gate(state: RunState) -> str:
    """The gate that waits; empty where none does."""
    return next((name for name, decision in state.gates.items() if decision == "open"), "")


def record_of(session: Session) -> Mapping[str, Any]:
    """The run record as the branch has it. Raises RefusedError where it cannot be read."""
    path = run_record_path(session.run, session.state.started_at)
    content = session.tree.read(path)
    document = parse(path, content)[0] if content is not None else None
    if document is None:
        raise RefusedError(f"the run record {path} cannot be read", "`aios check` says what is wrong")
    return document.data


def approvers_at(git: Git, commit: str) -> frozenset[str]:
    """Who may approve, as the company's record tells at a commit; nobody, where it is not in order."""
    company = Catalog(CommitTree(git, commit)).get("company", "company")
    told = company.get("approvers") if company else None
    return frozenset(str(each) for each in told) if isinstance(told, list | tuple) else frozenset()


def verify_approver(context: Context) -> None:
    """Raises RefusedError unless the operator is among the company's approvers, as main has them. Fails closed."""
    approvers = approvers_at(context.git, context.main)
    if not approvers:
        raise RefusedError(
            "state/company.yaml names no approver that can be read: nobody can approve",
            "`aios check` says what is wrong",
        )
    if not may_approve(approvers, email=context.operator.email):
        raise RefusedError(
            f"{context.operator.email} is not among the company's approvers",
            "set git's user.email, or add the address to `approvers` in state/company.yaml",
        )
