"""`aios memory`: what memory holds, and keeping it small without losing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aios.cli.output import commit_named, company, emit_json, json_option, say
from aios.domain.wording import counted
from aios.errors import Exit, RefusedError

if TYPE_CHECKING:
    from aios.app import Company
    from aios.memory import Memory
    from aios.runs.doubts import Asked
    from aios.runs.memory_health import Health
    from aios.runs.remembering import Recall

NOTHING_DUE = "nothing is due"


@click.group(epilog="Example: aios memory compact --dry-run")
def command() -> None:
    """What memory holds, how it is doing, and keeping it small without losing anything."""


@command.command(
    "health", short_help="What is stale, unused, there twice or in doubt.", epilog="Example: aios memory health --ask"
)
@click.option("--ask", is_flag=True, help="Put notes in doubt to you: a few questions at once, in `aios inbox`.")
@json_option
@click.pass_context
def health_command(ctx: click.Context, ask: bool, as_json: bool) -> int:  # noqa: FBT001
    """What is stale, never recalled, there twice, contradicting itself, or no longer found by your golden queries.

    Golden queries are yours: memory/golden.yaml. Exit code 1 where there is something to look at.
    """
    from aios.runs import doubts
    from aios.runs.memory_health import health

    here = company(ctx)
    now = here.context.now()
    found = health(here.context, _recall(here.memory, now), _recall(here.past_memory, now))
    asked = doubts.ask(here.context, found.doubts, used=found.recalled.notes) if ask else None
    if as_json:
        emit_json({**found.as_dict(), **({"asked": list(asked.new)} if asked else {})})
    else:
        _tell(found, _coverage(here))
    if asked:
        say(_asked(asked))
    return Exit.FINDINGS if found.findings else Exit.OK


def _recall(memory: Memory, now: str) -> Recall:
    return lambda tree, query, limit: memory.recall(tree, query, limit=limit, now=now)


def _coverage(here: Company) -> str:
    """How far recall by meaning is; empty where no model is chosen."""
    try:
        found = here.memory.coverage(here.tree())
    except RefusedError as error:
        return f"by words alone: {error.message}"
    if found is None:
        return ""
    still = f"; {found.serving} answers until then" if found.serving else ""
    failed = here.background.failure() if found.done < found.passages else ""
    why = f"; the last refresh failed: {failed}" if failed else ""
    return f"{found.done} of {counted(found.passages, 'passage')} by {found.model}{still}{why}"


def _tell(found: Health, coverage: str) -> None:
    for finding in found.findings:
        click.echo(str(finding))
    if found.findings:
        click.echo("")
    for name, line in (
        ("notes", f"{found.notes}, {counted(found.summaries, 'summary', 'summaries')} among them"),
        ("by age", _ages(found)),
        ("golden", _quality(found)),
        ("vectors", coverage),
        ("recalled", _recalled(found)),
        ("in doubt", counted(len(found.doubts), "pair") + " of notes" if found.doubts else ""),
        ("due", f"{counted(found.due, 'note')} may be folded: `aios memory compact` proposes it" if found.due else ""),
    ):
        if line:
            click.echo(f"{name:<9} {line}")


def _ages(found: Health) -> str:
    kinds = (
        (kind, ", ".join(f"{year}: {count}" for year, count in years.items())) for kind, years in found.ages.items()
    )
    return "; ".join(f"{kind} {years}" for kind, years in kinds)


def _quality(found: Health) -> str:
    now, before = found.now, found.before
    if not now.answered:
        return "no queries yet: memory/golden.yaml says what memory must find"
    then = f"; on {before.at} {before.found} of {len(before.answered)}, MRR {before.mrr:.2f}" if before.answered else ""
    return f"{now.found} of {len(now.answered)} queries find their answer, MRR {now.mrr:.2f}{then}"


def _recalled(found: Health) -> str:
    if not found.since:
        return ""
    if not found.recalled.calls:
        return f"no agent has asked memory since {found.since}"
    never = f"; never: {len(found.never)}, such as {found.never[0]}" if found.never else "; none is never recalled"
    return f"counted over {counted(found.recalled.calls, 'call')} of agents since {found.since}{never}"


def _asked(asked: Asked) -> str:
    new = f"{counted(len(asked.new), 'question')} asked: `aios inbox`" if asked.new else "nothing new is asked"
    waiting = f"; {asked.waiting} waited already" if asked.waiting else ""
    more = f"; {counted(asked.more, 'more pair')} later, a few at a time" if asked.more else ""
    return f"{new}{waiting}{more}"


@command.command(
    "compact", short_help="Propose to fold old notes into summaries.", epilog="Example: aios memory compact --dry-run"
)
@click.option("--dry-run", is_flag=True, help="Only say what would be folded.")
@click.pass_context
def compact_command(ctx: click.Context, dry_run: bool) -> int:  # noqa: FBT001
    """Propose to fold old notes into summaries, as memory/policy.yaml says.

    Nothing goes before you approve it; a folded note leaves its name and its places, and `aios memory restore` brings
    it back. Typed again, it goes on where it was interrupted, or shows what waits.
    """
    from aios.cli.standing import exit_code, report
    from aios.runs.compacting import begin, require_policy
    from aios.runs.conductor import carry_on

    here = company(ctx)
    require_policy(here.context)
    if dry_run:
        _would_fold(here)
        return Exit.OK
    run = begin(here.context, here.trigger())
    if not run:
        say(NOTHING_DUE)
        return Exit.OK
    standing = carry_on(here.context, run)
    report(standing)
    return exit_code(standing)


def _would_fold(here: Company) -> None:
    from aios.runs.compacting import due_now

    groups = due_now(here.context)
    for group in groups:
        click.echo(f"{group.path}  {counted(len(group.notes), 'note')}, {group.why}")
    total = sum(len(group.notes) for group in groups)
    say(f"{counted(total, 'note')} would be folded into {len(groups)}" if groups else NOTHING_DUE)


@command.command(
    "show",
    short_help="A note as it is or was, and what stands for it.",
    epilog="Example: aios memory show memory/research/pricing-q1.md",
)
@click.argument("path")
@click.pass_context
def show_command(ctx: click.Context, path: str) -> None:
    """A note as it is, or as it last was, and what stands for it now."""
    from aios.runs.restoring import last_text, replacement_of, summary_of

    here = company(ctx)
    text = last_text(here.context, path)
    summary = summary_of(here.context, path)
    if summary:
        say(f"folded into {summary}; `aios memory restore {path}` brings it back")
    if other := replacement_of(here.context, path):
        say(f"replaced by {other}; `aios memory restore {path}` takes that back")
    click.echo(text, nl=not text.endswith("\n"))


@command.command(
    "restore",
    short_help="Bring back a note that was folded or replaced.",
    epilog="Example: aios memory restore memory/research/pricing-q1.md",
)
@click.argument("path")
@click.pass_context
def restore_command(ctx: click.Context, path: str) -> None:
    """Bring back a note that was folded (kept whole from now on) or replaced (it holds again, beside the other)."""
    from aios.runs.restoring import restore

    commit = restore(company(ctx).context, path)
    say(f"{path} is back ({commit[:10]}); it holds, and is not folded again")


@command.command(
    "verify", short_help="Does the index hold exactly what the files say?", epilog="Example: aios memory verify"
)
@click.option("--at", "commit", default="", help="A past commit; main's tip where nothing is said.")
@click.pass_context
def verify_command(ctx: click.Context, commit: str) -> int:
    """Is the index of recall exactly what the files say? Every file is read anew. Exit code 1 where it is not."""
    here = company(ctx)
    memory = here.past_memory if commit else here.memory
    found = memory.verify(here.tree(commit_named(here, commit)))
    for line in found.differences:
        click.echo(line)
    if found.differences:
        say(counted(len(found.differences), "difference"))
        return Exit.FINDINGS
    say(f"the index holds exactly what the files say: {counted(found.passages, 'passage')}")
    say(f"git's trees of memory/ and state/: {found.tree}")
    if found.model:
        say(f"and every passage has its vector by {found.model} ({found.fingerprint[:16]})")
    return Exit.OK


@command.command(
    "refresh", short_help="Bring the index and the vectors up to date.", epilog="Example: aios memory refresh"
)
@click.option("--quiet", is_flag=True, help="Say nothing and step aside for other programs, as in the background.")
@click.pass_context
def refresh_command(ctx: click.Context, quiet: bool) -> int:  # noqa: FBT001
    """Bring the index of recall, and the vectors of recall by meaning, up to date now.

    Commands do it by themselves in the background. A kill costs one batch: the next refresh goes on.
    """
    here = company(ctx)
    done = here.refresh_memory(_silent if quiet else _progress, quiet=quiet)
    if quiet:
        return Exit.OK
    if done is not None and done.under_way:
        say("another process is making the vectors; this waits for it")
        done = here.refresh_memory(_progress, wait=True)
    if done is None:
        say("the index is up to date; no embedding model is chosen (`embedding` in state/company.yaml)")
    else:
        say(f"{counted(done.embedded, 'new vector')}, {counted(done.passages, 'passage')} in all")
    return Exit.OK


def _silent(_: int, __: int) -> None:
    return


def _progress(done: int, of: int) -> None:
    say(f"{done} of {of} embedded")
