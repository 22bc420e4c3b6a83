"""`aios replay RUN --with …`: a run's steps on another model or other instructions, beside what they did."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aios.cli.output import emit_json, say, show_diff
from aios.domain.agent import Tier
from aios.errors import UsageError

if TYPE_CHECKING:
    from aios.app import Company
    from aios.runs.what_if import Change, Side, Tried

_TIERS = (Tier.SMALL.value, Tier.LARGE.value)


def compare(here: Company, run: str, changes: tuple[str, ...], *, step: str, as_json: bool) -> None:
    from aios.runs.what_if import what_if

    folder = here.local / "what-if" / run.rpartition("/")[2]
    tried = []
    for each in what_if(here.context, run, change_of(changes, step), folder=folder):
        tried.append(each)
        if not as_json:
            _tell(each)
    if as_json:
        emit_json({"run": run, "tried": [asdict(each) for each in tried]})
    elif not tried:
        say("no agent step of this run is touched by that")
    else:
        different = sum(bool(each.diff) or each.now is None for each in tried)
        say(f"{len(tried)} steps done anew, {different} came out differently; recorded in {folder}")


def change_of(changes: tuple[str, ...], step: str) -> Change:
    """The change that `--with` asks for. Raises UsageError."""
    from aios.runs.what_if import Change

    models: dict[str, str] = {}
    tier: Tier | None = None
    instructions: str | None = None
    for each in changes:
        name, _, value = each.partition("=")
        match name:
            case "model" if value:
                models |= dict.fromkeys(_TIERS, value)
            case "small" | "large" if value:
                models[name] = value
            case "tier" if value in set(Tier):
                tier = Tier(value)
            case "instructions" if value:
                instructions = _text(value)
            case _:
                hint = "model=NAME, small=NAME, large=NAME, tier=offline|small|large or instructions=FILE"
                raise UsageError(f"`--with {each[:60]}` is not understood", hint)
    return Change(models, tier, instructions, step)


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{file} cannot be read: {reason}") from error


def _tell(each: Tried) -> None:
    click.secho(each.what, bold=True)
    click.echo(f"  then  {_side(each.then)}")
    if each.now is None:
        click.echo("  now   it would not be done")
        return
    click.echo(f"  now   {_side(each.now)}  {each.seconds:.1f} s")
    if each.diff:
        show_diff(each.diff)
    elif each.then.event == each.now.event:
        click.echo("        the same files")


def _side(side: Side) -> str:
    usage = side.usage
    tokens = int(usage.get("input", 0)) + int(usage.get("output", 0))
    cost = (
        f"{', '.join(usage.get('models', ()))}  {tokens} tokens  {usage.get('usd', 0.0):.4f} USD"
        if usage
        else "offline"
    )
    return f"{side.title}  ({side.event})  {cost}"
