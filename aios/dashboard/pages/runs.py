"""Runs: the list, a page for each, and its trace."""

from __future__ import annotations

from collections.abc import Iterator

from aios.dashboard.page import Page, paged, run_page, trace_page
from aios.dashboard.source import Source, by

SIZE = 200  # runs of one list
TRACED = 200  # newest runs whose traces are drawn


def pages(source: Source) -> Iterator[Page]:
    lists = paged(source.runs, SIZE)
    for number, part in enumerate(lists, 1):
        path = "runs/index.html" if number == 1 else f"runs/list-{number}.html"
        yield Page(path, "runs", "Runs", "runs.html", {"runs": part, "number": number, "count": len(lists)})
    steps = by(source.ask("SELECT * FROM steps"), "run")
    effects = by(source.ask("SELECT * FROM effects"), "run")
    work = {str(row["run"]): row for row in source.ask("SELECT * FROM work")}
    waiting = {item.run: item for item in source.waiting if item.run}
    for number, row in enumerate(source.runs):
        run = str(row["run"])
        drawn = source.trace(run) if number < TRACED else ""
        if drawn:
            yield Page(trace_page(run), "runs", f"Trace of {run}", "", {}, raw=drawn)
        data = {
            "run": row,
            "steps": steps.get(run, []),
            "effects": effects.get(run, []),
            "work": work.get(run),
            "waits": waiting.get(run),
            "trace": trace_page(run) if drawn else "",
        }
        yield Page(run_page(run), "runs", str(row["subject"] or run), "run.html", data)
