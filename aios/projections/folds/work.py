"""A run's record → what the run took, and what it took over. What an older record does not tell stays empty."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aios.projections.folds import Rows
from aios.projections.folds.values import items, mapping, number, text, whole


def fold(data: Mapping[str, Any]) -> Rows:
    """One row for a run that was proposed: what never came to a proposal made nothing that could be compared."""
    run = text(data, "run")
    if not data.get("proposed"):
        return []
    work, reuse, operator, cost = (mapping(data, name) for name in ("work", "reuse", "operator", "cost"))
    tokens, avoided = mapping(work, "tokens"), mapping(work, "avoided")
    passages, questions, headings = (mapping(reuse, name) for name in ("passages", "questions", "headings"))
    by_person = bool(operator.get("decisions") or operator.get("revisions"))  # else it merged by itself
    spent = [whole(tokens.get(name)) for name in ("input", "output")]
    row = (
        run,
        run.partition("/")[0],
        _piece(data, work),
        text(data, "status"),
        text(data, "started"),
        whole(work.get("words")),
        number(work.get("seconds")),
        number(work.get("wall")),
        number(work.get("usd") if work else cost.get("usd")),
        sum(each for each in spent if each) if work else whole(cost.get("tokens")),
        whole(work.get("calls")),
        whole(avoided.get("calls")),
        _spared(work, avoided),
        number(work.get("read_kb")),
        whole(passages.get("used")),
        whole(passages.get("held")),
        whole(questions.get("asked")),
        whole(questions.get("searched")),
        whole(questions.get("from_notes")),
        whole(headings.get("of")),
        whole(headings.get("kept")),
        text(reuse, "grew_from"),
        len(items(reuse, "lessons")) if work else None,
        whole(operator.get("revisions")),
        whole(operator.get("characters")) if by_person else None,
        (whole(operator.get("waited")) if by_person else None) if operator else _waited(data),
    )
    return [("work", row)]


def _spared(work: Mapping[str, Any], avoided: Mapping[str, Any]) -> float | None:
    """Dollars that cached answers would have cost; None where they came from a model without a price."""
    usd = number(avoided.get("usd"))
    return None if avoided.get("calls") and work.get("unpriced") and not usd else usd


def _piece(data: Mapping[str, Any], work: Mapping[str, Any]) -> str:
    told = items(work, "pieces")
    if told or work:
        return str(told[0]) if told else ""
    outputs = [mapping(step, "output") for step in mapping(data, "steps").values() if isinstance(step, Mapping)]
    record = next((text(output, "record") for output in outputs if output.get("record")), "")
    return f"content/{record}" if record else ""


def _waited(data: Mapping[str, Any]) -> int | None:
    """Seconds from proposal to decision in a record that only tells the two moments."""
    if not text(mapping(data, "decision"), "by").startswith("operator"):
        return None
    try:
        start, end = (datetime.fromisoformat(text(data, name)) for name in ("proposed", "decided"))
        return max(0, round((end - start).total_seconds()))
    except (ValueError, TypeError):
        return None
