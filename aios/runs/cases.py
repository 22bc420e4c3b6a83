"""Golden cases of agents: what is put before one, and what must be true of what comes back. `state/cases/`.

A case is done as a run would do it, by contract on both sides, on main's files with the case's own laid over them.
Nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aios.agents.contract import load
from aios.domain.agent import AgentCall, Tier
from aios.domain.record import Record
from aios.domain.tree import Tree
from aios.errors import AiosError
from aios.expressions import evaluate_bool
from aios.runs.context import Context
from aios.runs.execute import agent_attempt
from aios.store.catalog import Catalog
from aios.store.documents import parse
from aios.store.trees import OverlayTree

NOW = "2026-01-05T08:00:00Z"  # the moment of every case: the same today and in a year


@dataclass(frozen=True, slots=True)
class Outcome:
    """`failed` tells what did not hold; `left_out` why it could not be tried; neither where the case passed."""

    agent: str
    case: str
    path: str
    failed: tuple[str, ...] = ()
    left_out: str = ""
    usd: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.failed and not self.left_out


def cases(tree: Tree, agents: Sequence[str] = ()) -> list[Record]:
    """The cases of these agents (of all, where none is named), by path."""
    found = Catalog(tree).records("case")
    return [case for case in found if not agents or str(case.get("agent")) in agents]


def try_case(context: Context, tree: Tree, case: Record) -> Outcome:
    """Do it. Raises nothing that the case may expect."""
    agent = str(case.get("agent"))
    named = Outcome(agent, case.id, case.path)
    files: Mapping[str, Any] = case.get("files") or {}
    here = OverlayTree(tree, {str(path): str(text).encode() for path, text in files.items()})
    contract, findings = load(here, agent, parse=parse)
    if contract is None:
        return replace(named, failed=tuple(str(finding) for finding in findings))
    offline = contract.tier is Tier.OFFLINE and agent in context.engines
    if not offline and not context.models(here):
        return replace(named, left_out=f"{agent} needs a model, and none is configured")
    call = AgentCall(
        contract,
        dict(case.get("input") or {}),
        f"case/{case.id}/00000000000000000000000000",
        "case",
        NOW,
        guidance=tuple(str(each) for each in case.get("guidance") or ()),
    )
    asked = replace(context, models=lambda _: {}) if offline else context
    try:
        answer = agent_attempt(asked, call, here)
    except AiosError as error:
        if refused := case.get("refused"):
            return replace(named, failed=_otherwise(refused, error))
        return replace(named, failed=(f"it failed: {error.message}",))
    if case.get("refused"):
        return replace(named, failed=("it was expected to be refused, and was not",))
    usd = answer["usage"].get("usd", 0.0)
    return replace(named, failed=tuple(_untrue(case, answer)), usd=float(usd) if isinstance(usd, int | float) else 0.0)


def _otherwise(refused: object, error: AiosError) -> tuple[str, ...]:
    """What differs where it was refused for another reason than the case names."""
    if not isinstance(refused, str) or refused in error.message:
        return ()
    return (f"it was refused, but not with “{refused}”: {error.message}",)


def _untrue(case: Record, answer: Mapping[str, Any]) -> list[str]:
    texts = {path: text or "" for path, text in (answer.get("files") or {}).items()}
    values = {
        "output": answer.get("output") or {},
        "files": texts,
        "text": "\n".join(texts.values()),
        "findings": [finding["rule"] for finding in answer["findings"]],
        "confidence": answer["confidence"],
        "asked": "question" in answer,
    }
    found = []
    for expected in case.get("expect") or ():
        try:
            if not evaluate_bool(str(expected), values):
                found.append(f"does not hold: {expected}")
        except AiosError as error:
            found.append(f"cannot be told: {expected}: {error.message}")
    return found
