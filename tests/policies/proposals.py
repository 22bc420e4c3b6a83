"""Proposals to judge, as facts."""

from __future__ import annotations

from typing import Any

from aios.domain.event import Change
from aios.domain.finding import Finding, Severity
from aios.domain.policy import PolicyFacts
from aios.domain.proposal import PlannedEffect
from aios.policies import facts

BLOB, OTHER = "a" * 40, "b" * 40


def change(path: str, *, before: str = "", after: str = BLOB, renamed_from: str = "") -> Change:
    return Change(path, before, after, renamed_from)


def effect(capability: str = "cms.publish", *, reversible: bool = True, **payload: Any) -> PlannedEffect:
    return PlannedEffect(
        step="publish",
        capability=capability,
        connector="site",
        target="https://acme.example/x",
        key="sha256:1",
        summary="Publish x",
        preview="…",
        reversible=reversible,
        undo="",
        payload=payload,
    )


def finding(severity: Severity) -> Finding:
    return Finding("state/content/x.md", 1, 1, "rule", "message", "", severity)


def proposal(**other: Any) -> PolicyFacts:
    """The facts of a proposal that adds one piece of content, changed as told."""
    given: dict[str, Any] = {
        "workflow": "publish-content",
        "subject": "x",
        "agents": ["writer"],
        "changes": [change("state/content/x.md")],
        "effects": [],
        "trust": [],
        "findings": [],
    }
    return facts.build(**(given | other))
