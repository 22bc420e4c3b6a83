"""`aios answer`: settle a question, of a run or of a record."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.cli.standing import exit_code, report, standing_data
from aios.errors import Exit, UsageError

if TYPE_CHECKING:
    from aios.app import Company


@click.command(epilog="Example: aios answer pricing-page-teardown 1")
@click.argument("question", metavar="ID")
@click.argument("text", metavar="ANSWER")
@json_option
@click.pass_context
def command(ctx: click.Context, question: str, text: str, as_json: bool) -> int:  # noqa: FBT001
    """Answer the question ID, of a run or a record, with an option's number or words, or freely where there are none.

    A run goes on with the answer. An answer about two notes is one commit that does what it says.
    """
    from aios.runs.conductor import carry_on
    from aios.runs.deciding import deciding
    from aios.runs.gate import answer

    here = company(ctx, quiet=as_json)
    record, run = _meant(here, question)
    if record:
        return _record(here, record, text, as_json=as_json)
    with deciding(here.context, run, say, merged=False):
        step = answer(here.context, run, text=text)
        say(f"{run}: `{step}` goes on")
        standing = carry_on(here.context, run)
    if as_json:
        emit_json(standing_data(standing))
    else:
        report(standing)
    return exit_code(standing)


def _meant(here: Company, name: str) -> tuple[str, str]:
    """The id of a question record, or a run; the other is empty. Raises UsageError where neither or several fit."""
    from aios.runs.questions import matching

    records = matching(here.context, name)
    if records == [name.removeprefix("questions/")]:
        return records[0], ""
    try:
        run = here.resolve(name)
    except UsageError as error:
        if len(records) == 1:
            return records[0], ""
        if records:
            listed = f"use one of {', '.join(records[:5])}"
            raise UsageError(f"`{name}` fits {len(records)} questions", listed) from None
        if "fits" in error.message:
            raise
        raise UsageError(f"no question, run or proposal is called `{name}`", "`aios inbox` lists what waits") from None
    if records:
        raise UsageError(f"`{name}` fits a run and a question", f"use {run.split('/')[2]} or {records[0]}")
    return "", run


def _record(here: Company, record: str, text: str, *, as_json: bool) -> int:
    from aios.runs.questions import answer

    done = answer(here.context, record, text=text)
    if as_json:
        emit_json(asdict(done))
    else:
        say(f"{done.answer}: {done.done} ({done.commit[:10]})")
    return Exit.OK
