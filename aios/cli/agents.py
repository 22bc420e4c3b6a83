"""`aios agents`: contracts, golden cases, and how each version does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aios.cli.output import company, emit_json, json_option, say, table
from aios.domain.wording import counted
from aios.errors import Exit, UsageError

if TYPE_CHECKING:
    from aios.app import Company
    from aios.domain.agent import Contract
    from aios.runs.agents import Known
    from aios.runs.cases import Outcome


@click.group(epilog="Example: aios agents list")
def command() -> None:
    """Your agents: what each may do, what it is held to, and how it does from version to version.

    A contract lies in state/agents/NAME.yaml, its instructions beside it in NAME.md, golden cases in state/cases/.
    """


@command.command("list", epilog="Example: aios agents list --json")
@json_option
@click.pass_context
def list_command(ctx: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Every agent: version, what it runs on, who uses it, how often it was asked and how that went."""
    rows = [_row(each) for each in _known(company(ctx))]
    if as_json:
        emit_json(rows)
        return
    table(rows, ("agent", "version", "runs on", "used by", "attempts", "failed", "asked", "usd", "last"))
    unused = [str(row["agent"]) for row in rows if not row["used by"]]
    if unused:
        say(f"no workflow uses {', '.join(unused)}")


@command.command("show", epilog="Example: aios agents show writer")
@click.argument("name")
@json_option
@click.pass_context
def show_command(ctx: click.Context, name: str, as_json: bool) -> None:  # noqa: FBT001
    """What an agent may read, write and spend, what it is held to, and where to change that."""
    here = company(ctx)
    known = _one(here, name)
    contract = known.contract
    if as_json:
        emit_json({**_row(known), "contract": _contract(contract)})
        return
    click.echo(f"{click.style(contract.name, bold=True)}@{contract.version}  {contract.summary}")
    for label, value in _contract(contract).items():
        lines = value if isinstance(value, list) else [value]
        for number, line in enumerate(lines or ["nothing"]):
            click.echo(f"{click.style(label if not number else '', fg='cyan'):<22} {line}")
    click.echo(f"{click.style('runs on', fg='cyan'):<22} {known.runs_on}")
    click.echo(f"{click.style('used by', fg='cyan'):<22} {', '.join(known.workflows) or 'no workflow'}")
    click.echo(f"\nContract: state/agents/{name}.yaml    Instructions: state/agents/{name}.md, from which:")
    for line in contract.instructions.strip().splitlines()[:6]:
        click.echo(f"  {line}")


@command.command("test", epilog="Example: aios agents test writer editor")
@click.argument("names", nargs=-1)
@click.option("--strict", is_flag=True, help="A case that cannot be tried here counts as failed.")
@json_option
@click.pass_context
def test_command(ctx: click.Context, names: tuple[str, ...], strict: bool, as_json: bool) -> int:  # noqa: FBT001
    """Run the golden cases (state/cases/) of these agents, or of all. Nothing is written.

    Agents on a model are asked for real, which costs money; what cannot be tried is named.
    """
    from aios.runs.cases import cases, try_case

    here = company(ctx, quiet=True)
    for name in names:
        _one(here, name)
    tree = here.tree()
    outcomes = [try_case(here.context, tree, case) for case in cases(tree, names)]
    if as_json:
        told = ({"agent": o.agent, "case": o.case, "failed": o.failed, "left_out": o.left_out} for o in outcomes)
        emit_json(list(told))
    else:
        _tell(outcomes)
    failed = any(o.failed or (strict and o.left_out) for o in outcomes)
    return Exit.FINDINGS if failed else Exit.OK


@command.command("history", epilog="Example: aios agents history writer")
@click.argument("name", required=False)
@json_option
@click.pass_context
def history_command(ctx: click.Context, name: str | None, as_json: bool) -> int:  # noqa: FBT001
    """How each version did: attempts, failures, questions, rejected runs, the editor's score, cost.

    Says where a version does worse than the one before and chance is no good explanation (exit code 1).
    """
    from aios.runs.agents import FEWEST, drift

    here = company(ctx)
    agents = [_one(here, name)] if name else _known(here)
    records = [record for each in agents for record in each.versions]
    findings = drift(records)
    if as_json:
        emit_json({"versions": [each.as_dict() for each in records], "findings": [f.as_dict() for f in findings]})
        return Exit.FINDINGS if findings else Exit.OK
    rows = [{**each.as_dict(), "last": f"{each.last:%Y-%m-%d %H:%M}"} for each in records]
    table(
        rows, ("agent", "version", "attempts", "failed", "asked", "runs", "rejected", "score", "usd", "tokens", "last")
    )
    for finding in findings:
        click.echo(str(finding))
    few = [each.agent for each in records if each.attempts < FEWEST]
    if few and not findings:
        say(f"versions with fewer than {FEWEST} attempts are too few to compare")
    return Exit.FINDINGS if findings else Exit.OK


def _known(here: Company) -> list[Known]:
    from aios.runs.agents import known_agents

    rejected = here.projection.query("SELECT run FROM runs WHERE status = 'rejected'", limit=100_000).rows
    return known_agents(here.context, (str(row[0]) for row in rejected))


def _one(here: Company, name: str) -> Known:
    import difflib

    known = {each.contract.name: each for each in _known(here)}
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean `{close[0]}`?" if close else f"the agents here are {', '.join(known)}"
        raise UsageError(f"there is no agent `{name}`", hint)
    return known[name]


def _row(known: Known) -> dict[str, object]:
    versions, contract = known.versions, known.contract
    last = max((each.last for each in versions), default=None)
    return {
        "agent": contract.name,
        "version": contract.version,
        "tier": contract.tier.value,
        "runs on": known.runs_on,
        "used by": ", ".join(known.workflows),
        "attempts": sum(each.attempts for each in versions),
        "failed": sum(each.failed for each in versions),
        "asked": sum(each.asked for each in versions),
        "usd": round(sum(each.usd for each in versions), 4),
        "last": f"{last:%Y-%m-%d %H:%M}" if last else "",
    }


def _contract(contract: Contract) -> dict[str, str | list[str]]:
    money = f"{contract.budget_usd:.2f} USD" if contract.budget_usd else "no limit of its own"
    calls = f", {counted(contract.budget_calls, 'call')}" if contract.budget_calls else ""
    return {
        "tier": f"{contract.tier.value} at least",
        "may read": list(contract.reads),
        "may write": list(contract.writes),
        "may do outside": list(contract.effects),
        "must hold": [each.rule for each in contract.invariants],
        "asks below": f"{contract.escalate_below:.0%} confidence" if contract.escalate_below else "never",
        "context": f"{contract.context_tokens:,} tokens, {contract.context_recall} passages recalled",
        "may spend": f"{money}{calls}",
    }


def _tell(outcomes: list[Outcome]) -> None:
    for each in outcomes:
        mark, colour = ("✓", "green") if each.passed else ("–", "yellow") if each.left_out else ("✗", "red")
        cost = f"  {each.usd:.4f} USD" if each.usd else ""
        click.echo(f"{click.style(mark, fg=colour)} {each.agent:<12} {each.case}{cost}")
        for line in (each.left_out, *each.failed):
            if line:
                click.echo(f"    {line}")
    passed, left = sum(o.passed for o in outcomes), sum(bool(o.left_out) for o in outcomes)
    if not outcomes:
        say("there is no case: write one under state/cases/")
    else:
        say(f"{passed} of {counted(len(outcomes), 'case')} passed" + (f", {left} left out" if left else ""))
