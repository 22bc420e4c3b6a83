"""`aios github start`: start a workflow file on GitHub."""

from __future__ import annotations

import click

from aios.cli.output import company, say
from aios.errors import RefusedError, UsageError

ROUNDS = 5  # that follow one another by themselves


@click.command(epilog="Example: aios github start aios-run.yml")
@click.argument("workflow", metavar="FILE", default="aios-run.yml")
@click.option(
    "--again", is_flag=True, help=f"As another round of the one that runs; at most {ROUNDS} follow one another."
)
@click.pass_context
def command(ctx: click.Context, workflow: str, again: bool) -> None:  # noqa: FBT001
    """Start FILE of .github/workflows on the default branch, as “Run workflow” on its page does."""
    from aios.app import actions

    here = company(ctx, quiet=True)
    forge = here.forge
    if forge is None or forge.host is None:
        raise UsageError("this company is on no GitHub", "`aios init --github OWNER/NAME` sets it up")
    inputs = {}
    if again:
        number = _round(actions.event().get("inputs")) + 1
        if number > ROUNDS:
            raise RefusedError(f"{ROUNDS} rounds followed one another", "the next schedule goes on with what is left")
        inputs["round"] = str(number)
    forge.dispatch(workflow, inputs)
    say(f"{workflow} was started." if not again else f"{workflow} was started, round {inputs['round']}.")


def _round(told: object) -> int:
    """Which round this is, by the form that started it; the first where it does not say."""
    text = str(told.get("round") or "") if isinstance(told, dict) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 1
