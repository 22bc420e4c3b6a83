"""A trace as one HTML page that asks nothing of anybody: no script, no request, light and dark, any width.

Everything that comes from a run is text to this page: escaped, and with what cannot be seen named.
"""

from __future__ import annotations

import base64
from hashlib import sha256
from html import escape
from pathlib import Path

from aios.domain.wording import counted
from aios.trace.axis import Axis
from aios.trace.decided import decisions
from aios.trace.lanes import PATTERN, background, waterfall
from aios.trace.outline import OPEN, Trace, is_set, outline, rows
from aios.trace.totals import Totals, totals
from aios.trace.wording import dollars, duration, moment, plain, tokens, waited

_STYLE = Path(__file__).with_name("waterfall.css")
_GOOD, _BAD = {"done"}, {"failed", "rejected", "cancelled", "reverted"}


def page(trace: Trace) -> str:
    """The whole page."""
    axis, sums, top = Axis.of(trace), totals(trace), outline(trace)
    style = _STYLE.read_text(encoding="utf-8") + background(axis)
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    workflow, subject, ulid = (*map(plain, trace.run.split("/", 2)), "", "")[:3]
    return "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n',
            f"<title>{escape(f'{workflow} {subject}'.strip())} – trace</title>\n",
            f"<style>{style}</style>\n</head>\n<body>\n",
            PATTERN,
            _header(trace, workflow, subject, ulid),
            "<main>\n",
            _tiles(sums),
            _notes(trace),
            waterfall(top, axis),
            decisions(rows(top)),
            "</main>\n",
            _footer(trace, sums, ulid),
            "</body>\n</html>\n",
        )
    )


def _header(trace: Trace, workflow: str, subject: str, ulid: str) -> str:
    look = "good" if trace.status in _GOOD else "bad" if trace.status in _BAD else ""
    ended = "" if is_set(trace.root, OPEN) else f"<span>ended {moment(trace.root.end)}</span>"
    return (
        f'<header>\n<p class="kicker">Trace of a run of {escape(workflow)}</p>\n'
        f"<h1>{escape(subject or workflow)}</h1>\n"
        f'<p class="meta"><span class="state {look}">{escape(plain(trace.status))}</span>'
        f"<span>started {moment(trace.root.start)}</span>{ended}<code>{escape(ulid)}</code></p>\n</header>\n"
    )


def _tiles(sums: Totals) -> str:
    waited_for_time = sums.waiting - sums.waiting_operator
    for_you = waited(sums.waiting_operator) if sums.waiting_operator else "0 s"
    tiles = [
        ("Worked", duration(sums.working), counted(sums.steps, "step attempt")),
        ("Waited for you", for_you, "to decide, answer, apply"),
        ("Waited for its time", waited(waited_for_time), "steps that come later") if waited_for_time >= 1 else None,
        ("Nothing ran", waited(sums.idle), "between sittings") if sums.idle >= 1 else None,
        ("Model calls", str(sums.calls), f"{sums.hits} from the cache" if sums.hits else "") if sums.calls else None,
        ("Model calls", "none", "every agent worked offline") if not sums.calls and not sums.tokens_in else None,
        (
            "Tokens",
            f"{tokens(sums.tokens_in)} → {tokens(sums.tokens_out)}",
            f"{tokens(sums.tokens_saved)} saved by the cache" if sums.tokens_saved else "in → out",
        )
        if sums.tokens_in or sums.hits
        else None,
        ("Cost", dollars(sums.usd), "US dollars"),
        ("Effects", str(sums.effects), "acts outside the repository"),
        ("Failed attempts", str(sums.errors), "") if sums.errors else None,
    ]
    told = "".join(
        f"<div><dt>{name}</dt><dd>{escape(value)}{f'<small>{escape(more)}</small>' if more else ''}</dd></div>\n"
        for name, value, more in (tile for tile in tiles if tile)
    )
    return f'<section aria-label="Totals">\n<dl class="tiles">\n{told}</dl>\n</section>\n'


def _notes(trace: Trace) -> str:
    told = "".join(f"<li>{escape(plain(note))}</li>" for note in trace.notes)
    return f'<ul class="notes" aria-label="What this trace cannot tell">{told}</ul>\n' if told else ""


def _footer(trace: Trace, sums: Totals, ulid: str) -> str:
    as_of = f" It was not over at {moment(trace.root.end)}, when this was written." if sums.open else ""
    return (
        f"<footer>{counted(sums.spans, 'span')}.{escape(as_of)} Times come from the spans that the run kept on the"
        " branch <code>aios/traces</code>; decisions, verdicts and commits from its log. Every commit named here can be"
        " looked at with <code>git show</code>; the same as JSON:"
        f" <code>aios trace {escape(ulid)} --json</code>."
        " This page runs no script and asks no other page.</footer>\n"
    )
