"""`aios demo`: the whole flow, on the example company, in a temporary copy."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
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

    blank = Path(tempfile.mkdtemp(prefix="aios-demo-")) / "without-memory"
    if not topic:
        shutil.copytree(root, blank, symlinks=True)

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
        _second_piece(here, run, blank)
    shutil.rmtree(blank.parent)
    say("")
    say(f"receipt    {receipt}")
    aios = "aios" if shutil.which("aios") else str(Path(sys.argv[0]).absolute())  # it is typed in another folder
    say(f"company    {root}   (try: cd {root} && {aios} tick && {aios} inbox)")
    say("page:")
    click.echo(page)
    return Exit.OK


def _second_piece(here: Company, first: str, blank: Path) -> None:
    """A related piece, as far as its proposal: what it took beside the first and without memory; what it took over."""
    from aios.app import Company
    from aios.example import SECOND_TOPIC
    from aios.runs.comparison import figures

    _heading("6. A related piece, on what was learned", f'aios run publish-content --input topic="{SECOND_TOPIC}"')
    second = _proposed(here, SECOND_TOPIC)
    without = Company.find(blank, clock=here.clock)
    one, two, alone = (
        figures(here.context, first),
        figures(here.context, second),
        figures(without.context, _proposed(without, SECOND_TOPIC)),
    )
    told = [one, two, alone]
    say("")
    _columns(
        [
            ("", "first piece", "second piece", "the second without memory"),
            ("sources and notes read", *(f"{each.material:.0f} KB" for each in told)),
            ("  per 100 words", *(f"{each.per_100_words:.1f} KB" for each in told)),
            ("questions that needed a full search", *(f"{each.searched} of {each.questions}" for each in told)),
            ("the piece, headings counted", *(f"{each.words} words, score {each.score:.2f}" for each in told)),
        ],
    )
    say("")
    say(f"  outline   grew from “{two.grew_from}”, keeps “{'”, “'.join(two.kept)}”")
    say(f"  sources   {two.known} of {two.sources} as the first plan read them; only the others were looked through")
    for note, count in two.origins.items():
        say(f"  cites     {note} ({counted(count, 'passage')})")


def _columns(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        say(f"  {cells.rstrip()}")


def _proposed(here: Company, topic: str) -> str:
    """A run on the topic, as far as its proposal."""
    from aios.runs.conductor import carry_on
    from aios.runs.start import start_run

    run = start_run(here.context, "publish-content", {"topic": topic}, trigger=here.trigger())
    carry_on(here.context, run)
    return run


def _published(here: object, run: str) -> tuple[str, str]:
    from aios.app import Company

    assert isinstance(here, Company)  # noqa: S101  for the type checker; `here` crosses a lazy import
    page, key = here.published_page(run)
    return page, f"{key} on aios/ledger, at most once"


def _heading(title: str, equivalent: str) -> None:
    say(f"\n{click.style(title, bold=True)}   {click.style('$ ' + equivalent, dim=True)}")
