"""`aios reconcile`: effects whose outcome nobody knows, and records that are not what their services hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.domain.event import one_line
from aios.domain.wording import counted
from aios.errors import Exit, RefusedError, UsageError

if TYPE_CHECKING:
    from aios.app import Company
    from aios.runs.live import Difference, Seen
    from aios.runs.unsettled import Unsettled

_ANSWERS = frozenset({"happened", "did-not-happen"})


@click.command(epilog="Example: aios reconcile content/pricing-page-teardown --restore")
@click.argument("what", metavar="[KEY|RECORD]", required=False)
@click.option("--happened", "answer", flag_value="happened", help="It did happen: write the receipt.")
@click.option("--did-not-happen", "answer", flag_value="did-not-happen", help="It did not: it may be tried again.")
@click.option("--url", default="", help="Where it can be seen, if it happened.")
@click.option("--adopt", "answer", flag_value="adopt", help="Propose that the record takes over the live values.")
@click.option("--restore", "answer", flag_value="restore", help="Propose that the record's values are put in place.")
@click.option("--propose", is_flag=True, help="Ask about every difference that was not asked about before.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    what: str | None,
    answer: str | None,
    url: str,
    propose: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> int:
    """List effects that were claimed and have no receipt, and records that are not what their services hold.

    Looks and changes nothing, until you settle one. KEY is an effect's key or its first characters, or a run, or the
    key of an effect of many parts: then the answer goes for all of it that is in doubt, and is recorded as the
    receipts' origin. RECORD is a record such as content/price-rise: what you say on it becomes a proposal.
    `reconcile.ignore` in a connector's file names fields that may differ.
    """
    here = company(ctx, quiet=as_json)
    if what is not None and what.removeprefix("state/").count("/") == 1:
        return _settle_record(here, what, answer)
    if what is not None:
        return _settle_effect(here, what, answer, url)
    if answer is not None:
        raise UsageError("say of which effect or record", "`aios reconcile` lists them")
    return _list(here, propose=propose, as_json=as_json)


def _list(here: Company, *, propose: bool, as_json: bool) -> int:
    from aios.runs.unsettled import unsettled

    told = unsettled(here.context)
    seen = here.compare()
    asked = _ask(here, seen.differences) if propose else 0
    if as_json:
        emit_json(
            {
                "effects": [item.as_dict() for item in told],
                "differences": [each.as_dict() for each in seen.differences],
                "compared": seen.compared,
                "unknown": dict(seen.unknown),
                "silent": list(seen.silent),
            }
        )
    else:
        _tell(told, seen)
    if propose:
        say(f"{counted(asked, 'difference')} asked about: `aios inbox`." if asked else "Nothing new to ask about.")
    if told or seen.differences:
        return Exit.WAITING
    return Exit.FAILED if seen.silent else Exit.OK


def _tell(told: Iterable[Unsettled], seen: Seen) -> None:
    for item in told:
        click.echo(f"{item.key[:23]}  {item.summary}\n  {item.evidence}\n  {item.command}")
    for each in seen.differences:
        click.echo(f"{each.record}  is not what {each.connector} holds")
        for field, value in each.live.items():
            click.echo(f"  {field}: here {_shown(each.ours.get(field))}, live {_shown(value)}")
        if each.choices:
            click.echo(f"  aios reconcile {each.record} {' | '.join(f'--{choice}' for choice in each.choices)}")
        else:
            click.echo("  settle it there, or edit the record")
    for name, count in seen.unknown.items():
        say(f"{name} holds {count} that no record here tells of.")
    for line in seen.silent:
        say(line)
    if not told:
        say("Every claimed effect has its receipt.")
    if not seen.differences:
        say(f"{counted(seen.compared, 'record')} compared with what services hold: no difference.")


def _shown(value: Any) -> str:
    return f"“{one_line(value, 100)}”" if isinstance(value, str) else str(value)


def _ask(here: Company, differences: Iterable[Difference]) -> int:
    from aios.runs.conductor import carry_on
    from aios.runs.reconciling import SETTLING, inputs_of, trigger_of
    from aios.runs.start import start_run

    known, asked = set(here.trigger_keys()), 0
    for each in differences:
        trigger = trigger_of(each, "")
        if trigger["key"] in known:
            continue
        try:
            run = start_run(here.context, SETTLING, inputs_of(each), trigger=trigger)
        except RefusedError as error:
            say(f"{each.record}: {error}")
            continue
        carry_on(here.context, run)
        asked += 1
    return asked


def _settle_effect(here: Company, key: str, answer: str | None, url: str) -> int:
    from aios.runs.unsettled import settle_by_operator, unsettled

    found = [item for item in unsettled(here.context) if item.is_called(key)]
    if not found or (len({item.whole for item in found}) > 1 and len({item.run for item in found}) > 1):
        raise UsageError(f"{len(found)} unsettled effects fit `{key}`", "`aios reconcile` lists them")
    if answer not in _ANSWERS:
        raise UsageError("say what you found out", "--happened or --did-not-happen")
    for item in found:
        settle_by_operator(here.context, item.key, happened=answer == "happened", url=url)
        say(f"Settled: {item.summary}: {answer.replace('-', ' ')}.")
    say("`aios apply` goes on.")
    return Exit.OK


def _settle_record(here: Company, record: str, answer: str | None) -> int:
    from aios.cli.standing import exit_code, report
    from aios.runs.conductor import carry_on
    from aios.runs.reconciling import SETTLING, inputs_of, trigger_of
    from aios.runs.start import start_run

    name = record.removeprefix("state/").rpartition(".")[0] if record.endswith((".md", ".yaml")) else record
    seen = here.compare()
    found = [each for each in seen.differences if each.record == name]
    if not found:
        silent = f" ({seen.silent[0]})" if seen.silent else ""
        raise UsageError(f"{name} is not among what differs{silent}", "`aios reconcile` lists what does")
    if len(found) > 1:
        where = ", ".join(each.connector for each in found)
        raise UsageError(f"{name} differs at {where}", "leave all but one out with `reconcile.ignore` in their files")
    each = found[0]
    if answer in _ANSWERS:
        raise UsageError(f"{name} is a record", "--adopt or --restore")
    if answer == "adopt" and answer not in each.choices:
        raise RefusedError(f"{each.connector} holds nothing that could be adopted", "edit or retire the record")
    if answer == "restore" and answer not in each.choices:
        raise RefusedError(f"{each.connector} cannot put a record's values in place", "change them there, or --adopt")
    run = start_run(here.context, SETTLING, inputs_of(each, answer or ""), trigger=trigger_of(each, answer or ""))
    standing = carry_on(here.context, run)
    report(standing)
    return exit_code(standing)
