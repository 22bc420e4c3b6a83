"""`aios github`: what its jobs in Actions call, and how it is set up."""

from __future__ import annotations

import importlib

import click

# Name -> one line. The command of a name is `command` in `aios.cli.github_<name>`, imported when it is asked for.
SUBCOMMANDS: dict[str, str] = {
    "listen": "Hear what was said on proposals: commands, answers, ticks.",
    "plan": "What there is to do, as orders for the jobs that do it.",
    "work": "Work on orders: one stage of each, handed over as a bundle of commits.",
    "start": "Start a workflow file on GitHub.",
    "sync": "Bring the workflow files in line with schedules, connectors and models.",
}


class Subcommands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in SUBCOMMANDS:
            return None
        module = importlib.import_module(f"aios.cli.github_{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        command.name = cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(SUBCOMMANDS.items()))


@click.group(cls=Subcommands, epilog="Example: aios github sync --check")
def command() -> None:
    """Work with GitHub: what its jobs call, and how it is set up."""
