"""`aios github plan`: what there is to do, as orders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aios.cli.job_summary import cell, table, tell
from aios.cli.output import company, emit_json, json_option
from aios.errors import Exit, UsageError

if TYPE_CHECKING:
    from aios.app import Company
    from aios.runs.orders import Plan
    from aios.runs.schedule import Firing

_FINDINGS = 10


@click.command(epilog="Example: aios github plan --out /tmp/orders")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where orders.json goes.")
@click.option("--run", "workflow", metavar="WORKFLOW", default="", help="Start this workflow too.")
@click.option("--input", "-i", "inputs", multiple=True, metavar="NAME=VALUE", help="An input of it; repeat for a list.")
@json_option
@click.pass_context
def command(ctx: click.Context, out: Path, workflow: str, inputs: tuple[str, ...], as_json: bool) -> int:  # noqa: FBT001
    """Find what is due and what can go on, and write it down as orders for the jobs that do it. Starts nothing, and
    writes nothing but DIR/orders.json.

    Outputs in Actions: orders (how many), collect and agents ("true" where such a job has something to do), next (when
    the next schedule is due), at (when this was planned), digest (of orders.json, for `aios verify`).
    """
    from aios.app import actions
    from aios.domain.finding import errors
    from aios.runs import orders
    from aios.runs.syncing import adopt

    here = company(ctx, quiet=as_json)
    if here.remote is not None and not actions.in_actions():
        here.remote.fetch()
    stuck = [str(each) for each in adopt(here.context).told if each.stuck]
    found = orders.plan(
        here.context,
        known=here.trigger_keys(),
        unfinished=here.unfinished(),
        asked=_asked(here, workflow, inputs),
        broke=orders.spent_out(here.model_costs()),
    )
    file = orders.write(out, found)
    wrong = [str(each) for each in errors(here.check(work_tree=False))]
    actions.output(
        {
            "orders": str(len(found.orders)),
            "collect": str(found.collects).lower(),
            "agents": str(bool(found.orders)).lower(),
            "next": found.next,
            "at": found.at,
            "digest": orders.digest_of(file),
        }
    )
    if as_json:
        emit_json(_data(found, wrong))
    else:
        click.echo(str(file))
    tell(_summary(found, here.paused(), stuck, wrong), quiet=as_json)
    return Exit.OK


def _asked(here: Company, workflow: str, inputs: tuple[str, ...]) -> list[Firing]:
    """What a person wants started: by the command line, or by the form of a dispatched workflow."""
    from aios.app import actions
    from aios.runs.definitions import load
    from aios.runs.inputs import parse_inputs
    from aios.runs.schedule import Firing

    event = actions.event()
    told = event.get("inputs") or event.get("client_payload")
    given: Mapping[str, Any] | list[str] = list(inputs)
    if not workflow and isinstance(told, Mapping) and told.get("workflow"):
        workflow, given = str(told["workflow"]), _form(told.get("inputs"))
    if not workflow:
        return []
    context = here.context
    parsed = parse_inputs(load(context, workflow, context.git.commit(context.main)).workflow, given)
    run = actions.run_id()
    trigger = {"kind": "manual", "key": f"dispatch:{run}"} if run else here.trigger()
    who = actions.actor() or context.operator.name
    return [Firing(workflow, "manual", str(trigger["key"]), context.now(), parsed, f"asked for by {who}")]


def _form(text: Any) -> dict[str, Any]:
    """The inputs as the form has them: a JSON object, or nothing."""
    if isinstance(text, Mapping):
        return dict(text)
    try:
        found = json.loads(str(text or "{}"))
    except ValueError as error:
        raise UsageError(f"the inputs are no JSON: {error}", 'write them as {"topic": "Pricing"}') from error
    if not isinstance(found, dict):
        raise UsageError("the inputs are no JSON object", 'write them as {"topic": "Pricing"}')
    return found


def _data(found: Plan, wrong: list[str]) -> dict[str, Any]:
    orders = [order.as_dict() | {"why": found.why[order.id]} for order in found.orders]
    return {
        "main": found.main,
        "at": found.at,
        "next": found.next,
        "orders": orders,
        "told": list(found.told),
        "findings": wrong,
    }


def _summary(found: Plan, paused: str, stuck: list[str], wrong: list[str]) -> str:
    when = f", the next schedule is due {found.next}" if found.next else ", no schedule is set"
    lines = [f"### Plan: {len(found.orders) or 'nothing'} to do", "", f"Looked at {found.at}{when}."]
    if paused:
        lines += ["", f"Effects are held back: {cell(paused)}. Proposals are made all the same."]
    if found.orders:
        rows = [
            (order.run, found.why[order.id], "new" if order.start else "begun", " → ".join(order.stages))
            for order in found.orders
        ]
        lines += ["", table(("run", "why", "it is", "stages"), rows)]
    if found.told or stuck:
        lines += ["", "**Not ordered**", "", *(f"- {cell(line)}" for line in (*stuck, *found.told))]
    if wrong:
        more = len(wrong) - _FINDINGS
        lines += ["", "**Not in order on main** (`aios check`)", "", *(f"- {cell(line)}" for line in wrong[:_FINDINGS])]
        lines += [f"- and {more} more"] if more > 0 else []
    return "\n".join(lines)
