"""`aios connectors`: what the company is connected to, and how that is doing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from aios.cli.output import company, emit_json, json_option, say, table
from aios.domain.event import one_line
from aios.domain.finding import Finding, Severity
from aios.errors import AiosError, Exit, UsageError
from aios.runs.connections_told import (
    capabilities,
    days,
    detail,
    health_row,
    layers,
    mode,
    properties,
    row,
    shown,
    told,
)

if TYPE_CHECKING:
    from aios.app import Company
    from aios.runs.connections import Connection

_BAD = frozenset({"broken", "no credentials", "denied", "failing", "resting"})
_COLOURS = {**dict.fromkeys(_BAD, "red"), "paused": "yellow", "ready": "green"}
_MOST = 40  # lines of settings


def _names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names for the shell, from the files as they lie there."""
    from pathlib import Path

    folder = Path(ctx.find_root().params.get("root") or ".") / "state/connectors"
    return sorted(file.stem for file in folder.glob("*.yaml") if file.stem.startswith(incomplete))


def _products(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from aios.connectors.registry import KINDS

    return [name for name in KINDS if name.startswith(incomplete)]


_ONE = click.argument("name", shell_complete=_names)


@click.group(epilog="Example: aios connectors list")
def command() -> None:
    """Your connectors: what each may do, how it is doing, whether it can be used.

    One is declared in state/connectors/NAME.yaml. Its secrets are variables of the environment, named there.
    """


@command.command("list", epilog="Example: aios connectors list --json")
@json_option
@click.pass_context
def list_command(ctx: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Every connector, how it stands and what it waits for."""
    here = company(ctx)
    found = here.connections()
    if as_json:
        emit_json([row(each) for each in found])
        return
    rows = [row(each) | shown(each, here.clock()) for each in found]
    table(rows, ("name", "product", "offers", "mode", "state", "last success", "drift", "waits for"))
    if not found:
        say("there is no connector: `aios connectors example` prints one to start from")
    for path in here.uncommitted_connectors():
        say(f"{path} is not committed as it is: what counts is what main has")


@command.command("show", epilog="Example: aios connectors show site")
@_ONE
@json_option
@click.pass_context
def show_command(ctx: click.Context, name: str, as_json: bool) -> None:  # noqa: FBT001
    """What one may do: sidecars, capabilities, settings.

    The sidecars are named from the outside in. Of each act it
    says how an earlier attempt is found, what “not found” proves, and what undoes it.
    """
    here = company(ctx)
    found = _one(here, name)
    if as_json:
        emit_json(row(found) | detail(found))
        return
    _heading(found)
    _line("file", f"state/connectors/{found.name}.yaml")
    _line("mode", mode(found))
    _line("sidecars", " → ".join(layers(found)) or "none")
    for waits in found.waits:
        _line("waits for", waits)
    for capability in capabilities(found).values():
        does = click.style("acts" if capability.writes else "reads", fg="yellow" if capability.writes else "green")
        click.echo(f"\n  {click.style(capability.name, bold=True)}  {does}  {one_line(capability.summary)}")
        for label, value in properties(capability):
            click.echo(f"    {click.style(f'{label:<16}', fg='cyan')} {one_line(value)}")
    lines = _settings(found)
    if lines:
        click.echo(f"\n  {click.style('settings', bold=True)}")
        for line in lines[:_MOST]:
            click.echo(f"    {line}")
        if len(lines) > _MOST:
            click.echo(f"    … {len(lines) - _MOST} more lines in state/connectors/{found.name}.yaml")


@command.command(
    "example",
    epilog="Example: aios connectors example mail > state/connectors/mail.yaml        then fill it in, and: aios check",
)
@click.argument("product", shell_complete=_products, required=False)
@json_option
def example_command(product: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Print a declaration of PRODUCT with comments, to start from; without PRODUCT, what is in the box."""
    from aios.connectors.examples import example, summary
    from aios.connectors.registry import KINDS
    from aios.store.explain import did_you_mean

    if product is None:
        rows = [{"product": each, "what it is": summary(each)} for each in KINDS]
        emit_json(rows) if as_json else table(rows, ("product", "what it is"))
        return
    if product not in KINDS:
        hint = did_you_mean(product, KINDS) or f"in the box are {', '.join(KINDS)}; `http` and `mcp` reach any other"
        raise UsageError(f"there is no connector `{one_line(product, 60)}` in the box", hint)
    text = example(product, KINDS[product]())
    emit_json({"product": product, "text": text}) if as_json else click.echo(text, nl=False)


@command.command("test", epilog="Example: aios connectors test site")
@click.argument("name", required=False, shell_complete=_names)
@json_option
@click.pass_context
def test_command(ctx: click.Context, name: str | None, as_json: bool) -> int:  # noqa: FBT001
    """Connect to its service (to each, without NAME), and say what is wrong.

    Nothing is changed at a service. Exit code 1 where something is not in order.
    """
    here = company(ctx)
    chosen = [_one(here, name)] if name else here.connections()
    tried = [(found, list(_tried(found))) for found in chosen]
    if as_json:
        told = [{"name": each.name, "works": not _is_bad(problems), "findings": problems} for each, problems in tried]
        emit_json(told[0] if name else told)
    else:
        for found, problems in tried:
            _tell(found, problems, named=not name)
    return Exit.FINDINGS if any(_is_bad(problems) for _, problems in tried) else Exit.OK


def _is_bad(problems: list[dict[str, Any]]) -> bool:
    return any(problem["severity"] == Severity.ERROR.value for problem in problems)


def _tell(found: Connection, problems: list[dict[str, Any]], *, named: bool) -> None:
    for problem in problems:
        mark, colour = ("✗", "red") if problem["severity"] == Severity.ERROR.value else ("!", "yellow")
        click.echo(f"{click.style(mark, fg=colour)} {f'{found.name}: ' if named else ''}{problem['message']}")
        if problem["hint"]:
            click.echo(f"  hint: {problem['hint']}")
    for each in found.credentials if not any(each.wrong for each in found.credentials) else ():
        say(f"  it uses {each.named.variable} for `{each.named.where}`, the same for {days(each.age)}")
    if not _is_bad(problems):
        offers = ", ".join(capabilities(found))
        click.echo(f"{click.style('✓', fg='green')} {found.name} works, and offers {offers} ({mode(found)})")


@command.command(
    "pause", epilog="Example: aios connectors pause mail        and later: aios connectors pause mail --off"
)
@_ONE
@click.option("--off", is_flag=True, help="Allow its effects again.")
@click.pass_context
def pause_command(ctx: click.Context, name: str, off: bool) -> None:  # noqa: FBT001
    """Stop what one sends; it goes on reading.

    The pause holds on this machine; `mode: observe` in state/connectors/NAME.yaml holds everywhere, by review.
    """
    here = company(ctx)
    found = _one(here, name)
    here.pause(on=not off, connector=found.name)
    reason = here.paused(found.name)
    say(f"Outgoing effects are stopped: {reason}." if reason else f"The outgoing effects of {found.name} are allowed.")


@command.command("health", epilog="Example: aios connectors health        or: aios connectors health mail --json")
@click.argument("name", shell_complete=_names, required=False)
@json_option
@click.pass_context
def health_command(ctx: click.Context, name: str | None, as_json: bool) -> int:  # noqa: FBT001
    """Failures, quotas, drift, age of credentials.

    Exit code 1 where one is broken, is denied, lacks credentials or failed last.
    """
    here = company(ctx)
    found = [_one(here, name)] if name else here.connections()
    bad = any(each.state in _BAD for each in found)
    if as_json:
        emit_json([row(each) | health_row(each) for each in found])
        return Exit.FINDINGS if bad else Exit.OK
    now = here.clock()
    for number, each in enumerate(found):
        if number:
            click.echo()
        _heading(each)
        for label, value in told(each, now):
            _line(label, value)
    if not found:
        say("there is no connector: `aios connectors example` prints one to start from")
    return Exit.FINDINGS if bad else Exit.OK


def _one(here: Company, name: str) -> Connection:
    from aios.runs.connections import one

    path = f"state/connectors/{name}.yaml"
    edited = path in here.uncommitted_connectors()
    found = here.connections()
    if edited and name not in {each.name for each in found}:
        raise UsageError(f"{path} is not committed", f'git add {path} && git commit -m "Connect {name}"')
    if edited:
        say(f"{path} has edits that are not committed: this is about what main has")
    return one(found, name)


def _tried(found: Connection) -> Iterator[dict[str, Any]]:
    """What is wrong with it: what can be seen from here, then what its service says."""
    if found.connector is None:
        yield from (finding.as_dict() for finding in found.findings)
        return
    missing = {each.named.variable: each for each in reversed(found.credentials) if each.wrong}
    for each in reversed(missing.values()):
        yield _problem(found, f"{each.named.variable} {each.wrong}", each.named.hint(found.name))
    if missing:
        return
    try:
        findings: list[Finding] = list(found.connector.check())
    except AiosError as error:
        yield _problem(found, error.message, error.hint)
        return
    for finding in findings:
        yield finding.as_dict()


def _problem(found: Connection, message: str, hint: str) -> dict[str, Any]:
    return Finding(f"state/connectors/{found.name}.yaml", 0, 0, "connector", message, hint).as_dict()


def _settings(found: Connection) -> list[str]:
    """As YAML; secrets stand there by their names. Of a declaration that is not in order nothing is shown."""
    from aios.domain.front_matter import render_yaml

    if found.connector is None or found.declared is None or not found.declared.settings:
        return []
    return render_yaml(dict(found.declared.settings)).splitlines()


def _heading(found: Connection) -> None:
    use = found.declared.use if found.declared else "?"
    state = click.style(found.state, fg=_COLOURS.get(found.state))
    click.echo(f"{click.style(found.name, bold=True)}  {use}  {state}")


def _line(label: str, value: str) -> None:
    click.echo(f"  {click.style(f'{label:<14}', fg='cyan')} {value}")
