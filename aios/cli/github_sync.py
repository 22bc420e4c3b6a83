"""`aios github sync`: the workflow files, brought in line with schedules, connectors and models."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import click

from aios.cli.output import company, say
from aios.errors import Exit, RefusedError

if TYPE_CHECKING:
    from aios.app import Company
    from aios.app.on_github import Looked


@click.command(epilog="Example: aios github sync && git diff .github")
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 with the difference where there is one.")
@click.option(
    "--aios-from", "source", default="", metavar="REQUIREMENT", help="Where jobs install aios from, as pip reads it."
)
@click.pass_context
def command(ctx: click.Context, check: bool, source: str) -> int:  # noqa: FBT001
    """Write schedules, keys and versions into the files below .github/ of your work tree; you look at them and commit.

    Only what stands between marked lines is written, and files that you never edited where a newer aios has them
    otherwise.
    """
    from aios.app.on_github import look, write
    from aios.store.trees import WorkTree

    here = company(ctx, quiet=True)
    tree = WorkTree(here.root, git=here.git)
    looked = look(here, tree, source=source)
    if not looked.synced.changed and len(looked.synced.absent) == looked.there:
        raise RefusedError("there are no workflow files of aios here", "`aios init --github OWNER/NAME` writes them")
    changed = looked.synced.changed
    if check:
        _show(here, looked)
    else:
        write(here.root, changed)
        for path in changed:
            say(f"wrote {path}")
    return _told(looked, check=check)


def _show(here: Company, looked: Looked) -> None:
    for path, text in looked.synced.changed.items():
        file = here.root / path
        before = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        lines = difflib.unified_diff(before.splitlines(), text.splitlines(), f"a/{path}", f"b/{path}", lineterm="", n=2)
        for line in lines:
            click.echo(line)


def _told(looked: Looked, *, check: bool) -> int:
    from aios.domain.finding import errors

    found = looked.synced
    for finding in found.findings:
        say(str(finding))
    if not looked.installable:
        say("The jobs have aios from nowhere yet: `--aios-from 'aios @ git+https://…@COMMIT'`")
    for path in found.edited:
        say(f"{path} has edits of yours, which stay: a newer aios does not renew it")
    if found.changed and looked.wish.keys.all:
        names = ", ".join(name.upper() for name in looked.wish.keys.all)
        say(f"Secrets that jobs are given: {names}. `aios doctor --github` says which are not set, and where to.")
    if check and found.changed:
        say("`aios github sync` writes this")
        return Exit.FINDINGS
    if not found.changed:
        say("The workflow files are in line with the company.")
    return Exit.FINDINGS if errors(list(found.findings)) else Exit.OK
