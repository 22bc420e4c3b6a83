"""What recording and tracing cost a run without a model: the same run with and without, interleaved."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

from aios.app import Company, found_company
from aios.example import DEMO_TOPIC
from aios.runs.conductor import carry_on
from aios.runs.start import start_run
from tests.benchmarks.durable_step import Row

ROUNDS = 7


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        template = Path(place) / "template"
        found_company(template, name="", email="", example=True)
        times: dict[bool, list[float]] = {True: [], False: []}
        for number in range(ROUNDS):
            for records in (True, False) if number % 2 else (False, True):
                root = shutil.copytree(template, Path(place) / "company")
                times[records].append(_run(root, records=records))
                shutil.rmtree(root)
    ours, peer = (statistics.median(times[records]) for records in (True, False))
    return [Row("run without a model, CPU s (peer: not recorded)", ours, peer, ours / peer, "≤ 1.10")]


def _run(root: Path, *, records: bool) -> float:
    company = Company.find(root)
    context = replace(company.context, records=records)
    before = _cpu()
    with company.git:
        run_id = start_run(context, "publish-content", {"topic": DEMO_TOPIC}, trigger=company.trigger())
        carry_on(context, run_id)
    return _cpu() - before


def _cpu() -> float:
    """Seconds of this process and of its children that ended."""
    return sum(os.times()[:4])
