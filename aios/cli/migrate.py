"""`aios migrate`: records of old schema versions, rewritten in the newest."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aios.cli.output import company, say
from aios.cli.standing import exit_code, report
from aios.domain.wording import counted
from aios.errors import Exit

if TYPE_CHECKING:
    from aios.app import Company


@click.command(epilog="Example: aios migrate --dry-run")
@click.option("--dry-run", is_flag=True, help="Only say what is old.")
@click.option("--in-place", is_flag=True, help="Rewrite the files of your work tree; you look at them and commit.")
@click.pass_context
def command(ctx: click.Context, dry_run: bool, in_place: bool) -> int:  # noqa: FBT001
    """Propose records of old schema versions, rewritten in the newest.

    Reading never needs it: old records are understood as they are, in old commits too. Agents, policies, connectors and
    the company itself are not an agent's to write: --in-place rewrites them as well.
    """
    from aios.runs.conductor import carry_on
    from aios.runs.migrating import MIGRATION
    from aios.runs.start import start_run

    here = company(ctx)
    if dry_run or in_place:
        return _in_place(here, dry_run=dry_run)
    run = start_run(here.context, MIGRATION, {}, trigger=here.trigger())
    standing = carry_on(here.context, run)
    report(standing)
    return exit_code(standing)


def _replace(file: Path, text: str) -> None:
    """The file appears whole, or stays as it is: it may hold edits that no commit has yet."""
    fresh = file.with_name(f".{file.name}.aios")
    try:
        fresh.write_text(text, encoding="utf-8", newline="")
        fresh.chmod(stat.S_IMODE(file.stat().st_mode))
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)


def _in_place(here: Company, *, dry_run: bool) -> int:
    from aios.runs.migrating import old_files, told_of
    from aios.store.trees import WorkTree

    tree = WorkTree(here.root, git=here.git)
    found = list(old_files(tree))
    lost = [each for each in found if each.text is None]
    for each in found:
        if each.text is None:
            click.echo(str(each.finding))
            continue
        click.echo(f"{each.path}  {each.stated} → {each.newest}")
        if not dry_run:
            _replace(here.root / each.path, each.text)
    done = len(found) - len(lost)
    for line in told_of(tree, found):
        click.echo(line)
    if not found:
        say("nothing is old")
    else:
        say(f"{counted(done, 'file')} {'would be' if dry_run else ''} rewritten".replace("  ", " "))
    return Exit.FINDINGS if lost else Exit.OK
