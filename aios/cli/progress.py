"""Live progress of a run, on stderr: one line per attempt, plain enough for a log file."""

from __future__ import annotations

import sys

import click

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


def show(progress: Progress) -> None:
    """Print one line. A terminal also sees what has just been started."""
    if progress.state == "started" and not sys.stderr.isatty():
        return
    mark, colour = MARKS[progress.state]
    name = progress.step if progress.item is None else f"{progress.step}[{progress.item + 1}]"
    took = f"  {progress.seconds:.1f} s" if progress.seconds >= 0.1 else ""
    detail = "asks; see below" if progress.state == "asked" else progress.detail
    click.echo(f"  {click.style(mark, fg=colour)} {name:<14} {detail}{click.style(took, dim=True)}", err=True)


def quiet(_: Progress) -> None:
    return
