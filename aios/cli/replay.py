"""`aios replay`: a run executed again, offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aios.cli.output import company, emit_json, json_option, say, show_diff
from aios.errors import Exit

if TYPE_CHECKING:
    from aios.runs.replay import Compared

_MARKS = {"same": ("=", "green"), "differs": ("≠", "red"), "given": ("·", "white"), "left out": ("–", "yellow")}


@click.command(epilog="Example: aios replay publish-content/pricing-page --until research")
@click.argument("run")
@click.option("--step", default="", metavar="STEP", help="Only this step.")
@click.option("--until", default="", metavar="STEP", help="None behind this step.")
@click.option("--keep-going", is_flag=True, help="Go on behind the first divergence.")
@click.option(
    "--with",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    help="What if: model=NAME, small=NAME, large=NAME, tier=offline|small|large, instructions=FILE (with --step).",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    step: str,
    until: str,
    keep_going: bool,  # noqa: FBT001
    changes: tuple[str, ...],
    as_json: bool,  # noqa: FBT001
) -> None:
    """Do every step of a run again from its recordings, and compare what comes of it with what was committed then.

    Nothing is changed, no service is asked, no effect happens. `·` is the operator's or the world's part, taken from
    the log. Exit code 1 where something differs.

    With --with the agent steps are done anew on another model or other instructions, beside what they did then, up to
    where you would be asked. This may cost money; nothing of the company is changed.
    """
    from aios.runs.replay import Verdict, replay

    here = company(ctx)
    if changes:
        from aios.cli.what_if import compare

        compare(here, here.resolve(run), changes, step=step, as_json=as_json)
        return
    compared: list[Compared] = []
    for each in replay(here.context, here.resolve(run), step=step, until=until):
        compared.append(each)
        if not as_json:
            _tell(each)
        if each.verdict is Verdict.DIFFERS and not keep_going:
            break
    counts = {verdict.value: sum(each.verdict is verdict for each in compared) for verdict in Verdict}
    if as_json:
        emit_json({"run": here.resolve(run), **counts, "events": [each.as_dict() for each in compared]})
    else:
        _sum_up(counts)
    if counts["differs"]:
        ctx.exit(Exit.FINDINGS)


def _tell(each: Compared) -> None:
    mark, colour = _MARKS[each.verdict.value]
    seconds = f"{each.seconds:.1f} s" if each.seconds else ""
    line = f"{click.style(mark, fg=colour)} {each.what:<48} {each.commit[:10]}  tree {each.tree[:10]}  {seconds}"
    click.echo(line.rstrip() + (f"  {each.why}" if each.why else ""))
    if each.diff:
        show_diff(each.diff)


def _sum_up(counts: dict[str, int]) -> None:
    done = counts["same"] + counts["differs"]
    told = [f"{counts['given']} taken from the log"] if counts["given"] else []
    told += [f"{counts['left out']} left out"] if counts["left out"] else []
    more = f" ({', '.join(told)})" if told else ""
    if counts["differs"]:
        say(f"{counts['differs']} of {done} differ{more}")
    elif done:
        say(f"identical: {done} executed again{more}")
    else:
        say(f"nothing was executed again{more}")
