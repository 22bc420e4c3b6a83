"""The root command: lazy commands, teaching help, one error boundary."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Any

import click

from aios import __version__
from aios.errors import AiosError, Exit, InvalidError, UsageError

# Name -> (section, one line). Kept here so that `aios --help` imports no command; a test compares it with the modules.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("Start", "Run the whole flow on the example company, in a temporary copy."),
    "init": ("Start", "Make a company repository."),
    "doctor": ("Start", "Check that everything aios needs is there and in order."),
    "check": ("Start", "Check every file against its schema, references, duplicates and policies."),
    "status": ("Every day", "What waits, what runs, what is paused."),
    "inbox": ("Every day", "What waits for you, most urgent first."),
    "show": ("Every day", "One proposal: what is asked, why, and what happens on approval."),
    "diff": ("Every day", "What a proposal changes, in words and lines."),
    "approve": ("Every day", "Merge a proposal: the approval."),
    "reject": ("Every day", "Close a proposal, with a reason that is kept."),
    "revise": ("Every day", "Send a proposal back with a note."),
    "answer": ("Every day", "Answer a question that a run asks."),
    "apply": ("Every day", "Do what was approved: effects, each at most once, each with a receipt."),
    "propose": ("Work", "Take in what was verified and propose it; bring open proposals up to date."),
    "verify": ("Work", "Judge what untrusted jobs handed over, before anything of it is used."),
    "run": ("Work", "Start a workflow."),
    "tick": ("Work", "Start what is due and go on with what waited; safe to call as often as you like."),
    "resume": ("Work", "Go on with runs that were interrupted or failed."),
    "cancel": ("Work", "Stop a run for good."),
    "revert": ("Work", "Undo a run's effects, in reverse order."),
    "pause": ("Work", "Stop every outgoing effect; `aios pause --off` allows them again."),
    "runs": ("Look", "Where every run stands, and why."),
    "log": ("Look", "The event log: who did what, when, to which record."),
    "explain": ("Look", "From a sentence, record, run or effect back to sources, reasons and approver."),
    "replay": ("Look", "Execute a run again from its recordings, offline, and compare every step."),
    "trace": ("Look", "How a run went: every step, call, search, wait and effect, with times and cost."),
    "recall": ("Look", "Search memory, sources and content."),
    "edit": ("Every day", "Edit records in the browser, in forms made from their schemas."),
    "query": ("Look", "Read-only SQL over records, events, runs and effects."),
    "dashboard": ("Look", "The company as static pages, to open from the disk or to publish."),
    "report": ("Look", "What the figures say: does work get cheaper from run to run?"),
    "memory": ("Keep", "How memory is doing; fold old notes, bring folded ones back."),
    "agents": ("Keep", "Your agents: contracts, golden cases, how each version does."),
    "connectors": ("Keep", "Your connectors: what each may do, how it is doing; try one, pause one."),
    "sync": ("Keep", "Fetch what other machines and GitHub have, push what only this copy has."),
    "github": ("Keep", "What the jobs in GitHub Actions call, and how it is set up."),
    "migrate": ("Keep", "Propose records of old schema versions, rewritten in the newest."),
    "rebuild": ("Keep", "Rebuild what is derived from the log."),
    "prune": ("Keep", "Forget old recordings and spans; the log stays."),
    "reconcile": ("Keep", "Settle effects whose outcome is not known."),
    "merge-driver": ("Keep", "Merge records by field; called by git."),
    "completion": ("Keep", "Print shell completion."),
}
HIDDEN = frozenset({"merge-driver"})
# None leaves it to whether a terminal listens. Errors are told after the command's context is gone: they need it too.
_COLOUR = False if os.environ.get("NO_COLOR") else None

EPILOG = """\b
Exit codes: 0 done · 1 findings · 2 wrong usage · 3 refused, nothing changed
            4 waits for you or for time · 5 failed · 70 a bug of ours · 130 interrupted
