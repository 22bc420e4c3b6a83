"""`aios demo`: the whole flow, on the example company, in a temporary copy."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aios.cli import apply as apply_command
from aios.cli.output import say
from aios.domain.wording import counted
from aios.errors import AiosError, Exit

if TYPE_CHECKING:
    from aios.app import Company


@click.command(epilog="Example: aios demo --keep my-demo")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    metavar="DIR",
    help="Make the copy here instead of in a temporary folder.",
)
@click.option("--topic", default="", help="Another topic than the demonstration's.")
def command(keep: Path | None, topic: str) -> int:
    """From an intent to a published page with a receipt: no key, no network, nothing of yours is touched."""
    from aios.app import Company, found_company
    from aios.cli import progress
    from aios.example import DEMO_TOPIC, write_traffic
    from aios.runs.conductor import carry_on
    from aios.runs.gate import approve
    from aios.runs.start import start_run

    root = keep or Path(tempfile.mkdtemp(prefix="aios-demo-"))
    _heading("1. A company", f"aios init {root} --example")
    found_company(root, name="", email="", example=True)
    here = Company.find(root, report=progress.show)
    write_traffic(root, here.clock())
    counts = here.projection.query("SELECT (SELECT count(*) FROM records), (SELECT count(*) FROM events)").rows[0]
    say(f"  {counts[0]} records, {counts[1]} events of history, every one a commit")

    chosen = topic or DEMO_TOPIC
    _heading("2. An intent", f'aios run publish-content --input topic="{chosen}"')
    run = start_run(here.context, "publish-content", {"topic": chosen}, trigger=here.trigger())
    standing = carry_on(here.context, run)
    if standing.question:
        raise AiosError(f"the run asks: {standing.question['text']}", "choose a topic that the example has sources on")

    ulid = run.split("/")[2]
    _heading("3. A proposal", "aios inbox")
    for item in here.inbox():
        if item.run == run:
            say(f"  {item.title}\n  policy: {item.why}")

    _heading("4. Your approval, a merge", f"aios approve {ulid}")
    approved = approve(here.context, run)
    say(f"  merged as {approved.commit[:10]}; allowed: {counted(len(approved.effects), 'effect')}, nothing else")

    _heading("5. The effect, once, with a receipt", "aios apply")
    code = apply_command.apply(here, [run])
    if code not in {Exit.OK, Exit.WAITING}:
        return code
    page, receipt = _published(here, run)
    if not topic:
        _second_piece(here, run)
    say("")
    say(f"receipt    {receipt}")
    aios = "aios" if shutil.which("aios") else sys.argv[0]
    say(f"company    {root}   (try: cd {root} && {aios} tick && {aios} inbox)")
    say("page:")
    click.echo(page)
    return Exit.OK


def _second_piece(here: Company, first: str) -> None:
    """A related piece, as far as its proposal: what it took beside the first, and what it took over."""
    from aios.example import SECOND_TOPIC
    from aios.runs.comparison import figures
    from aios.runs.conductor import carry_on
    from aios.runs.start import start_run

    _heading("6. A related piece, on what was learned", f'aios run publish-content --input topic="{SECOND_TOPIC}"')
    run = start_run(here.context, "publish-content", {"topic": SECOND_TOPIC}, trigger=here.trigger())
    carry_on(here.context, run)
    one, two = figures(here.context, first), figures(here.context, run)
    note, count = next(iter(two.origins.items()), ("", 0))
    say(
        f"  {two.searched} of {two.questions} questions needed a search of the sources ({one.searched} of "
        f"{one.questions} for the first); read {two.per_100_words:.0f} KB per 100 words ({one.per_100_words:.0f} KB)"
    )
    say(
        f"  {two.held} of {two.passages} passages were known; the rest is new. It cites "
        f"{counted(len(two.origins), 'note')} of the first, such as {note} ({counted(count, 'passage')})"
    )


def _published(here: object, run: str) -> tuple[str, str]:
    from aios.app import Company

    assert isinstance(here, Company)  # noqa: S101  for the type checker; `here` crosses a lazy import
    page, key = here.published_page(run)
    return page, f"{key} on aios/ledger, at most once"


def _heading(title: str, equivalent: str) -> None:
    say(f"\n{click.style(title, bold=True)}   {click.style('$ ' + equivalent, dim=True)}")
