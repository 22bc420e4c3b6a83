"""Small charts as SVG: bars over time. Each says in words what it shows; colours come from the page's style."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

WIDTH, HEIGHT = 320, 90
SPARK_WIDTH, SPARK_HEIGHT = 120, 26


def bars(labels: Sequence[str], values: Sequence[float], *, said: str, unit: str = "") -> Markup:
    """A bar for each label, the highest as high as the chart. `said` is what a screen reader tells."""
    most = max(values, default=0.0) or 1.0
    step = WIDTH / max(len(values), 1)
    drawn = "".join(
        f'<rect x="{number * step + step * 0.12:.1f}" y="{HEIGHT - _height(value, most, HEIGHT - 16):.1f}"'
        f' width="{step * 0.76:.1f}" height="{_height(value, most, HEIGHT - 16):.1f}">'
        f"<title>{escape(label)}: {value:g}{escape(unit)}</title></rect>"
        for number, (label, value) in enumerate(zip(labels, values, strict=True))
    )
    ends = f'<text x="0" y="{HEIGHT + 13}">{escape(labels[0])}</text>' if labels else ""
    if len(labels) > 1:
        ends += f'<text x="{WIDTH}" y="{HEIGHT + 13}" text-anchor="end">{escape(labels[-1])}</text>'
    top = f'<text x="0" y="10">{most:g}{escape(unit)}</text>'
    return Markup(  # noqa: S704  everything in it is escaped above
        f'<svg class="bars" viewBox="0 0 {WIDTH} {HEIGHT + 16}" role="img" aria-label="{escape(said)}">{top}'
        f'<line x1="0" y1="{HEIGHT}" x2="{WIDTH}" y2="{HEIGHT}"/>{drawn}{ends}</svg>'
    )


def spark(values: Sequence[float], *, said: str) -> Markup:
    """A line through the values, from the oldest."""
    most, last = max(values, default=0.0) or 1.0, max(len(values) - 1, 1)
    points = " ".join(
        f"{number / last * (SPARK_WIDTH - 4) + 2:.1f},{SPARK_HEIGHT - 2 - value / most * (SPARK_HEIGHT - 4):.1f}"
        for number, value in enumerate(values)
    )
    return Markup(  # noqa: S704  numbers, and text escaped
        f'<svg class="spark" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}" role="img" aria-label="{escape(said)}">'
        f'<polyline points="{points}"/></svg>'
    )


def _height(value: float, most: float, room: int) -> float:
    return max(1.0, value / most * room) if value > 0 else 0.0
