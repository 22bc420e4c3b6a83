"""`aios init`: make a company repository."""

from __future__ import annotations

from pathlib import Path

import click

from aios.cli.output import say


@click.command(epilog="Example: aios init my-company && cd my-company && aios check")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@click.option("--example", is_flag=True, help="With the example company's records and history.")
@click.option("--name", default="", help="The company's name (default: the folder's).")
@click.option("--email", default="", help="Your e-mail address; the approver (default: git's user.email).")
@click.pass_context
def command(ctx: click.Context, folder: Path, example: bool, name: str, email: str) -> None:  # noqa: FBT001
    """Make a company in FOLDER: records, workflows, agents, policies, schemas, editor settings, first commit."""
    from aios.app import found_company

    root = Path(ctx.obj["root"] or ".") / folder
    company = found_company(root, name=name, email=email, example=example)
    say(f"{company.root} is a company now, on branch {company.main}.")
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
