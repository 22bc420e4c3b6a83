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
    from aios.runs.gate import answer

    here = company(ctx, quiet=as_json)
    run = _run(here, question)
    if not run:
        return _record(here, question, text, as_json=as_json)
    step = answer(here.context, run, text=text)
    say(f"{run}: `{step}` goes on")
    standing = carry_on(here.context, run)
    if as_json:
        emit_json(standing_data(standing))
    else:
        report(standing)
    return exit_code(standing)


def _run(here: Company, name: str) -> str:
    """The run that is meant; empty where it is a question record. Raises UsageError for neither, and for both."""
    from aios.runs.questions import find

    record = find(here.context, name)
    try:
        run = here.resolve(name)
    except UsageError as error:
        if record:
            return ""
        hint = error.hint if "fits" in error.message else "`aios inbox` lists what waits"
        message = error.message if "fits" in error.message else f"no question, run or proposal is called `{name}`"
        raise UsageError(message, hint) from None
    if record and record == name.removeprefix("questions/"):
        return ""
    if record:
        raise UsageError(f"`{name}` fits a run and the question {record}", f"use {record} or {run.split('/')[2]}")
    return run


def _record(here: Company, name: str, text: str, *, as_json: bool) -> int:
    from aios.runs.questions import answer, find

    done = answer(here.context, find(here.context, name), text=text)
    if as_json:
        emit_json(asdict(done))
    else:
        say(f"{done.answer}: {done.done} ({done.commit[:10]})")
    return Exit.OK
