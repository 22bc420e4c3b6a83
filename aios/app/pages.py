"""What the dashboard is made of, gathered from a company."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from aios.app import actions
from aios.errors import AiosError

if TYPE_CHECKING:
    from aios.app.company import Company
    from aios.dashboard.source import Beat, Row, Source

RUNS = "aios-run.yml"
_ALL = 10_000_000  # rows


def source_of(here: Company, *, events: int) -> Source:
    """Everything but the traces is read when it is asked for; a run that left no trace, or one that cannot be read,
    has no page of it."""
    from aios.dashboard.source import Source
    from aios.domain.finding import Severity
    from aios.reports.compounding import compounding
    from aios.store.log import LogFilter, newest_events

    projection, record = here.projection, here.company_record()

    def ask(sql: str, params: Sequence[Any] = ()) -> list[Row]:
        told = projection.query(sql, params, limit=_ALL)
        return [dict(zip(told.columns, row, strict=True)) for row in told.rows]

    def trace(run: str) -> str:
        from aios.runs.tracing import trace_of
        from aios.trace.waterfall import page

        try:
            found = trace_of(here.context, run)
        except AiosError:
            return ""
        return page(found) if found.spans else ""

    def review(run: str) -> str:
        from aios.proposals.review import render
        from aios.runs.reviewing import review_of

        try:
            return render(review_of(here.context, run))
        except AiosError:
            return ""

    settings = here.forge_settings
    return Source(
        name=str((record and record.get("name")) or here.root.name),
        tagline=str((record and record.get("tagline")) or ""),
        at=here.context.now(),
        tip=here.git.rev(here.main) or "",
        main=here.main,
        forge=settings.web if settings else "",
        paused=here.paused(),
        wrong=sum(finding.severity is Severity.ERROR for finding in here.check(work_tree=False)),
        waiting=here.inbox(),
        connections=here.connections(),
        compounding=compounding(ask("SELECT * FROM work ORDER BY started, run")),
        costs=here.model_costs(),
        ask=ask,
        events=list(islice(newest_events(here.git, here.main, LogFilter(), limit=events), events)),
        all_events=int(ask("SELECT count(*) AS n FROM events")[0]["n"]),
        blob=here.git.read_blob,
        trace=trace,
        review=review,
        beat=_beat(here),
        sees_services=not actions.in_actions(),
    )


def _beat(here: Company) -> Beat | None:
    """None where there is no host, or it cannot be asked: the pages are made all the same."""
    from aios.dashboard.source import Beat

    try:
        host = here.forge.host if here.forge else None
        newest = next(iter(host.runs(RUNS, limit=1)), None) if host else None
    except AiosError:
        return None
    return Beat(newest.at, newest.conclusion, newest.url) if newest else None
