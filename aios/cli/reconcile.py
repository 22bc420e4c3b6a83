"""`aios reconcile`: effects whose outcome nobody knows."""

from __future__ import annotations

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.errors import Exit, UsageError


@click.command(epilog="Example: aios reconcile sha256:3f9c… --happened")
@click.argument("key", required=False)
@click.option("--happened", "answer", flag_value="happened", help="It did happen: write the receipt.")
@click.option("--did-not-happen", "answer", flag_value="did-not-happen", help="It did not: it may be tried again.")
@click.option("--url", default="", help="Where it can be seen, if it happened.")
@json_option
@click.pass_context
def command(ctx: click.Context, key: str | None, answer: str | None, url: str, as_json: bool) -> int:  # noqa: FBT001
    """List effects that were claimed and have no receipt, look each up at its service, and settle what stays unknown.

    KEY is the effect's key or its first characters, or a run, or the key of an effect of many parts: then the answer
    goes for all of it that is in doubt. Your answer is recorded as the receipt's origin.
    """
    from aios.runs.unsettled import called, settle_by_operator, unsettled

    here = company(ctx)
    told = unsettled(here.context)
    if key is None:
        if as_json:
            emit_json([item.as_dict() for item in told])
        for item in told if not as_json else ():
            click.echo(f"{item.key[:23]}  {item.summary}\n  {item.evidence}\n  {item.command}")
        if not told:
            say("Every claimed effect has its receipt.")
        return Exit.WAITING if told else Exit.OK
    found = called(told, key)
    if answer is None:
        raise UsageError("say what you found out", "--happened or --did-not-happen")
    for item in found:
        settle_by_operator(here.context, item.key, happened=answer == "happened", url=url)
        say(f"Settled: {item.summary}: {answer.replace('-', ' ')}.")
    say("`aios apply` goes on.")
    return Exit.OK
