"""The waterfall of a trace's page: a row for every span, with its bar on the folded axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from aios.domain.span import Span, SpanKind
from aios.domain.wording import counted
from aios.trace.axis import Axis, Fold
from aios.trace.facts import facts_of
from aios.trace.outline import OPEN, UNTIMED, Row, is_set, rows, seconds, text_of
from aios.trace.totals import HIT
from aios.trace.wording import about, duration, plain, state_of, title_of, took

LARGE = 80  # rows; from here on, what is inside a step is folded away at first
_MANY = 8  # items of one step in a row are one row from here on, in a large trace
_DEEPEST = 6
_KINDS = {
    SpanKind.STEP: "step",
    SpanKind.AGENT: "agent",
    SpanKind.CALL: "model call",
    SpanKind.TOOL: "tool",
    SpanKind.RECALL: "search",
    SpanKind.READ: "service",
    SpanKind.EFFECT: "effect",
    SpanKind.GATE: "wait",
}
_WHY = {
    "decision": "waits for you",
    "question": "asks you",
    "apply": "not applied yet",
    "time": "not due yet",
    "": "nothing ran",
}
# What waits is filled with this.
PATTERN = (
    '<svg width="0" height="0" aria-hidden="true" focusable="false"><defs><pattern id="waiting" width="6" height="6"'
    ' patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line class="stripe" x1="0" y1="0" x2="0" y2="6"/>'
    "</pattern></defs></svg>\n"
)


def waterfall(top: Row, axis: Axis) -> str:
    """The legend, the axis and a row for every span."""
    told = rows(top)
    shown = {row.span.kind for row in told} - {SpanKind.RUN}
    legend = "".join(f"<li>{_dot(kind.value)}{name}</li>" for kind, name in _KINDS.items() if kind in shown)
    folded = (
        f" {counted(len(axis.folds), 'gap')} in which nothing ran {'is' if len(axis.folds) == 1 else 'are'} folded into"
        " a grey stripe, so that the work can be seen." * bool(axis.folds)
    )
    body = _list(top.children, axis, large=len(told) > LARGE)
    return (
        '<section aria-labelledby="when">\n<h2 id="when">What happened, and when</h2>\n'
        f'<p class="how">Bars are to scale: {duration(axis.working)} from edge to edge.{folded}'
        " A row opens to everything that is known of it.</p>\n"
        f'<ul class="legend" aria-label="Colours">{legend}</ul>\n'
        f'<div class="card">\n{_scale(axis)}'
        f'<ol class="rows" aria-label="Spans, in the order in which they began">\n{body}</ol>\n</div>\n</section>\n'
    )


def _dot(kind: str) -> str:
    return (
        '<svg class="dot" aria-hidden="true" focusable="false">'
        f'<rect class="k-{kind}" width="100%" height="100%" rx="2"/></svg>'
    )


def _list(children: Sequence[Row], axis: Axis, *, large: bool) -> str:
    """The items of a list. In a large trace, many items of one step become one row that opens."""
    if not large:
        return "".join(_item(row, axis, large=False) for row in children)
    return "".join(
        _group(group, axis) if len(group) >= _MANY else "".join(_item(row, axis, large=True) for row in group)
        for group in _grouped(children)
    )


def _grouped(children: Iterable[Row]) -> list[list[Row]]:
    groups: list[list[Row]] = []
    for row in children:
        step = text_of(row.span, "aios.step") or row.span.name.partition("[")[0]
        before = groups[-1][-1].span if groups else None
        same = before and (text_of(before, "aios.step") or before.name.partition("[")[0]) == step
        if before and same and before.kind is row.span.kind is SpanKind.STEP:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _group(group: Sequence[Row], axis: Axis) -> str:
    spans = [row.span for row in group]
    failed = [span for span in spans if state_of(span) == "failed"]
    name = text_of(spans[0], "aios.step") or spans[0].name.partition("[")[0]
    lengths = sorted(seconds(span) for span in spans)
    said = f"{len(failed)} failed" if failed else "all well"
    said += f" · half took {duration(lengths[len(lengths) // 2])} or less, the longest {duration(lengths[-1])}"
    start, end = min(span.start for span in spans), max(span.end for span in spans)
    bars = "".join(_rect(span, axis, "k-bad" if span in failed else "k-step many") for span in spans)
    inner = "".join(_item(row, axis, large=True) for row in group)
    return (
        f'<li class="d1{" bad" if failed else ""}"><details class="group"{" open" if failed else ""}>'
        '<summary class="row">'
        f'<span class="name">{_dot("step")}<span><b>{escape(plain(name, 120))}</b> <small class="kind">'
        f'{len(spans)} attempts</small><span class="about">{said}</span></span></span>'
        f'<span class="bar">{_svg(bars)}</span><span class="took">{duration(max(0, end - start) / 1e9)}</span>'
        f"</summary>\n<ol>\n{inner}</ol></details></li>\n"
    )


def _item(top: Row, axis: Axis, *, large: bool) -> str:
    """A row and everything below it. Without recursion: the list is closed when what is in it has been told."""
    found: list[str] = []
    waiting: list[Row | str] = [top]
    while waiting:
        row = waiting.pop()
        if isinstance(row, str):
            found.append(row)
            continue
        found.append(_row(row, axis))
        if not row.children:
            found.append("</li>\n")
            continue
        fold = large and row.depth == 1
        if fold:
            open_now = " open" if any(state_of(each.span) == "failed" for each in rows(row)[1:]) else ""
            found.append(f'<details class="inner"{open_now}><summary>{_inside(row)}</summary>')
        found.append("<ol>\n")
        waiting.append("</ol></details></li>\n" if fold else "</ol></li>\n")
        waiting += reversed(row.children)
    return "".join(found)


def _inside(row: Row) -> str:
    kinds = [each.span.kind for each in rows(row)[1:]]
    said = [counted(kinds.count(kind), name) for kind, name in _KINDS.items() if kind in kinds]
    return f"inside: {escape(', '.join(said))}"


def _row(row: Row, axis: Axis) -> str:
    span, state = row.span, state_of(row.span)
    bad = state in {"failed", "rejected", "cancelled"}
    kind = "" if span.kind is SpanKind.STEP else f'<small class="kind">{_KINDS.get(span.kind, "")}</small>'
    said = escape(about(span))
    more = f'<span class="about">{said}</span>' if said else ""
    look = "k-bad" if bad else f"k-{span.kind.value}"
    told = "" if state == "ok" else f' <small class="kind">{"answer awaited" if state == "asked" else state}</small>'
    return (
        f'<li class="d{min(row.depth, _DEEPEST)}{" bad" if bad else ""}"><details><summary class="row">'
        f'<span class="name">{_dot("bad" if bad else span.kind.value)}<span><b>{escape(title_of(span))}</b>'
        f'{kind}{told}{more}</span></span><span class="bar">{_svg(_rect(span, axis, look))}</span>'
        f'<span class="took"><span class="unseen">took </span>{escape(took(span))}</span></summary>\n'
        f"{_facts(span, axis)}</details>\n"
    )


def _svg(inner: str) -> str:
    return f'<svg aria-hidden="true" focusable="false">{inner}</svg>'


def _rect(span: Span, axis: Axis, look: str) -> str:
    left = axis.at(span.start) * 100
    width = max(0.35, axis.at(max(span.start, span.end)) * 100 - left)
    left = min(left, 100 - width)
    if is_set(span, UNTIMED):  # only its end is known: a mark, not a bar
        return f'<circle class="{look}" cx="{left:.2f}%" cy="50%" r="4"/>'
    hit = " hit" if is_set(span, HIT) else ""
    live = " open" if is_set(span, OPEN) else ""
    top, height = ("34%", "32%") if span.kind is SpanKind.GATE else ("28%", "44%")
    return f'<rect class="{look}{hit}{live}" x="{left:.2f}%" width="{width:.2f}%" y="{top}" height="{height}" rx="2"/>'


def _facts(span: Span, axis: Axis) -> str:
    told = "".join(
        f"<dt>{escape(plain(name, 120))}</dt><dd>{escape(value)}</dd>"
        for name, value in facts_of(span, axis.moments[0])
    )
    return f'<div class="facts"><dl>{told}</dl></div>\n'


def _scale(axis: Axis) -> str:
    marks = [_folded(fold) for fold in _that_fit(axis.folds)]
    edges = [(fold.left, fold.right) for fold in axis.folds]
    for passed, place in axis.ticks():
        if place < 0.97 and not any(left - 0.05 < place < right + 0.005 for left, right in edges if place > 0):
            anchor = "start" if place < 0.02 else "middle"
            label = _round_time(passed)
            marks.append(f'<text x="{place * 100:.2f}%" y="32" text-anchor="{anchor}">{label}</text>')
    return (
        '<div class="scale" aria-hidden="true"><span>step</span><span class="at">'
        f"{_svg(''.join(marks))}</span><span>took</span></div>\n"
    )


def _round_time(amount: float) -> str:
    """A round number of seconds: `0`, `500 ms`, `20 s`, `3 min`."""
    return f"{amount:g} s" if 1 <= amount < 60 else duration(amount) if amount else "0"


def _folded(fold: Fold) -> str:
    middle = (fold.left + fold.right) / 2
    anchor = "end" if middle > 0.93 else "start" if middle < 0.07 else "middle"
    place = fold.right if anchor == "end" else fold.left if anchor == "start" else middle
    look = ' class="wait"' if fold.why in {"decision", "question", "apply"} else ""
    return (
        f'<text{look} x="{place * 100:.2f}%" y="12" text-anchor="{anchor}">{duration(fold.seconds)}'
        f"<title>{_WHY.get(fold.why, 'nothing ran')}</title></text>"
    )


def _that_fit(folds: Sequence[Fold]) -> list[Fold]:
    """The folds whose labels do not cover each other's."""
    found: list[Fold] = []
    for fold in sorted(folds, key=lambda each: -each.seconds):
        if all(abs((fold.left + fold.right) - (each.left + each.right)) / 2 > 0.13 for each in found):
            found.append(fold)
    return found


def background(axis: Axis) -> str:
    """Stripes for what is folded, and a line at every tick, behind every bar alike."""
    places = [f"{place * 100:.3f}%" for _, place in axis.ticks()[:24]]
    layers = [
        f"linear-gradient(90deg, transparent calc({at} - .5px), var(--line) 0 calc({at} + .5px), transparent 0)"
        for at in places
    ]
    stops = "".join(
        f", transparent {fold.left * 100:.3f}%, var(--fold) 0 {fold.right * 100:.3f}%, transparent 0"
        for fold in axis.folds
    )
    if stops:
        layers.append(f"linear-gradient(90deg, transparent 0{stops})")
    return f".bar {{ background-image: {', '.join(layers)}; }}\n" if layers else ""
