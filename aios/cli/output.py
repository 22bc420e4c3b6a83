"""How commands speak: data on stdout (text or JSON), messages and progress on stderr."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aios.domain.unseen import with_unseen_escaped
from aios.errors import UsageError

if TYPE_CHECKING:
    from aios.app import Company
    from aios.runs.context import Progress

F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """`--json` on a command that reports; the parameter is `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")(function)


def company(ctx: click.Context, *, quiet: bool = False) -> Company:
    """The company the command is about, with live progress unless `quiet`. Raises AiosError where there is none."""
    from aios.app import Company

    here = Company.find(Path(ctx.obj["root"] or "."), report=None if quiet else _show_progress)
    ctx.call_on_close(here.close)
    if not quiet:
        ctx.call_on_close(lambda: _tell_unpushed(here))
    return here


def _tell_unpushed(here: Company) -> None:
    """What a command did that the shared copy does not know of yet: nothing is lost, and somebody has to push it."""
    context = here.__dict__.get("context")  # where nothing was done, nothing is asked
    if context is None or context.remote is None:
        return
    from aios.runs.shared_main import unpushed, unshown

    for told in filter(None, (unpushed(context), unshown(context))):
        say(f"{told[:1].upper()}{told[1:]}.")


def commit_named(here: Company, name: str) -> str:
    """The commit of that name, main's tip where it is empty. Raises UsageError where there is none."""
    commit = here.git.rev(name or here.main)
    if not commit:
        raise UsageError(f"there is no commit {name or here.main}", "`git log` lists them")
    return commit


def _show_progress(progress: Progress) -> None:
    """`aios.cli.progress` is loaded when there is something to show: most commands run no step."""
    from aios.cli.progress import show

    show(progress)


def emit_json(value: Any) -> None:
    click.echo(with_unseen_escaped(json.dumps(value, indent=2, ensure_ascii=False, default=str)))


def say(message: str) -> None:
    """A message for the person, not for the pipe."""
    click.echo(message, err=True)


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Rows as a plain table that fits the terminal; pipes get tab-separated values."""
    import sys

    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(_cell(row.get(column)) for column in columns))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from aios.cli.terminal import as_it_is

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column)
    for row in rows:
        shown.add_row(*(Text(_cell(row.get(column))) for column in columns))
    Console(file=as_it_is()).print(shown)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return "".join(char if char.isprintable() else " " for char in text)


def show_diff(diff: str) -> None:
    """A unified diff, indented and coloured, with nothing in it that a terminal would obey."""
    for line in diff.splitlines():
        clean = "".join(char if char.isprintable() else "�" for char in line.expandtabs(4))
        colour = {"+": "green", "-": "red"}.get(clean[:1])
        click.echo("    " + (click.style(clean, fg=colour) if colour else clean))
