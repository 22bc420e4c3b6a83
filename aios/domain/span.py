"""Spans: what happened within a run, and for how long.

A run's spans form one tree: run → step → agent → call, tool or recall; reads and effects under their step. Attributes
carry OpenTelemetry's names where it has one (`gen_ai.*`), and `aios.*` where it has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from aios.domain.keys import key_of


class SpanKind(StrEnum):
    """RUN is never kept: whoever reads a run's spans makes the root that spans them."""

    RUN = "run"
    STEP = "step"
    AGENT = "agent"
    CALL = "call"
    TOOL = "tool"
    RECALL = "recall"
    READ = "read"
    GATE = "gate"
    EFFECT = "effect"


@dataclass(frozen=True, slots=True)
class Span:
    """`id` and `parent` are 16 hexadecimal digits; `start` and `end` nanoseconds since 1970, UTC. `error` is one line,
    empty where it went well. Attribute values are texts, numbers, truths or lists of texts.
    """

    id: str
    parent: str
    kind: SpanKind
    name: str
    start: int
    end: int
    error: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Span:
        return cls(**{**data, "kind": SpanKind(data["kind"])})

    @classmethod
    def read(cls, data: object) -> Span | None:
        """A span that was kept by whomever; None where it is damaged."""
        try:
            found = cls.of(data) if isinstance(data, Mapping) else None
        except (KeyError, TypeError, ValueError):
            return None
        texts = found and all(isinstance(each, str) for each in (found.id, found.parent, found.name, found.error))
        times = found and all(isinstance(each, int) for each in (found.start, found.end))
        return found if texts and times and found and isinstance(found.attributes, Mapping) else None


def trace_id(run: str) -> str:
    """A run's trace: 32 hexadecimal digits."""
    return key_of("trace", run).removeprefix("sha256:")[:32]


def root_id(run: str) -> str:
    """The span of the run itself, the parent of its steps."""
    return key_of("span", run).removeprefix("sha256:")[:16]
