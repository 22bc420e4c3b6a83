"""`aios completion`: shell completion."""

from __future__ import annotations

import click


@click.command(epilog='Example: echo "eval \\"$(aios completion bash)\\"" >> ~/.bashrc')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for SHELL."""
    from click.shell_completion import get_completion_class

    from aios.cli.group import root_command

    completion = get_completion_class(shell)
    if completion is None:  # click knows the three by itself
        raise click.UsageError(f"no completion for {shell}")
    click.echo(completion(root_command, {}, "aios", "_AIOS_COMPLETE").source())
