"""A trace in OpenTelemetry's own form: OTLP as JSON, as collectors and tracing backends take it at `/v1/traces`.

Names follow OpenTelemetry's conventions for generative AI where they have one; what they have no name for stays
`aios.*`. Ids are hexadecimal and large numbers are texts, as OTLP's JSON has it (and as protobuf's own JSON has not).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aios.domain.keys import key_of
from aios.domain.span import Span, SpanKind, trace_id
from aios.trace.outline import OPEN, UNTIMED, Row, Trace, is_set, outline, rows, text_of
from aios.trace.totals import HIT

_INTERNAL, _CLIENT = 1, 3
_KINDS = {SpanKind.CALL: _CLIENT, SpanKind.READ: _CLIENT, SpanKind.EFFECT: _CLIENT}
_OK, _ERROR = 1, 2
_MEMORY = "memory"
_DIALECT = "openai"  # the conventions name by it how a model is spoken to, which need not be who runs it
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_LATEST = 2**64 - 1


def export(trace: Trace, *, version: str) -> dict[str, Any]:
    """The request of OTLP that tells of the whole run; `version` is the program's own."""
    resource = {"service.name": "aios", "service.version": version, "service.instance.id": trace.run}
    found = [_span(row, trace.run) for row in _with_parents(outline(trace))]
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource)},
                "scopeSpans": [{"scope": {"name": "aios", "version": version}, "spans": found}],
            }
        ]
    }


def _with_parents(top: Row) -> list[tuple[Span, str]]:
    """Every span with the parent that the tree gives it: one that was not kept is nobody's parent."""
    parents = {child.span.id: row.span.id for row in rows(top) for child in row.children}
    return [(row.span, parents.get(row.span.id, "")) for row in rows(top)]


def _span(placed: tuple[Span, str], run: str) -> dict[str, Any]:
    span, parent = placed
    start = min(max(0, span.start), _LATEST)
    told: dict[str, Any] = {
        "traceId": trace_id(run),
        "spanId": span_id(span.id),
        "name": _name(span),
        "kind": _KINDS.get(span.kind, _INTERNAL),
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(min(max(start, span.end), _LATEST)),
        "attributes": _attributes({**_own(span), **_more(span)}),
        "status": {"code": _ERROR, "message": _text(span.error)} if span.error else _status(span),
    }
    return told | ({"parentSpanId": span_id(parent)} if parent else {})


def span_id(own: str) -> str:
    """16 hexadecimal digits, not all nought, whatever was kept as an id."""
    if len(own) == 16 and set(own) <= set("0123456789abcdef") and own.strip("0"):
        return own
    return key_of("span", _text(own)).removeprefix("sha256:")[:16]


def _status(span: Span) -> dict[str, Any]:
    return {} if OPEN in span.attributes or UNTIMED in span.attributes else {"code": _OK}


def _name(span: Span) -> str:
    """Names as the conventions have them: the operation, then what it is done to."""
    match span.kind:
        case SpanKind.RUN:
            name = f"invoke_workflow {span.name}"
        case SpanKind.AGENT:
            name = f"invoke_agent {text_of(span, 'gen_ai.agent.name') or span.name}"
        case SpanKind.CALL:
            name = f"chat {text_of(span, 'gen_ai.request.model') or span.name}"
        case SpanKind.TOOL:
            name = f"execute_tool {text_of(span, 'gen_ai.tool.name') or span.name}"
        case SpanKind.RECALL:
            name = f"retrieval {_MEMORY}"
        case _:
            name = f"{span.kind.value} {span.name}"
    return _text(name)


def _own(span: Span) -> dict[str, Any]:
    """What a cached answer saved was not used: whoever adds up `gen_ai.usage.*` must not find it there."""
    if not is_set(span, HIT):
        return dict(span.attributes)
    return {name.replace("gen_ai.usage.", "aios.cache.saved."): value for name, value in span.attributes.items()}


def _more(span: Span) -> dict[str, Any]:
    """What the conventions ask for and the span itself does not say."""
    found: dict[str, Any] = {"aios.kind": span.kind.value}
    if span.kind is SpanKind.RUN:
        found |= {"gen_ai.operation.name": "invoke_workflow", "gen_ai.agent.name": span.name}
    if span.kind is SpanKind.CALL and "gen_ai.provider.name" not in span.attributes:
        found["gen_ai.provider.name"] = _DIALECT
    if span.kind is SpanKind.RECALL:
        found |= {"gen_ai.operation.name": "retrieval", "gen_ai.data_source.id": _MEMORY}
        found |= {"gen_ai.retrieval.query.text": text_of(span, "aios.recall.query")}
    if span.error:
        found["error.type"] = text_of(span, "error.type") or "_OTHER"
    return found


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": _text(name), "value": _value(value)} for name, value in sorted(values.items()) if value is not None]


def _value(value: Any) -> dict[str, Any]:
    """A value with its type. What OTLP has no type for is told as JSON."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and _SMALLEST <= value <= _LARGEST:
        return {"intValue": str(value)}
    if isinstance(value, float):
        whole = value == value and abs(value) != float("inf")  # noqa: PLR0124  JSON has no word for the others
        return {"doubleValue": value} if whole else {"stringValue": str(value)}
    if isinstance(value, list | tuple):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    if isinstance(value, str):
        return {"stringValue": _text(value)}
    return {"stringValue": _text(json.dumps(value, ensure_ascii=False, default=str))}


def _text(text: str) -> str:
    """Text that can be encoded: half a character becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")
