"""What a tool answers, as data for expressions and as documents: text from outside, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.connectors.mcp.settings import Use
from aios.domain.effect import Collected, CollectedDocument
from aios.domain.event import one_line
from aios.domain.finding import Finding, Severity
from aios.domain.keys import digest
from aios.domain.outside import json_of
from aios.errors import AiosError
from aios.expressions import render, render_text

_MOST_DOCUMENTS = 500


def values_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """`{text, data, error}`: all text of an answer; its structured content, or the JSON that its text is (else null);
    and the text once more where the tool says that it failed (else empty)."""
    texts = []
    for block in _blocks(answer):
        inner = block.get("resource") if block.get("type") == "resource" else block
        if isinstance(inner, Mapping) and isinstance(inner.get("text"), str):
            texts.append(inner["text"])
    text = "\n\n".join(texts)
    data = answer.get("structuredContent")
    if data is None and text.lstrip()[:1] in {"{", "["}:
        try:
            data = json_of(text)
        except ValueError:
            data = None
    return {"text": text, "data": data, "error": (text or "it does not say why") if answer.get("isError") else ""}


def collected(use: Use, answer: Mapping[str, Any], values: Mapping[str, Any], *, place: str, origin: str) -> Collected:
    """What a read brings: by its `result` and `documents`, or the data as the tool gave them. Raises AiosError."""
    result = values["result"]
    if use.result is not None:
        data = render(use.result, values)
    elif use.documents:
        data = {}
    else:
        data = result["data"] if result["data"] is not None else {"text": result["text"]}
    documents, findings = _documents(use, values, place, origin)
    left_out = sorted({one_line(str(block.get("type")), 20) for block in _blocks(answer) if not _is_text(block)})
    if left_out:
        message = f"{use.tool} also gave {', '.join(left_out)}, which is left out"
        findings.append(Finding(place, 0, 0, "mcp-content", message, "", Severity.INFO))
    return Collected(data, tuple(documents), tuple(findings))


def _documents(
    use: Use, values: Mapping[str, Any], place: str, origin: str
) -> tuple[list[CollectedDocument], list[Finding]]:
    if use.documents is None:
        return [], []
    items: Any = [None]
    if each := use.documents.get("each"):
        items = render(each, values)
        if not isinstance(items, list):
            raise AiosError(f"`documents.each` of {use.capability} gave no list", f"see {place}")
    findings = []
    if len(items) > _MOST_DOCUMENTS:
        message = f"{use.tool} gave {len(items)} documents; the first {_MOST_DOCUMENTS} were kept"
        findings.append(Finding(place, 0, 0, "mcp-many", message, "ask for fewer at once", Severity.WARNING))
    found = []
    for item in items[:_MOST_DOCUMENTS]:
        known = {**values, "item": item}
        text = render_text(use.documents["text"], known)
        title = one_line(render_text(use.documents["title"], known), 200) or use.capability
        named = one_line(render_text(use.documents.get("origin", ""), known), 400)
        found.append(CollectedDocument(named or origin, title, text, digest(text.encode()), "text/markdown"))
    return found, findings


def _blocks(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = answer.get("content")
    return [block for block in content if isinstance(block, Mapping)] if isinstance(content, list) else []


def _is_text(block: Mapping[str, Any]) -> bool:
    inner = block.get("resource") if block.get("type") == "resource" else block
    return isinstance(inner, Mapping) and isinstance(inner.get("text"), str)
