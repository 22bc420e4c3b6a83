"""The table of a trace's page that a sceptic reads first: who let what happen, and what was done outside."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from aios.domain.span import Span, SpanKind
from aios.trace.outline import COMMIT, OPEN, WAIT, Row, is_set, text_of
from aios.trace.wording import moment, plain, state_of, title_of, took

_ASKED = {"decision", "question"}


def decisions(told: Sequence[Row]) -> str:
    """The decisions, answers and effects of a run; nothing where there were none."""
    spans = [row.span for row in told if row.span.kind is SpanKind.EFFECT or text_of(row.span, WAIT) in _ASKED]
    if not spans:
        return ""
    lines = "".join(_decision(span) for span in spans)
    return (
        '<section aria-labelledby="who">\n<h2 id="who">Who decided, and what was done</h2>\n'
        '<div class="card wide">\n<table>\n'
        '<thead><tr><th scope="col">What</th><th scope="col">When</th><th scope="col">Waited or took</th>'
        '<th scope="col">Outcome</th><th scope="col">By whom</th><th scope="col">Commit</th></tr></thead>\n'
        f"<tbody>\n{lines}</tbody>\n</table>\n</div>\n</section>\n"
    )


def _decision(span: Span) -> str:
    if span.kind is SpanKind.EFFECT:
        outcome = "failed" if span.error else text_of(span, "aios.effect.outcome") or state_of(span)
        detail, by = span.error or text_of(span, "aios.effect.target"), text_of(span, "aios.connector")
    else:
        awaited = "waits for you" if is_set(span, OPEN) else ""
        outcome = awaited or text_of(span, "aios.answer") or text_of(span, "aios.decision")
        verdict, why = text_of(span, "aios.policy.verdict"), text_of(span, "aios.policy.why")
        policy = f"policy says {verdict}: {why}" if verdict else ""
        detail, by = policy or text_of(span, "aios.title"), text_of(span, "aios.decided_by").removeprefix("operator:")
    cells = (
        ("When", escape(moment(span.end)), ""),
        ("Took", escape(took(span)), ""),
        ("Outcome", escape(plain(outcome, 200)), escape(plain(text_of(span, "aios.reason"), 300))),
        ("By", escape(plain(by, 120)), ""),
        ("Commit", f"<code>{escape(plain(text_of(span, COMMIT))[:12])}</code>", ""),
    )
    told = "".join(
        f'<td data-of="{name}">{value}{f"<small>{more}</small>" if more else ""}</td>' for name, value, more in cells
    )
    what = f"{escape(title_of(span))}<small>{escape(plain(detail))}</small>"
    return f'<tr><th scope="row">{what}</th>{told}</tr>\n'
