"""The report as one page: no script, nothing loaded from anywhere, readable in the dark and without its charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from aios.reports.compounding import Compounding, Line, Outcome, beside, change_of, sentence
from aios.reports.measures import Basis, Row, seconds
from aios.reports.trend import Verdict

WIDTH, HEIGHT, EDGE, ROOM = 320, 104, 10, 18
_STYLE = """
:root { color-scheme: light dark; --text: #1c2326; --soft: #5a666b; --line: #c9d1d4; --back: #fbfaf7;
  --good: #1f6f4a; --bad: #a63a24; --plain: #45606b; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ea; --soft: #a3afb4; --line: #3a4549; --back: #14191b;
  --good: #7fd0a8; --bad: #f0937d; --plain: #9dbac6; } }
body { font: 1rem/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 72rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem; }
.says { font-size: 1.15rem; } .soft { color: var(--soft); }
.cheaper { color: var(--good); } .dearer { color: var(--bad); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 1.5rem; padding: 0; }
figure { margin: 0; } figcaption { font-size: .9rem; } svg { width: 100%; height: auto; display: block; }
.axis { stroke: var(--line); } .scale { fill: var(--soft); font-size: 9px; } .dots { fill: var(--plain); }
.trend { stroke: var(--plain); stroke-width: 2; fill: none; }
.good .dots { fill: var(--good); } .good .trend { stroke: var(--good); }
.bad .dots { fill: var(--bad); } .bad .trend { stroke: var(--bad); } .loose { stroke-dasharray: 3 4; opacity: .6; }
.table { overflow-x: auto; margin-top: 2rem; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem .25rem 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
"""
_COLUMNS = (
    ("started", "Started"), ("words", "Words"), ("seconds", "Work"), ("usd", "USD"), ("tokens", "Tokens"),
    ("calls", "Calls"), ("avoided", "Calls spared"), ("avoided_usd", "USD spared"), ("read_kb", "KB read"),
    ("passages", "Passages"), ("held", "held"), ("questions", "Questions"), ("searched", "full searches"),
    ("from_notes", "from notes"), ("headings", "Headings"), ("kept", "kept"), ("edited", "Edited"),
    ("waited", "Decided after"),
)  # fmt: skip


def page(reports: Sequence[Compounding], *, company: str, at: str) -> str:
    """The whole page. Whatever records say in it is text, never markup."""
    title = f"Compounding at {company}" if company else "Compounding"
    body = "".join(map(_section, reports)) or '<p class="says">No run has come to a proposal yet.</p>'
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{escape(title)}</h1>\n"
        f'<p class="soft">Counted from the log at {escape(at)}: work up to each decision, per 100 words of the piece '
        "where a run wrote one. Trends are Theil–Sen slopes, kept apart from chance by Kendall’s test over all "
        f"measures of a workflow together.</p>\n{body}</main>\n</body>\n</html>\n"
    )


def _section(report: Compounding) -> str:
    mark = {Outcome.CHEAPER: " cheaper", Outcome.DEARER: " dearer"}.get(report.outcome, "")
    more = "".join(f"<p>{escape(line)}</p>\n" for line in beside(report))
    charts = "".join(_figure(line) for line in report.shown)
    return (
        f'<section>\n<h2>{escape(report.workflow)}</h2>\n<p class="says{mark}">{escape(sentence(report))}</p>\n{more}'
        f'<div class="charts">\n{charts}</div>\n{_table(report.runs)}</section>\n'
    )


def _figure(line: Line) -> str:
    look = {True: "good", False: "bad", None: "plain"}[line.better]
    basis = "" if line.basis is Basis.SHARE else f" {line.basis}"
    said = f"{line.measure.label}{basis}: {change_of(line)}, {_verdict(line)}"
    return (
        f'<figure class="{look}">\n<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(said)}">\n'
        f"{_drawing(line)}</svg>\n<figcaption><strong>{escape(line.measure.label)}</strong>{escape(basis)}<br>"
        f'{escape(change_of(line))} <span class="soft">{escape(_verdict(line))}</span></figcaption>\n</figure>\n'
    )


def _verdict(line: Line) -> str:
    found = line.trend
    if found.verdict is Verdict.TOO_FEW:
        return "too few runs to tell"
    if found.verdict is Verdict.NONE:
        return "no trend"
    word = "for the better" if line.better else "for the worse"
    odds = f"1 in {1 / found.chance:,.0f}" if found.chance >= 0.001 else "less than 1 in 1,000"
    return f"{found.verdict}, {word} ({odds} by chance)"


def _drawing(line: Line) -> str:
    """Dots for the runs, and the line of the trend; dashed where it is not one."""
    points = [(place, value) for place, value in enumerate(line.values) if value is not None]
    most = max((value for _, value in points), default=0.0) or 1.0
    last = max(len(line.values) - 1, 1)

    def at(place: float, value: float) -> tuple[float, float]:
        across = EDGE + place / last * (WIDTH - 2 * EDGE)
        return round(across, 1), round(HEIGHT - EDGE - max(0.0, min(value, most)) / most * (HEIGHT - EDGE - ROOM), 1)

    drawn = f'<line class="axis" x1="{EDGE}" y1="{HEIGHT - EDGE}" x2="{WIDTH - EDGE}" y2="{HEIGHT - EDGE}"/>\n'
    found = line.trend
    if found.verdict is not Verdict.TOO_FEW:
        (x1, y1), (x2, y2) = at(points[0][0], found.first), at(points[-1][0], found.last)
        loose = " loose" if line.better is None else ""
        drawn += f'<line class="trend{loose}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>\n'
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="3.5"/>' for x, y in (at(*point) for point in points))
    top = f'<text class="scale" x="{EDGE}" y="{EDGE}" aria-hidden="true">{escape(line.measure.show(most))}</text>\n'
    return f'{drawn}{top}<g class="dots">{dots}</g>\n'


def _table(runs: Iterable[Row]) -> str:
    head = "".join(f'<th scope="col">{title}</th>' for _, title in _COLUMNS)
    rows = "".join(
        f'<tr><th scope="row">{escape(_subject(row))}</th>'
        + "".join(f"<td>{escape(_cell(name, row.get(name)))}</td>" for name, _ in _COLUMNS)
        + "</tr>\n"
        for row in runs
    )
    return (
        '<div class="table" tabindex="0" role="region" aria-label="Runs">\n<table>\n<thead><tr><th scope="col">Run</th>'
        f"{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n"
    )


def _subject(row: Row) -> str:
    parts = str(row.get("run") or "").split("/")
    return parts[1] if len(parts) > 1 else parts[0]


def _cell(name: str, value: object) -> str:
    if value is None or value == "":
        return "–"
    if name in {"seconds", "waited"} and isinstance(value, int | float):
        return seconds(float(value))
    if name in {"usd", "avoided_usd"} and isinstance(value, int | float):
        return f"{value:.4f}"
    return str(value)[:10] if name == "started" else str(value)
