"""`aios init`: make a company repository."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aios.cli.output import say
from aios.domain.wording import counted
from aios.errors import UsageError

if TYPE_CHECKING:
    from aios.app import Company
    from aios.app.on_github import SetUp


@click.command(epilog="Example: aios init my-company && cd my-company && aios check")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@click.option("--example", is_flag=True, help="With the example company's records and history.")
@click.option("--name", default="", help="The company's name (default: the folder's).")
@click.option("--email", default="", help="Your e-mail address; the approver (default: git's user.email).")
@click.option(
    "--github", "repository", metavar="OWNER/NAME", help="Work with GitHub there; of a company that exists too."
)
@click.option("--login", default="", help="Your account on GitHub, whose merges approve (default: you are asked).")
@click.option(
    "--aios-from", "source", default="", metavar="REQUIREMENT", help="Where jobs on GitHub install aios from."
)
@click.pass_context
def command(
    ctx: click.Context,
    folder: Path,
    example: bool,  # noqa: FBT001
    name: str,
    email: str,
    repository: str | None,
    login: str,
    source: str,
) -> None:
    """Make a company in FOLDER: records, workflows, agents, policies, schemas, editor settings, first commit.

    With --github it is set up for GitHub, a company that is there already too, and the way to the first merged proposal
    is printed. Safe to call again: what is so already stays, and so does every file that you edited.
    """
    from aios.app import Company, found_company

    root = Path(ctx.obj["root"] or ".") / folder
    if repository is None and (login or source):
        raise UsageError(f"`{'--login' if login else '--aios-from'}` goes with `--github`", "--github OWNER/NAME")
    if repository is not None and _is_company(root) and not example:
        _on_github(ctx, Company.find(root), repository, login, source)
        return
    if repository is not None:
        from aios.app.on_github import asked_for

        repository, login = asked_for(repository, _account(ctx, repository, login), source)
    company = found_company(root, name=name, email=email, example=example)
    say(f"{company.root} is a company now, on branch {company.main}.")
    if repository is not None:
        _on_github(ctx, Company.find(company.root), repository, login, source)  # git knows who we are by now
        return
    _next(company, example=example)


def _is_company(root: Path) -> bool:
    """Here, not somewhere above."""
    return (root / "state/company.yaml").is_file() and (root / ".git").exists()


def _next(company: Company, *, example: bool) -> None:
    prefix = f"cd {company.root} && " if company.root != Path.cwd() else ""
    if example:
        say("Next:")
        say(f"  {prefix}aios status")
        say("  aios log    aios query \"SELECT id, title, status FROM records WHERE kind = 'content'\"")
        return
    say("  state/company.yaml          say who you are")
    say("  state/connectors/site.yaml  where pieces are published")
    say("Next:")
    say(f"  {prefix}aios check")
    say('  aios run publish-content --input topic="…" --input sources=FOLDER-WITH-YOUR-NOTES')


def _on_github(ctx: click.Context, company: Company, given: str, login: str, source: str) -> None:
    from aios.app.on_github import repository_of, set_up

    repository = repository_of(company, given)
    done = set_up(company, repository=repository, login=_account(ctx, repository, login), source=source)
    _done(done)
    _way(company, done)


def _account(ctx: click.Context, repository: str, login: str) -> str:
    """Whose merges approve: as told, or asked."""
    from aios.app.on_github import named

    if login:
        return login
    owner = named(repository).partition("/")[0]
    if ctx.obj["no_input"] or not sys.stdin.isatty():
        raise UsageError("whose merges on GitHub approve?", f"--login {owner}, if that is your account")
    return str(click.prompt("Your account on GitHub, whose merges approve", default=owner, err=True))


def _done(done: SetUp) -> None:
    if done.commit:
        say(f"Committed {done.commit[:10]}: {', '.join(done.written)}")
    else:
        say(f"{done.repository}: all of it is so already.")
    if done.remote:
        say(f"git's `origin` is {done.remote} now.")
    for path in done.looked.synced.edited:
        say(f"{path} was edited, or is not ours: it stays as it is, but for what stands between marked lines.")
    for finding in done.looked.synced.findings:
        say(str(finding))


def _way(company: Company, done: SetUp) -> None:
    from aios.runs.on_actions.minutes import ASSUMED, FREE, estimate
    from aios.runs.on_actions.way import LIMITS, way

    wished = done.looked.wish
    stations = way(done.repository, wished.keys, main=company.main, installable=done.looked.installable)
    click.echo(f"\nThe way to the first merged proposal of {done.repository}:\n")
    for number, station in enumerate(stations, start=1):
        click.echo(f"{number:>2}. {station.title}")
        for line in (station.link, *station.lines) if station.link else station.lines:
            click.echo(f"    {line}")
    click.echo("\nWhat the plan's limits mean:")
    for line in LIMITS:
        click.echo(f"    {line}")
    items = estimate(wished.schedules, done.looked.workflows.values(), wished.timezone)
    total = sum(item.minutes for item in items)
    click.echo(
        f"\nAbout {counted(total, 'minute')} of Actions in 30 days, of {FREE:,} that are free in a private repository:"
    )
    for item in items:
        click.echo(f"    {item.minutes:>5}  {item.what}: {item.times} × {counted(item.jobs, 'job')}")
    click.echo(f"    assumed: {ASSUMED}.")