Data goes to stdout, progress and messages to stderr. NO_COLOR is respected.
"""


class LazyGroup(click.Group):
    """Imports a command's module (`aios.cli.<name>`, its `command`) when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [name for name in COMMANDS if name not in HIDDEN]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"aios.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        command.name = cmd_name
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f"did you mean `aios {close[0]}`?" if close else "`aios --help` lists the commands"
            raise UsageError(f"there is no command `{args[0]}`", hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, (section, line) in COMMANDS.items():
            if name not in HIDDEN:
                sections.setdefault(section, []).append((name, line))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "color": _COLOUR},
)
@click.version_option(__version__, prog_name="aios")
@click.option(
    "-C",
    "--company",
    "root",
    type=click.Path(file_okay=False),
    default=None,
    metavar="DIR",
    help="The company's folder (default: the one you are in).",
)
@click.option("--no-input", is_flag=True, help="Never ask; refuse instead.")
@click.pass_context
def root_command(ctx: click.Context, root: str | None, no_input: bool) -> None:  # noqa: FBT001
    """The operating system of a one-person company.

    Agents propose, you approve by merging, and only then anything reaches the world.

    \b
    Example, in an empty folder:  aios init . --example && aios run publish-content --input topic="…"
    """
    ctx.obj = {"root": root, "no_input": no_input or not sys.stdin.isatty()}


def run() -> None:
    """Run the command line; ends the process with one of the documented exit codes."""
    from aios.cli.terminal import harmless_output

    with harmless_output():
        code = guarded(sys.argv[1:])
    sys.exit(code)


def guarded(arguments: list[str]) -> int:
    """Run with an error boundary: an expected error is one line and a hint, never a traceback."""
    try:
        code: Any = root_command.main(arguments, prog_name="aios", standalone_mode=False)
        return int(code) if isinstance(code, int) else Exit.OK
    except click.exceptions.Exit as leaving:
        return int(leaving.exit_code)
    except click.Abort:
        click.echo("Interrupted. Nothing is lost: `aios resume` goes on where a run stopped.", err=True)
        return Exit.INTERRUPTED
    except click.UsageError as error:
        return _of_usage(error)
    except click.ClickException as error:
        error.show()
        return int(error.exit_code)
    except InvalidError as error:
        for finding in error.findings:
            click.echo(str(finding), err=True)
        return _say(error)
    except AiosError as error:
        return _say(error)
    except BrokenPipeError:
        # The reader went away (`aios log | head`): not an error, and nobody is there to read one.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except OSError as error:
        return _say(_of_the_machine(error)) if error.errno in _MACHINE else _report_bug(error)
    except Exception as error:  # noqa: BLE001  the one boundary: a bug becomes a file, not a traceback on the screen
        known = _of_sqlite(error)
        return _say(known) if known else _report_bug(error)


def _of_usage(error: click.UsageError) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return Exit.USAGE
    path = error.ctx.command_path if error.ctx else "aios"
    message = error.format_message()
    return _say(UsageError(message[:1].lower() + message[1:].rstrip("."), f"`{path} --help` shows how"))


def _say(error: AiosError) -> int:
    prefix = click.style("error:", fg="red", bold=True)
    click.echo(f"{prefix} {error.message}", err=True, color=_COLOUR)
    if error.hint:
        click.echo(f"{click.style('hint:', bold=True)} {error.hint}", err=True, color=_COLOUR)
    return int(error.exit_code)


# What is wrong with the machine and not with us: errno -> what, and what to do.
_MACHINE = {
    errno.ENOSPC: ("the disk is full", "free some space; nothing is lost, and `aios resume` goes on"),
    errno.EDQUOT: ("your share of the disk is full", "free some space; nothing is lost, and `aios resume` goes on"),
    errno.EROFS: ("the disk can only be read", "look at how it is mounted"),
    errno.EACCES: ("access is denied", "look at the owner and the rights"),
    errno.EPERM: ("access is denied", "look at the owner and the rights"),
    errno.EIO: ("the disk does not answer", "look at its health before anything else"),
    errno.EMFILE: ("too many files are open", "`ulimit -n` tells how many may be"),
}


def _of_the_machine(error: OSError) -> AiosError:
    what, hint = _MACHINE[error.errno or 0]
    where = f" ({error.filename})" if error.filename else ""
    return AiosError(f"{what}{where}", hint)


def _of_sqlite(error: Exception) -> AiosError | None:
    """What SQLite says of a full or unwritable disk. It is loaded where it was used, and else not worth its time."""
    sqlite = sys.modules.get("sqlite3")
    said = str(error)
    if sqlite is None or not isinstance(error, sqlite.OperationalError):
        return None
    if "disk is full" in said or "readonly" in said or "unable to open" in said or "disk I/O" in said:
        hint = "look at the disk, its free space and the permissions of .aios/"
        return AiosError(f"the local database cannot be written: {said}", hint)
    return None


def _report_bug(error: Exception) -> int:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="aios-bug-", suffix=".txt", delete=False) as file:
        file.write("".join(traceback.format_exception(error)))
    click.echo(f"This is a bug in aios: {type(error).__name__}: {error}\nThe details are in {file.name}", err=True)
    return Exit.BUG
