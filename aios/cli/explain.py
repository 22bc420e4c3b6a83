"""`aios explain`: why something is as it is."""

from __future__ import annotations

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.errors import UsageError


@click.command(epilog='Example: aios explain "annual plans cut churn"')
@click.argument("what", metavar="ID|SENTENCE|KEY")
@json_option
@click.pass_context
def command(ctx: click.Context, what: str, as_json: bool) -> None:  # noqa: FBT001
    """The chain behind a sentence, a piece, a run or an effect: source, reasons, policy verdict, approver, receipt."""
    from aios.runs import explaining

    here = company(ctx)
    tree = here.tree()
    piece = what.removeprefix("state/").removeprefix("content/").removesuffix(".md")
    if what.startswith("sha256:"):
        chains = [explaining.explain_effect(here.context, tree, what)]
    elif tree.read(f"state/content/{piece}.md") is not None:
        chains = [explaining.explain_piece(here.context, tree, piece)]
    else:
        try:
            chains = [explaining.explain_run(here.context, tree, here.resolve(what))]
        except UsageError as error:
            chains = explaining.explain_sentence(here.context, what)
            if not chains:
                hint = "give words of a sentence as the page has them, or an id from `aios runs --all`"
                raise UsageError(f"nothing here is called or says “{what[:60]}”", hint) from error
    if as_json:
        emit_json(explaining.as_data(chains))
        return
    for number, chain in enumerate(chains[:10]):
        if number:
            click.echo("")
        for link in chain:
            where = f"  {click.style(link.where, dim=True)}" if link.where else ""
            click.echo(f"{click.style(f'{link.what:<14}', fg='cyan')} {link.says}{where}")
    if len(chains) > 10:
        say(f"… and {len(chains) - 10} more; a longer part of the sentence narrows it down")
