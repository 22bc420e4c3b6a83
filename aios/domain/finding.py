"""Findings: what is wrong in a file, where, and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One observation about one place. `line` and `column` count from 1; 0 means the file as a whole."""

    path: str
    line: int
    column: int
    rule: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        hint = f" Hint: {self.hint}" if self.hint else ""
        return f"{place}: {self.severity.value} [{self.rule}] {self.message}{hint}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def errors(findings: list[Finding] | tuple[Finding, ...]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.ERROR]
