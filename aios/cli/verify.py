"""`aios verify`: what untrusted jobs handed over, judged before anything of it is used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.domain.wording import counted
from aios.errors import Exit, UsageError

if TYPE_CHECKING:
    from aios.runs.verifying import Verified

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
SHOWN = 20  # findings of one order in the summary


@click.command(epilog="Example: aios verify handed-over --orders orders --collected collected")
@click.argument("folder", type=_FOLDER, metavar="DIR")
@click.option("--orders", "orders_in", type=_FOLDER, required=True, help="The folder with orders.json.")
@click.option("--collected", type=_FOLDER, help="What the collect stage handed over.")
@click.option("--orders-digest", "planned", help="What `aios github plan` gave as `digest`.")
@click.option("--collected-digests", "handed", help="What the collect stage gave as `digests`.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    folder: Path,
    orders_in: Path,
    collected: Path | None,
    planned: str | None,
    handed: str | None,
    as_json: bool,  # noqa: FBT001
) -> int:
    """Judge what jobs handed over: commits, facts, files and traces, by what their orders, the workflows and the
    contracts of agents allow. Deterministic, with no secret and no network; nothing of it gets into the repository.

    In Actions the output `digests` names the very bytes of each handoff that passed, for `aios propose`. Fails where no
    handoff passes.

    What lies in DIRs was within reach of jobs that nobody trusts: the two digests, which those cannot change, say that
    orders and what was collected are still what they were.
    """
    from aios.app import actions
    from aios.runs import orders as written
    from aios.runs.verifying import digests_of, strangers, verify_folder

    here = company(ctx)
    orders = written.read(orders_in, digest=planned)
    if here.git.rev(here.main) is None:
        raise UsageError("this company has no commit yet", "check it out first")
    judged = list(verify_folder(here.context, folder, orders, collected, _digests(handed)))
    digests = digests_of(judged)
    ignored = strangers(folder, orders)
    actions.output({"digests": json.dumps(digests, sort_keys=True, separators=(",", ":"))})
    actions.summary(summary_of(judged, ignored))
    if as_json:
        emit_json([_told(each) for each in judged])
    else:
        _print(judged, ignored)
    return Exit.FINDINGS if judged and not digests else Exit.OK


def _digests(text: str | None) -> dict[str, str] | None:
    """Empty stands for a collect stage that handed nothing over."""
    if text is None:
        return None
    try:
        told = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--collected-digests is no JSON: {error}", "give the output of the collect job") from error
    if not isinstance(told, dict) or not all(isinstance(each, str) for each in told.values()):
        raise UsageError("--collected-digests is no mapping of order to digest", "give the output of the collect job")
    return told


def _print(judged: Sequence[Verified], ignored: Sequence[str]) -> None:
    for each in judged:
        if each.passed:
            click.echo(f"{each.order.id}  passed  {counted(each.commits, 'commit')}  {each.digest}")
        for finding in each.findings:
            click.echo(f"{each.order.id}  {finding.path}: [{finding.rule}] {finding.message}")
            if finding.hint:
                click.echo(f"    hint: {finding.hint}")
    for name in ignored:
        say(f"{name}: no order asked for it; it was not looked at.")
    passed = sum(each.passed for each in judged)
    say(f"{passed} of {counted(len(judged), 'handoff')} passed." if judged else "No order was given.")


def _told(each: Verified) -> dict[str, object]:
    return {
        "order": each.order.id,
        "run": each.order.run,
        "passed": each.passed,
        "digest": each.digest if each.passed else "",
        "commits": each.commits,
        "findings": [finding.as_dict() for finding in each.findings],
    }


def summary_of(judged: Sequence[Verified], ignored: Sequence[str]) -> str:
    """Markdown for the page of the workflow's run; whatever was handed over is quoted, never markup."""
    from aios.proposals.neutral import neutral

    lines = ["## Verified", ""]
    for each in judged:
        state = f"passed, {counted(each.commits, 'commit')}" if each.passed else "**not passed**: nothing of it is used"
        lines.append(f"- {neutral(each.order.run)}: {state}")
        for finding in each.findings[:SHOWN]:
            place, told = neutral(finding.path), neutral(finding.message)
            lines.append(f"    - {place}: {told} ({finding.rule}) {neutral(finding.hint)}".rstrip())
        if len(each.findings) > SHOWN:
            lines.append(f"    - and {len(each.findings) - SHOWN} more")
    lines += [f"- {neutral(name)}: no order asked for it" for name in ignored[:SHOWN]]
    if any(not each.passed for each in judged):
        lines += ["", "What did not pass stays in the artifact of this run, and can be looked at there."]
    return "\n".join(lines)
