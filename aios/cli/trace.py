"""`aios trace`: how a run went, and how long everything took."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.errors import AiosError, RefusedError, UsageError

if TYPE_CHECKING:
    from aios.app import Company
    from aios.trace.outline import Trace

_BESIDE = ""  # `--html` and `--otlp` without a file


@click.command(epilog="Example: aios trace raising-prices-for-existing-customers --html")
@click.argument("run")
@click.option("--html", is_flag=False, flag_value=_BESIDE, metavar="[FILE]", help="Write a page; its path is printed.")
@click.option("--otlp", is_flag=False, flag_value="-", metavar="[FILE]", help="OpenTelemetry's JSON (- is stdout).")
@click.option("--send", metavar="URL", help="Send it to an OpenTelemetry collector or backend, as OTLP over HTTP.")
@click.option(
    "--headers",
    default="",
    metavar="N=V,…",
    envvar="OTEL_EXPORTER_OTLP_HEADERS",
    show_envvar=True,
    help="What --send says of you.",
)
@click.option("--depth", type=click.IntRange(1), default=None, help="Show no more levels: 1 is steps and waits.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    html: str | None,
    otlp: str | None,
    send: str | None,
    headers: str,
    depth: int | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """How RUN went: steps, agents, model calls, searches, waits and effects, with times, tokens, cost and verdicts."""
    from aios.runs.tracing import trace_of

    if (html is not None) + (otlp is not None) + (send is not None) + as_json > 1:
        raise UsageError("one of --html, --otlp, --send and --json at a time", "without any it is shown here")
    here = company(ctx)
    trace = trace_of(here.context, here.resolve(run))
    if html is not None:
        _write_page(here, trace, html)
    elif otlp is not None:
        _write(otlp, json.dumps(_exported(trace), ensure_ascii=False, indent=2) + "\n")
    elif send is not None:
        _send(here, trace, send, headers)
    elif as_json:
        emit_json(_data(trace))
    else:
        _show(trace, depth or 0)


def _data(trace: Trace) -> object:
    from dataclasses import asdict

    from aios.trace.outline import outline, rows
    from aios.trace.totals import totals

    spans = [{**row.span.as_dict(), "depth": row.depth} for row in rows(outline(trace))]
    told = {"run": trace.run, "status": trace.status, "totals": asdict(totals(trace)), "notes": list(trace.notes)}
    return told | {"spans": spans}


def _exported(trace: Trace) -> dict[str, object]:
    from aios import __version__
    from aios.trace.otlp import export

    return export(trace, version=__version__)


def _write_page(here: Company, trace: Trace, file: str) -> None:
    from aios.trace.waterfall import page

    place = file or str(here.local / "traces" / f"{trace.run.rpartition('/')[2]}.html")
    if not file:
        Path(place).parent.mkdir(exist_ok=True)
    _write(place, page(trace))
    if place != "-":
        click.echo(place)


def _write(place: str, text: str) -> None:
    """To a file as one whole, or to standard output where `place` is a dash."""
    if place == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(place).write_text(text, encoding="utf-8", errors="replace")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise AiosError(
            f"{place} cannot be written: {error.strerror}", "name a file in a folder that is there"
        ) from error


def _send(here: Company, trace: Trace, url: str, headers: str) -> None:
    from aios.trace.sending import headers_of, send

    if reason := here.paused():
        raise RefusedError(f"nothing goes out: {reason}", "`--otlp FILE` writes it down instead")
    place = send(_exported(trace), url, headers=headers_of(headers))
    say(f"{len(trace.spans)} spans sent to {place}")


def _show(trace: Trace, depth: int) -> None:
    from aios.trace.tree import lines

    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 0
    for line in lines(trace, width, depth=depth):
        click.echo("".join(_styled(piece.text, piece.look) for piece in line).rstrip())


def _styled(text: str, look: str) -> str:
    match look:
        case "":
            return text
        case "dim" | "bold":
            return click.style(text, **{look: True})
        case _:
            return click.style(text, fg=look)
