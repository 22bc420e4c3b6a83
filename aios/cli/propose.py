"""`aios propose`: verified work becomes a proposal; open proposals are brought up to date."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.errors import Exit, RefusedError, UsageError

if TYPE_CHECKING:
    from aios.app import Company
    from aios.runs.proposing import Proposed

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(epilog='Example: aios propose handed-over --orders orders --digests "$DIGESTS"')
@click.argument("folder", type=_FOLDER, metavar="[DIR]", required=False)
@click.option("--orders", "orders_in", type=_FOLDER, help="The folder with orders.json.")
@click.option("--digests", help="What `aios verify` gave: JSON of order → digest.")
@click.option("--refresh", "runs", multiple=True, metavar="RUN", help="Only this open proposal; repeat for more.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    folder: Path | None,
    orders_in: Path | None,
    digests: str | None,
    runs: tuple[str, ...],
    as_json: bool,  # noqa: FBT001
) -> int:
    """Take in what was handed over and verified, write the verdict, push the branch, open or refresh the proposal. What
    a policy merges goes to main, and what applies it is started. Nothing that an agent made is run.

    Refuses all of it where one handoff is not, byte for byte, what was verified. Without DIR, open proposals are
    brought up to date: with commits that were pushed to their branches, and with main where it moved.
    """
    here = company(ctx, quiet=True)
    if folder is None:
        if orders_in or digests:
            raise UsageError("there is nothing to propose without DIR", "aios propose DIR --orders DIR --digests JSON")
        from aios.runs.refreshing import refresh

        done = refresh(here.context, [here.resolve(run) for run in runs])
    else:
        if runs or orders_in is None or digests is None:
            raise UsageError("DIR is proposed by its orders and digests", "--orders DIR --digests JSON, no --refresh")
        done = _handed(here, folder, orders_in, _digests(digests))
    _tell(done, as_json=as_json)
    return Exit.FAILED if any(each.wrong for each in done) else Exit.OK


def _handed(here: Company, folder: Path, orders_in: Path, digests: Mapping[str, str]) -> list[Proposed]:
    from aios.runs import orders as written
    from aios.runs.proposing import propose_handed
    from aios.runs.verifying import Material, material_of

    orders = [order for order in written.read(orders_in) if order.id in digests]
    unknown = sorted(digests.keys() - {order.id for order in orders})
    if unknown:
        raise RefusedError(f"a digest is of an order that is none: {unknown[0][:40]}", "nothing was pushed")
    materials: list[Material] = []
    for order in orders:
        material, found = material_of(folder, order)
        if material is None:
            raise RefusedError(f"what was verified for {order.run} is not here: {found[0]}", "nothing was pushed")
        if material.digest != digests[order.id]:
            told = f"what was handed over for {order.run} is not what was verified"
            raise RefusedError(told, "nothing was pushed; its bytes changed in between: verify again")
        materials.append(material)
    return [propose_handed(here.context, order, each) for order, each in zip(orders, materials, strict=True)]


def _digests(text: str) -> dict[str, str]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--digests is no JSON: {error}", "give the output `digests` of `aios verify`") from error
    if not isinstance(told, dict) or not all(isinstance(each, str) for each in told.values()):
        raise UsageError("--digests is no mapping of order to digest", "give the output `digests` of `aios verify`")
    return told


def _tell(done: Sequence[Proposed], *, as_json: bool) -> None:
    from aios.app import actions

    rows = [_told(each) for each in done]
    actions.output(
        {
            "proposals": str(sum(bool(each.number) for each in done)),
            "merged": str(any(each.merged for each in done)).lower(),
        }
    )
    actions.summary(_summary(done))
    if as_json:
        emit_json(rows)
        return
    for each in done:
        click.echo("  ".join(filter(None, (each.run, _became(each), each.url))))
        for line in (*each.notes, *([each.wrong] if each.wrong else [])):
            click.echo(f"    {line}")
    if not done:
        say("Nothing to propose.")


def _told(each: Proposed) -> dict[str, object]:
    return {
        "run": each.run,
        "branch": each.branch,
        "status": each.standing.status.value if each.standing else "",
        "why": each.standing.why if each.standing else "",
        "merged": each.merged,
        "pushed": each.kept,
        "number": each.number,
        "url": each.url,
        "notes": list(each.notes),
        "wrong": each.wrong,
    }


def _became(each: Proposed) -> str:
    if each.wrong:
        return "pushed, but not shown" if each.kept else "not taken"
    if each.merged:
        return f"merged by policy as {each.merged[:10]}"
    if each.standing:
        return each.standing.why or each.standing.status.value
    return f"shown as #{each.number}" if each.number else "up to date"


def _summary(done: Sequence[Proposed]) -> str:
    from aios.proposals.neutral import neutral

    lines = ["## Proposals", ""]
    for each in done:
        lines.append(f"- {neutral(each.run)}: {neutral(_became(each))}" + (f" <{each.url}>" if each.url else ""))
        lines += [f"    - {neutral(line)}" for line in (*each.notes, *([each.wrong] if each.wrong else []))]
    return "\n".join(lines if done else [*lines, "Nothing to propose."])
