"""Live progress of a run, on stderr: one line per attempt, plain enough for a log file.

While a model answers, a terminal shows so on a line that the next one replaces; a file or a pipe gets none of that.
"""

from __future__ import annotations

import shutil
import sys

import click

from aios.cli.terminal import Shown
from aios.domain.event import one_line
from aios.runs.context import Progress

MARKS = {
    "started": ("…", "cyan"),
    "succeeded": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("–", "bright_black"),
    "waiting": ("⏸", "yellow"),
    "asked": ("?", "yellow"),
    "retrying": ("↻", "yellow"),
}
_ERASE = "\r\x1b[K"


def show(progress: Progress) -> None:
    """Print one line. A terminal also sees what has just been started, and that a model answers."""
    terminal = sys.stderr.isatty()
    if progress.state in {"started", "thinking"} and not terminal:
        return
    name = progress.step if progress.item is None else f"{progress.step}[{progress.item + 1}]"
    if terminal:
        _begin_anew()
    if progress.state == "thinking":
        room = max(20, shutil.get_terminal_size().columns - len(f"{name:<14}") - 6)
        click.echo(f"    {name:<14} {click.style(one_line(progress.detail, room), dim=True)}", err=True, nl=False)
        return
    mark, colour = MARKS[progress.state]
    took = f"  {progress.seconds:.1f} s" if progress.seconds >= 0.1 else ""
    detail = "asks; see below" if progress.state == "asked" else progress.detail
    click.echo(f"  {click.style(mark, fg=colour)} {name:<14} {detail}{click.style(took, dim=True)}", err=True)


def _begin_anew() -> None:
    """Back to the beginning of the terminal's line, with nothing on it: the one thing of ours that moves a cursor."""
    stream = sys.stderr.stream if isinstance(sys.stderr, Shown) else sys.stderr
    stream.write(_ERASE)


def quiet(_: Progress) -> None:
    return
