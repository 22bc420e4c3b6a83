"""`aios github work`: one stage of the orders."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aios.cli.job_summary import cell, table, tell
from aios.cli.output import company, say
from aios.errors import Exit, UsageError

if TYPE_CHECKING:
    from aios.domain.handoff import Order
    from aios.runs.context import Context
    from aios.runs.jobs import Report
    from aios.runs.sharding import Spread

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(
    epilog="Example: aios github work --stage agent --orders /tmp/orders --from /tmp/collected --out /tmp/work"
)
@click.option("--stage", required=True, type=click.Choice(["collect", "agent"]), help="Which steps: reads, or agents.")
@click.option("--orders", required=True, type=FOLDER, help="What `aios github plan` wrote.")
@click.option("--from", "before", type=FOLDER, help="What an earlier job handed over.")
@click.option("--out", required=True, type=FOLDER, help="Where bundles and their JSON go.")
@click.option("--order", "ids", multiple=True, metavar="ID", help="Only this order; repeat for more.")
@click.option("--shard", default="", metavar="[ID:]K/N", help="Only part K of N of a step with many items.")
@click.option("--join", type=FOLDER, help="Where the parts are that several jobs did.")
@click.pass_context
def command(
    ctx: click.Context,
    stage: str,
    orders: Path,
    before: Path | None,
    out: Path,
    ids: tuple[str, ...],
    shard: str,
    join: Path | None,
) -> int:
    """Carry the runs of orders on through one stage, and write what came of each to DIR/<order>/.

    No ref of this repository moves and nothing is pushed. Whatever was finished is handed over, also where the rest
    failed; what goes wrong with one order holds up no other.

    Outputs in Actions: orders (how many were handed over), again ("true" where another round has more to do), shards
    (a matrix of ID:K/N where a step has many items, else empty), digests (what was handed over, for `aios verify`).
    """
    from aios.app import actions
    from aios.runs import orders as written
    from aios.runs.sharding import shares

    if (shard or join) and (stage != "agent" or before is None or (shard and join)):
        raise UsageError("a part of a step is for agents, on top of what was handed over", "--stage agent --from DIR")
    order_id, _, part = shard.rpartition(":")
    here = company(ctx)
    chosen = written.only(written.read(orders), (order_id,) if order_id else ids)
    if shard and len(chosen) != 1:
        raise UsageError("a part is one of a single order", f"--shard ID:{part}, or --order ID")
    chosen = tuple(order for order in chosen if stage in order.stages)
    spread = _spread(here.forge_settings)
    reports: list[Report] = []
    try:
        with _ended_in_time():
            for order in chosen:
                say(order.run)
                reports.append(_one(here.context, order, stage, before, out, part, join, spread))
    finally:
        matrix = shares({each.order.id: each.left for each in reports if each.left}, spread.jobs)
        made = [each for each in reports if each.head]
        actions.output(
            {
                "orders": str(len(made)),
                "again": str(any(each.again for each in reports)).lower(),
                "digests": json.dumps(_digests(out, made), sort_keys=True, separators=(",", ":")),
                "shards": json.dumps([f"{each['order']}:{each['shard']}" for each in matrix]) if matrix else "",
            }
        )
        tell(_summary(stage, reports, len(chosen)))
    return Exit.FAILED if chosen and all(each.failed and not each.advanced for each in reports) else Exit.OK


def _digests(out: Path, made: Sequence[Report]) -> dict[str, str]:
    """Order → SHA-256 of its handoff, of those that are there."""
    from aios.runs.handing_over import HANDOFF
    from aios.runs.verifying import digest_of

    files = {each.order.id: out / each.order.id / HANDOFF for each in made}
    return {name: digest_of(file.read_bytes()) for name, file in files.items() if file.is_file()}


def _one(
    context: Context,
    order: Order,
    stage: str,
    before: Path | None,
    out: Path,
    part: str,
    join: Path | None,
    spread: Spread,
) -> Report:
    from aios.domain.handoff import Stage
    from aios.runs import jobs
    from aios.runs.sharding import parse

    received = before / order.id if before is not None and (before / order.id).is_dir() else None
    if part and before is not None:
        number, of = parse(part)
        return jobs.share(context, order, number, of, received=before / order.id, out=out, spread=spread)
    if join is not None and before is not None:
        found = [each for each in join.rglob("shard-*-of-*") if each.is_dir() and each.parent.name == order.id]
        return jobs.join(context, order, received=before / order.id, shares=found, out=out, spread=spread)
    wanted = Stage(stage)
    report = jobs.work(context, order, wanted, received=received, out=out, spread=spread)
    if wanted is Stage.AGENT and "collect" in order.stages and received is None:
        report.notes.append("what was to be collected for it is not here; the next round collects it")
    return report


def _spread(settings: Any) -> Spread:
    """From the company's forge settings; their defaults where there are none."""
    from aios.forge.settings import Settings
    from aios.runs.sharding import Spread

    told = settings or Settings("")
    return Spread(told.fan_out_above, told.fan_out_jobs)


@contextmanager
def _ended_in_time() -> Iterator[None]:
    """A job that is cancelled or runs into its limit is told to end, and has moments to hand over what it has."""

    def end(_: int, __: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _summary(stage: str, reports: list[Report], wanted: int) -> str:
    lines = [f"### {stage.capitalize()}: {len(reports)} of {wanted} orders"]
    if reports:
        rows = [(each.order.run, _did(each), _cost(each), f"{each.seconds:.0f} s", _stands(each)) for each in reports]
        lines += ["", table(("run", "what was done", "cost", "took", "where it stands"), rows)]
    problems = [(each, line) for each in reports for line in (each.wrong, *each.notes) if line]
    problems += [
        (each, "a bug of ours: " + each.bug.strip().splitlines()[-1] + " (the log has the rest)")
        for each in reports
        if each.bug
    ]
    if problems:
        lines += ["", "**To look at**", "", *(f"- {cell(each.order.run)}: {cell(line)}" for each, line in problems)]
    for each in reports:
        if each.bug:
            say(each.bug)
    return "\n".join(lines)


def _did(report: Report) -> str:
    counts: dict[str, dict[str, int]] = {}
    for each in report.did:
        states = counts.setdefault(each.step, {})
        states[each.state] = states.get(each.state, 0) + 1

    def told(states: dict[str, int]) -> str:
        return ", ".join(f"{state}" + (f" {count} times" if count > 1 else "") for state, count in states.items())

    return "; ".join(f"{step} {told(states)}" for step, states in counts.items()) or "nothing"


def _cost(report: Report) -> str:
    return f"{report.usd:.4f} USD, {report.tokens:,} tokens" if report.usd or report.tokens else "none"


def _stands(report: Report) -> str:
    if report.failed:
        return "not as it should; see below"
    told = report.why or report.status
    return f"{told}, until {report.until}" if report.until else told
