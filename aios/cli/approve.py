"""`aios approve`: the operator's merge."""

from __future__ import annotations

import click

from aios.cli.output import company, emit_json, json_option, say


@click.command(epilog="Example: aios approve pricing-page-teardown --apply")
@click.argument("proposal", metavar="ID")
@click.option("--confirm", "word", default="", metavar="WORD", help="The word that a strict policy asks for.")
@click.option("--reason", default="", help="Why; kept with the decision.")
@click.option("--apply", "go", is_flag=True, help="Do the effects at once.")
@json_option
@click.pass_context
def command(ctx: click.Context, proposal: str, word: str, reason: str, go: bool, as_json: bool) -> int | None:  # noqa: FBT001
    """Merge the proposal ID into main: this is the approval of exactly what `aios show` lists, and of nothing else."""
    from aios.cli import apply as apply_command
    from aios.runs.deciding import deciding
    from aios.runs.gate import approve

    here = company(ctx, quiet=as_json)
    run = here.resolve(proposal)
    with deciding(here.context, run, say):
        approved = approve(here.context, run, word=word, reason=reason)
    if as_json and not go:
        emit_json(
            {"run": approved.run, "commit": approved.commit, "effects": [effect.key for effect in approved.effects]}
        )
        return None
    say(f"Merged as {approved.commit[:10]}.")
    if approved.merged_fields:
        say(f"Merged by field with what changed on {here.main} meanwhile: {', '.join(approved.merged_fields)}")
    if go:
        return apply_command.apply(here, [approved.run], as_json=as_json)
    for effect in approved.effects:
        say(f"  approved: {effect.summary}")
    say("Do it: aios apply" if approved.effects else "Nothing outside this repository follows from it.")
    return None
