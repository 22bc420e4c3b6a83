"""Where a check of a workflow puts what it finds, and what it may look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aios.domain.agent import Contract
from aios.domain.effect import Capability
from aios.domain.event import one_line
from aios.domain.finding import Finding, Severity
from aios.domain.record import Document, Where
from aios.domain.workflow import Workflow


@dataclass(slots=True)
class Told:
    """The findings of one file."""

    document: Document
    findings: list[Finding] = field(default_factory=list)

    def add(self, where: Where, rule: str, message: str, hint: str = "", severity: Severity = Severity.ERROR) -> None:
        line, column = self.document.position(where)
        said, advice = one_line(message, 300), one_line(hint, 300)  # names in a file may be anything
        self.findings.append(Finding(self.document.path, line, column, f"workflow-{rule}", said, advice, severity))


@dataclass(slots=True)
class Check(Told):
    """A workflow that could be read, with the agents and capabilities that there are."""

    workflow: Workflow = field(kw_only=True)
    agents: Mapping[str, Contract] = field(kw_only=True)
    capabilities: Mapping[str, Capability] = field(kw_only=True)


def suggestion(name: str, known: Iterable[Any], otherwise: str = "known here") -> str:
    """The hint for a name that is not known."""
    import difflib

    names = [str(each) for each in known]
    close = difflib.get_close_matches(name, names, 1)
    return f"did you mean `{close[0]}`?" if close else f"{otherwise}: {', '.join(names) or 'none'}"
