"""`aios sync`: bring this copy and the shared one together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.domain.names import BRANCHES, RESERVED_WORKFLOWS
from aios.errors import Exit

if TYPE_CHECKING:
    from aios.runs.syncing_told import Told


@click.command(epilog="Example: aios sync --check")
@click.option("--check", is_flag=True, help="Tell what differs; change nothing.")
@json_option
@click.pass_context
def command(ctx: click.Context, check: bool, as_json: bool) -> int:  # noqa: FBT001
    """Fetch what other machines and GitHub have, and push what only this copy has: main, proposals, the ledger, traces.

    Nothing is pushed over what somebody else pushed. Where both changed the same field, both values are told, and
    nothing of that branch is changed. Branches of proposals that are merged or closed are put away on both sides.
    May be repeated at any time, and ended at any time.

    With --check the exit code is 1 where something differs.
    """
    from aios.runs.syncing import sync

    here = company(ctx, quiet=True)  # it tells itself what is not pushed
    done = sync(here.context, check=check)
    if as_json:
        emit_json(
            {
                "main": done.main,
                "told": [
                    {"branch": each.branch, "what": each.what, "detail": each.detail, "stuck": each.stuck}
                    for each in done.told
                ],
            }
        )
    else:
        for each in done.told:
            say(f"{each}.") if not each.stuck else say(f"{each}\n  {each.detail}")
        if here.context.forge is not None and not check and any(map(_is_pushed_proposal, done.told)):
            say("`aios propose` shows proposals that were pushed for review.")
        if not done.told:
            say("Both copies are the same.")
    if done.stuck:
        return Exit.REFUSED
    return Exit.FINDINGS if check and done.told else Exit.OK


def _is_pushed_proposal(told: Told) -> bool:
    name = told.branch.removeprefix(BRANCHES)
    return told.what == "pushed" and name != told.branch and name not in RESERVED_WORKFLOWS
