"""A trace as text, for a terminal of any width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells

from aios.domain.span import SpanKind
from aios.domain.wording import counted
from aios.trace.axis import Axis
from aios.trace.outline import COMMIT, UNTIMED, Row, Trace, is_set, outline, rows, text_of
from aios.trace.totals import Totals, totals
from aios.trace.wording import about, dollars, duration, moment, plain, state_of, title_of, tokens, took, waited

_SIGNS = {"ok": "✓", "failed": "✗", "skipped": "–", "asked": "?", "waiting": "⏸", "running": "…", "interrupted": "!"}
_COLOURS = {"failed": "red", "skipped": "dim"} | dict.fromkeys(("waiting", "asked", "running", "interrupted"), "yellow")
_BAR = 24  # cells of the picture of when it was, where there is room for it
_ROOM_FOR_BAR = 100
_NARROWEST = 30
_SMALL = "▏▎▍▌▋▊▉█"


@dataclass(frozen=True, slots=True)
class Piece:
    """Text and how it looks: empty, dim, bold, red, yellow, cyan."""

    text: str
    look: str = ""


Line = tuple[Piece, ...]


def lines(trace: Trace, width: int = 0, *, depth: int = 0) -> list[Line]:
    """The trace, one line a span; cut to `width` cells and to `depth` levels, whole where these are 0."""
    told = [row for row in rows(outline(trace)) if not depth or row.depth <= depth]
    axis = Axis.of(trace) if width >= _ROOM_FOR_BAR else None
    labels = [_label(row) for row in told]
    limit = max(16, int(width * 0.45)) if width else 60
    widest = min(limit, max((cell_len(label) for label in labels[1:]), default=0))
    longest = max((cell_len(took(row.span)) for row in told[1:]), default=0)
    found = [*_head(trace, totals(trace))]
    for row, label in zip(told[1:], labels[1:], strict=True):
        found.append(_line(row, label, (widest, longest), axis, width))
    cut = max(width, _NARROWEST) if width else 0
    return [_cut(line, cut) for line in found] if cut else found


def as_text(told: Sequence[Line]) -> str:
    return "\n".join("".join(piece.text for piece in line).rstrip() for line in told)


def _head(trace: Trace, sums: Totals) -> list[Line]:
    root = trace.root
    ended = "" if sums.open else f" · over after {duration(sums.whole)}"
    told = [
        (Piece(plain(trace.run.rpartition("/")[0]), "bold"), Piece(f"  {plain(trace.status)}", _look(trace.status))),
        (Piece(f"started {moment(root.start)}{ended} · {plain(trace.run.rpartition('/')[2])}", "dim"),),
        (Piece(summary(sums)),),
        *((Piece(f"! {note}", "yellow"),) for note in trace.notes),
        (),
    ]
    return [tuple(line) for line in told]


def summary(sums: Totals) -> str:
    """The totals in one line, the zeros left out."""
    parts = [f"worked {duration(sums.working)}"]
    if sums.waiting_operator >= 1:
        parts.append(f"waited {waited(sums.waiting_operator)} for you")
    if sums.waiting - sums.waiting_operator >= 1:
        parts.append(f"{waited(sums.waiting - sums.waiting_operator)} for its time")
    if sums.calls or sums.tokens_in:
        cached = f", {sums.hits} from the cache" if sums.hits else ""
        parts.append(f"{counted(sums.calls, 'model call')}{cached}")
        parts.append(f"{tokens(sums.tokens_in)} → {tokens(sums.tokens_out)} tokens")
    else:
        parts.append("no model asked")
    parts.append(dollars(sums.usd))
    if sums.errors:
        parts.append(f"{sums.errors} failed")
    return " · ".join(parts)


def _look(status: str) -> str:
    return {"done": "cyan", "failed": "red", "rejected": "red", "cancelled": "red"}.get(status, "yellow")


def _label(row: Row) -> str:
    if not row.last:
        return ""
    stem = "".join("   " if ended else "│  " for ended in row.last[1:-1])
    joint = "" if row.depth == 1 else ("└─ " if row.last[-1] else "├─ ")
    return f"{stem}{joint}{_sign(row)} {title_of(row.span)}"


def _sign(row: Row) -> str:
    state = state_of(row.span)
    if state in {"rejected", "cancelled"}:
        return "✗"
    if row.span.kind is SpanKind.GATE:
        return "⏸"
    return _SIGNS[state]


def _line(row: Row, label: str, widths: tuple[int, int], axis: Axis | None, width: int) -> Line:
    span, state = row.span, state_of(row.span)
    widest, longest = widths
    if cell_len(label) > widest:
        label = chop_cells(label, widest - 1)[0] + "…"
    look = _COLOURS.get(state, "red" if state in {"rejected", "cancelled"} else "")
    time = took(span)
    pieces = [Piece(label + " " * (widest - cell_len(label)), look)]
    pieces.append(
        Piece(f"  {' ' * (longest - cell_len(time))}{time}", "yellow" if span.kind is SpanKind.GATE else "cyan")
    )
    if axis:
        pieces.append(Piece(f"  {_bar(axis, row)}", "yellow" if span.kind is SpanKind.GATE else "cyan"))
    commit = plain(text_of(span, COMMIT))[:10]
    if commit and not 0 < width < _ROOM_FOR_BAR:  # with less room, what it is about comes first
        pieces.append(Piece(f"  {commit}", "dim"))
    elif not 0 < width < _ROOM_FOR_BAR:
        pieces.append(Piece(" " * 12))
    if said := about(span):
        pieces.append(Piece(f"  {said}", "red" if span.error else ""))
    return tuple(pieces)


def _bar(axis: Axis, row: Row) -> str:
    """When it was, on the folded axis of the run; waiting is dotted."""
    span = row.span
    left, right = axis.at(span.start) * _BAR, axis.at(max(span.start, span.end)) * _BAR
    first = min(_BAR - 1, int(left))
    if is_set(span, UNTIMED):
        return " " * first + "·" + " " * (_BAR - first - 1)
    count = max(1, round(right - left))
    if right - left < 1:
        drawn = _SMALL[max(0, min(7, int((right - left) * 8)))]
    else:
        drawn = ("░" if span.kind is SpanKind.GATE else "█") * count
    return (" " * first + drawn)[:_BAR].ljust(_BAR)


def _cut(line: Line, width: int) -> Line:
    kept: list[Piece] = []
    room = width
    for piece in line:
        size = cell_len(piece.text)
        if size > room:
            short = chop_cells(piece.text, room - 1)[0] if room > 1 else ""
            kept.append(Piece(short + "…", piece.look) if room > 0 else Piece(""))
            break
        kept.append(piece)
        room -= size
    return tuple(kept)
