"""How a trace says things, in the terminal and on the page: durations, tokens, what a span is about in one line."""

from __future__ import annotations

from datetime import UTC, datetime

from aios.domain.span import Span, SpanKind
from aios.domain.unseen import with_unseen_shown
from aios.domain.wording import counted
from aios.trace.outline import OPEN, UNTIMED, WAIT, is_set, number_of, seconds, text_of
from aios.trace.totals import HIT, INPUT, OUTPUT, USD


def plain(text: object, limit: int = 300) -> str:
    """Text from anywhere as one line that shows what is in it: what cannot be seen is named, spaces are spaces."""
    whole = str(text)
    line = with_unseen_shown(" ".join(whole[: limit + 1].split()))
    return line if len(whole) <= limit else line[: limit - 1].rstrip() + "…"


def duration(amount: float) -> str:
    """Seconds in the units a person would choose: `0.4 ms`, `390 ms`, `2.1 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    if amount < 0.001:
        return f"{amount * 1e3:.1f} ms" if amount > 0 else "0 s"
    if amount < 0.9995:
        return f"{amount * 1e3:.0f} ms"
    if amount < 9.995:
        return f"{amount:.2f} s"
    if amount < 59.95:
        return f"{amount:.1f} s"
    whole = round(amount)
    for (large, size), (small, part) in (
        (("min", 60), ("s", 1)),
        (("h", 3600), ("min", 60)),
        (("d", 86_400), ("h", 3600)),
    ):
        if whole < (3600, 86_400, float("inf"))[(60, 3600, 86_400).index(size)]:
            rest = whole % size // part
            return f"{whole // size} {large}" + (f" {rest} {small}" if rest else "")
    raise AssertionError(amount)


def waited(amount: float) -> str:
    """How long a wait was: the log tells its moments to the second."""
    whole = round(amount)
    return duration(float(whole)) if whole >= 60 else f"{whole} s" if whole else "under 1 s"


def moment(at: int) -> str:
    """Nanoseconds since 1970 as `2026-11-23 07:35:50 UTC`."""
    try:
        return datetime.fromtimestamp(at // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "an impossible moment"


def tokens(number: float) -> str:
    """`830`, `9999`, `12.3k`, `180k`, `1.25M`."""
    if number < 10_000:
        return f"{int(number)}"
    size, unit = (1e6, "M") if number >= 999_500 else (1e3, "k")
    return f"{float(f'{number / size:.3g}'):g}{unit}"


def dollars(usd: float) -> str:
    """No more digits than tell something: `$0`, `$0.0004`, `$0.12`, `$12.50`."""
    if usd == 0:
        return "$0"
    return f"${usd:.2f}" if abs(usd) >= 0.01 else f"${usd:.4f}" if abs(usd) >= 0.0001 else f"${usd:.6f}"


def took(span: Span) -> str:
    """How long a span took, as far as that is known."""
    if is_set(span, UNTIMED):
        return "—"
    amount = seconds(span)
    told = waited(amount) if span.kind is SpanKind.GATE else duration(amount)
    return f"{told}…" if is_set(span, OPEN) else told


def state_of(span: Span) -> str:
    """One word on how it went: failed, skipped, asked, waiting, running, interrupted, rejected, cancelled or ok."""
    status = text_of(span, "aios.status")
    if span.error or status == "failed":
        return "failed"
    if is_set(span, OPEN):
        return "waiting" if span.kind is SpanKind.GATE else "running"
    if span.kind is SpanKind.GATE and text_of(span, "aios.decision") in {"rejected", "cancelled"}:
        return str(text_of(span, "aios.decision"))
    return {"skipped": "skipped", "waiting": "asked", "interrupted": "interrupted"}.get(status, "ok")


def title_of(span: Span) -> str:
    """What it is, in a word or a few: the kind and the name, where the name alone does not say it."""
    name = plain(span.name, 120)
    match span.kind:
        case SpanKind.GATE:
            return {"question": f"{name} asks", "time": f"until {name}"}.get(text_of(span, WAIT), name)
        case SpanKind.CALL:
            return plain(text_of(span, "gen_ai.request.model") or name.removeprefix("chat "), 120)
        case SpanKind.TOOL:
            return plain(text_of(span, "gen_ai.tool.name") or name, 120)
        case SpanKind.RECALL:
            return "recall"
        case _:
            return name


def about(span: Span) -> str:
    """What there is to tell of it, in one line, most telling first."""
    return " · ".join(part for part in (plain(span.error), *_ABOUT[span.kind](span)) if part)


def _of_step(span: Span) -> list[str]:
    attempt = number_of(span, "aios.attempt")
    again = f"attempt {attempt:.0f}" if attempt > 1 else ""
    title = "" if span.error else plain(text_of(span, "aios.title"))
    return [again, title, _spent(span)]


def _of_agent(span: Span) -> list[str]:
    confidence = span.attributes.get("aios.confidence")
    sure = f"{confidence:.0%} confident" if isinstance(confidence, int | float) else ""
    tier = plain(text_of(span, "aios.tier"), 40)
    return ["no model" if tier == "offline" else f"tier {tier}" if tier else "", sure]


def _of_call(span: Span) -> list[str]:
    return ["from the cache" if is_set(span, HIT) else "", _spent(span), _finish(span)]


def _finish(span: Span) -> str:
    reasons = span.attributes.get("gen_ai.response.finish_reasons")
    said = [str(each) for each in reasons] if isinstance(reasons, list | tuple) else []
    words = {"stop": "", "tool_calls": "calls tools", "length": "cut at its limit", "content_filter": "cut by a filter"}
    return ", ".join(filter(None, (words.get(each, f"ended by {plain(each, 60)}") for each in said)))


def _spent(span: Span) -> str:
    used = number_of(span, INPUT), number_of(span, OUTPUT)
    if not any(used):
        return ""
    usd = "" if is_set(span, HIT) else f", {dollars(number_of(span, USD))}"
    return f"{tokens(used[0])} → {tokens(used[1])} tokens{usd}"


def _of_tool(span: Span) -> list[str]:
    return [plain(text_of(span, "aios.tool.target"))]


def _of_recall(span: Span) -> list[str]:
    query = plain(text_of(span, "aios.recall.query"), 120)
    return [f"“{query}”" if query else "", counted(int(number_of(span, "aios.recall.hits")), "hit")]


def _of_read(span: Span) -> list[str]:
    documents = span.attributes.get("aios.read.documents")
    read = counted(documents, "document") if isinstance(documents, int) else ""
    return [plain(text_of(span, "aios.connector"), 60), read]


def _of_effect(span: Span) -> list[str]:
    return [plain(text_of(span, "aios.effect.target")), plain(text_of(span, "aios.effect.outcome"))]


def _of_gate(span: Span) -> list[str]:
    if text_of(span, WAIT) == "time":
        due = plain(text_of(span, "aios.due"), 40)
        return [plain(text_of(span, "aios.title")), f"due {due}" if is_set(span, OPEN) else ""]
    if text_of(span, WAIT) == "apply":
        return [plain(text_of(span, "aios.title"))]
    if text_of(span, WAIT) == "question":
        answer = plain(text_of(span, "aios.answer"), 120)
        return [plain(text_of(span, "aios.title")), f"answered “{answer}”" if answer else "", _who(span)]
    verdict, why = plain(text_of(span, "aios.policy.verdict"), 40), plain(text_of(span, "aios.policy.why"), 120)
    said = f"policy: {verdict}" + (f", {why}" if why else "") if verdict else ""
    return [_who(span), plain(text_of(span, "aios.reason")), said]


def _who(span: Span) -> str:
    decision, by = plain(text_of(span, "aios.decision"), 40), plain(text_of(span, "aios.decided_by"), 80)
    name = by.removeprefix("operator:")
    if text_of(span, WAIT) == "question":
        return f"by {name}" if name and text_of(span, "aios.answer") else decision
    if is_set(span, OPEN):
        return "waits for you"
    return f"{decision} by {name}" if decision and name else decision


_ABOUT = {
    SpanKind.RUN: lambda _: [],
    SpanKind.STEP: _of_step,
    SpanKind.AGENT: _of_agent,
    SpanKind.CALL: _of_call,
    SpanKind.TOOL: _of_tool,
    SpanKind.RECALL: _of_recall,
    SpanKind.READ: _of_read,
    SpanKind.GATE: _of_gate,
    SpanKind.EFFECT: _of_effect,
}
