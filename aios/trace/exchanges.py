"""Exchanges as JSON, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from aios.domain.effect import Collected, CollectedDocument
from aios.domain.finding import Finding, Severity
from aios.domain.memory import Hit
from aios.domain.model import ModelReply, Request, ToolCall, Usage
from aios.domain.record import Trust
from aios.errors import AiosError, OverBudgetError, RefusedError, TransientError


def request_data(request: Request, part: Callable[[Any], str]) -> dict[str, Any]:
    """A request whose messages, tools and schema are named by their hashes: conversations repeat themselves."""
    return {
        "messages": [part(asdict(message)) for message in request.messages],
        "tools": part([asdict(tool) for tool in request.tools]) if request.tools else "",
        "schema": part(dict(request.schema)) if request.schema is not None else "",
        "max_tokens": request.max_tokens,
    }


def reply_of(data: Mapping[str, Any]) -> ModelReply:
    return ModelReply(
        data["text"],
        tuple(ToolCall(**call) for call in data["calls"]),
        Usage(**data["usage"]),
        data["model"],
        data["finish"],
        saved=Usage(**data["saved"]),
    )


def hit_data(hit: Hit) -> dict[str, Any]:
    return {**asdict(hit), "trust": hit.trust.value}


def hit_of(data: Mapping[str, Any]) -> Hit:
    return Hit(**{**data, "trust": Trust(data["trust"])})


def collected_of(data: Mapping[str, Any]) -> Collected:
    return Collected(
        data["data"],
        tuple(CollectedDocument(**each) for each in data["documents"]),
        tuple(Finding(**{**each, "severity": Severity(each["severity"])}) for each in data["findings"]),
        data.get("cursor"),
    )


def error_data(error: AiosError) -> dict[str, Any]:
    kind = next(name for name, each in _ERRORS.items() if isinstance(error, each))
    return {"kind": kind, "message": error.message, "hint": error.hint}


def error_of(data: Mapping[str, Any]) -> AiosError:
    return _ERRORS[data["kind"]](data["message"], data["hint"])


# Most particular first. Whoever catches one of them by another name sees the same again.
_ERRORS: Mapping[str, type[AiosError]] = {
    "transient": TransientError,
    "over-budget": OverBudgetError,
    "refused": RefusedError,
    "error": AiosError,
}
