"""`aios github listen`: hear what was said on proposals."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.errors import Exit

if TYPE_CHECKING:
    from aios.app import Company
    from aios.runs.conversation import Heard


@click.command(epilog="Example: aios github listen --number 12")
@click.option("--number", type=click.IntRange(min=1), help="Hear this proposal alone.")
@json_option
@click.pass_context
def command(ctx: click.Context, number: int | None, as_json: bool) -> int:  # noqa: FBT001
    """Do what approvers say in comments (`/aios help` there lists it), take ticked answers, and answer.

    In Actions the event's proposal is heard; without one, all that are open. Each command counts once, however often
    this is called.
    """
    from aios.app import actions
    from aios.runs.conversation import listen, listen_all
    from aios.runs.syncing import adopt
    from aios.runs.utterances import edit_of

    here = company(ctx, quiet=as_json)
    told, edit = edit_of(actions.event())
    _arrive(here)
    adopt(here.context)
    wanted = number or told
    single = listen(here.context, wanted, edit) if wanted else None
    heard = ([single] if single else []) if wanted else listen_all(here.context, edit)
    if as_json:
        emit_json([asdict(each) for each in heard])
    else:
        _tell(heard)
    actions.output({"acted": str(sum(len(each.acted) for each in heard))})
    return Exit.WAITING if any(each.problem for each in heard) else Exit.OK


def _arrive(here: Company) -> None:
    """What the shared copy has. A job was given a clone that is as new as its event."""
    from aios.app import actions
    from aios.runs.shared_main import catch_up

    if here.remote is not None and not actions.in_actions():
        here.remote.fetch()
        catch_up(here.context)


def _tell(heard: list[Heard]) -> None:
    from aios.app import actions

    lines = [f"#{each.number} {each.run}: {line}" for each in heard for line in each.acted]
    lines += [f"#{each.number} {each.run}: the rest waits: {each.problem}" for each in heard if each.problem]
    replies = sum(each.replied for each in heard)
    lines += [f"{replies} answered"] if replies else []
    for line in lines or ["Nothing new was said."]:
        say(line)
    actions.summary("\n".join(f"- {_plain(line)}" for line in lines or ["Nothing new was said."]))


def _plain(line: str) -> str:
    from aios.proposals.neutral import neutral

    return neutral(line, 400)
