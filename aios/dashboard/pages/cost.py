"""What it costs, and whether reuse makes the next piece cheaper."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aios.dashboard.page import Page
from aios.dashboard.source import Source
from aios.reports.compounding import sentence
from aios.reports.page import page as report

_MONTHS = """SELECT substr(started, 1, 7) AS month, count(*) AS runs, sum(usd) AS usd, sum(tokens) AS tokens
  FROM runs WHERE started <> '' GROUP BY month ORDER BY month"""
_WORKFLOWS = """SELECT workflow, count(*) AS runs, sum(usd) AS usd, sum(tokens) AS tokens, sum(status = 'rejected')
  AS rejected FROM runs GROUP BY workflow ORDER BY usd DESC, runs DESC"""
_WORK = """SELECT workflow, avg(seconds) AS seconds, avg(waited) AS waited, avg(edited) AS edited, avg(read_kb) AS kb
  FROM work GROUP BY workflow"""
REPORT = "compounding.html"


def pages(source: Source) -> Iterator[Page]:
    work = {str(row["workflow"]): row for row in source.ask(_WORK)}
    workflows: list[dict[str, Any]] = [
        {**row, "work": work.get(str(row["workflow"]), {})} for row in source.ask(_WORKFLOWS)
    ]
    data = {
        "months": source.ask(_MONTHS)[-24:],
        "workflows": workflows,
        "says": [(each.workflow, sentence(each)) for each in source.compounding],
        "report": REPORT,
    }
    yield Page("cost.html", "cost", "Cost", "cost.html", data)
    told = report(source.compounding, company=source.name, at=source.at)
    yield Page(REPORT, "cost", "Compounding", "", {}, raw=told)
