"""`aios report`: what the company's own figures say."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aios.cli.output import company, emit_json, json_option, say, table
from aios.errors import UsageError

if TYPE_CHECKING:
    from aios.reports.compounding import Compounding, Line

_BARS, _PLAIN_BARS = "▁▂▃▄▅▆▇█", "_.-=+*%#"


@click.group(epilog="Example: aios report compounding --html compounding.html")
def command() -> None:
    """Reports from the log: `compounding` tells whether work gets cheaper from run to run."""


@command.command(epilog="Example: aios report compounding --workflow publish-content")
@click.option("--workflow", default="", metavar="NAME", help="This workflow only.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a page as well.")
@json_option
@click.pass_context
def compounding(ctx: click.Context, workflow: str, html: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Does reuse make the next piece of work cheaper? Per workflow: its runs, the trends, and what they come to.

    Costs are compared per 100 words of the piece (per run, where a run writes none), up to the operator's decision.
    Every figure is counted from the log; a run that ended before a figure was noted is left out of its trend.
    """
    from aios.reports.compounding import as_dict
    from aios.reports.compounding import compounding as reported
    from aios.reports.page import page

    here = company(ctx, quiet=True)
    rows = here.projection.query("SELECT * FROM work ORDER BY started, run", limit=1_000_000)
    reports = reported(dict(zip(rows.columns, row, strict=True)) for row in rows.rows)
    known = [report.workflow for report in reports]
    if workflow and workflow not in known:
        raise UsageError(f"no run of `{workflow}` came to a proposal", f"those that did: {', '.join(known) or 'none'}")
    reports = [report for report in reports if workflow in {"", report.workflow}]
    if html is not None:
        record = here.company_record()
        name = str(record.get("name") or "") if record else ""
        html.write_text(page(reports, company=name, at=here.clock().strftime("%Y-%m-%d %H:%M UTC")), encoding="utf-8")
        say(f"written: {html}")
    if as_json:
        emit_json([as_dict(report) for report in reports])
    elif not reports:
        say("No run has come to a proposal yet.")
    else:
        for report in reports:
            _show(report)


def _show(report: Compounding) -> None:
    from aios.reports.compounding import beside, sentence

    click.echo(click.style(report.workflow, bold=True))
    click.echo(f"  {sentence(report)}")
    for line in beside(report):
        click.echo(f"  {line}")
    drawn = sys.stdout.isatty()
    rows = [_row(line, drawn=drawn) for line in report.shown]
    if rows:
        click.echo("")
        table(rows, list(rows[0]))
    click.echo("")


def _row(line: Line, *, drawn: bool) -> dict[str, object]:
    from aios.reports.compounding import change_of
    from aios.reports.trend import Verdict

    found = line.trend
    chance = "" if found.verdict is Verdict.TOO_FEW else f"{found.chance:.2f}"
    told: dict[str, object] = {"measure": line.measure.label, "compared": line.basis.value}
    if drawn:
        told["runs"] = _chart(line)
    moved = {True: f"{found.verdict}, better", False: f"{found.verdict}, worse", None: found.verdict.value}
    return told | {"line": change_of(line), "trend": moved[line.better], "chance": chance}


def _chart(line: Line) -> str:
    """The last runs as a row of bars; a dot where a run does not tell."""
    room = max(8, shutil.get_terminal_size((100, 24)).columns // 5)
    values = line.values[-room:]
    bars = _BARS if "utf" in (sys.stdout.encoding or "").lower() else _PLAIN_BARS
    most = max((value for value in values if value is not None), default=0.0) or 1.0
    return "".join(
        "·" if value is None and bars is _BARS else " " if value is None else bars[round(value / most * 7)]
        for value in values
    )
