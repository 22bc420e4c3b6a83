"""Proposals: a changeset with reasons and findings, awaiting a gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aios.domain.finding import Finding
from aios.domain.policy import Verdict


@dataclass(frozen=True, slots=True)
class PlannedEffect:
    """An effect of the proposal, as the run record keeps it and the operator reviews it.

    `item` is the index of its item where the step goes through a list.
    """

    step: str
    capability: str
    connector: str
    target: str
    key: str
    summary: str
    preview: str
    reversible: bool
    undo: str
    payload: Mapping[str, Any]
    record: str = ""
    item: int | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """An open (or decided) proposal, read from its branch.

    `id` is the run's ULID; `branch` the ref's short name; `record` the run record's data at `head`.
    """

    id: str
    run: str
    branch: str
    base: str
    head: str
    title: str
    opened_at: str
    record: Mapping[str, Any]
    effects: tuple[PlannedEffect, ...]
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
