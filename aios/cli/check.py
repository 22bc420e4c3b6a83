"""`aios check`: every file against its schema, references, duplicates, policies and definitions."""

from __future__ import annotations

from collections import Counter

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.domain.finding import Severity
from aios.errors import Exit

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


@click.command(epilog="Example: aios check --main")
@click.option(
    "--main", "on_main", is_flag=True, help="Check what is committed on main instead of the files as they lie."
)
@json_option
@click.pass_context
def command(ctx: click.Context, on_main: bool, as_json: bool) -> int:  # noqa: FBT001
    """Check every file. Prints file:line:column, what is wrong, and what to do. Only what changed is read again."""
    here = company(ctx)
    findings = sorted(here.check(work_tree=not on_main))
    if as_json:
        emit_json([finding.as_dict() for finding in findings])
    else:
        for finding in findings:
            place = f"{finding.path}:{finding.line}:{finding.column}" if finding.line else finding.path
            kind = click.style(finding.severity.value, fg=COLOURS[finding.severity])
            click.echo(f"{place}: {kind} [{finding.rule}] {finding.message}")
            if finding.hint:
                click.echo(f"    hint: {finding.hint}")
        counts = Counter(finding.severity.value for finding in findings)
        say(
            ", ".join(f"{count} {name}{'s' if count != 1 else ''}" for name, count in counts.items())
            or "All is in order."
        )
    return Exit.FINDINGS if any(finding.severity is Severity.ERROR for finding in findings) else Exit.OK
