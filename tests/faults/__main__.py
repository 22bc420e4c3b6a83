"""The whole matrix: `python -m tests.faults [NAME …]`, of the connectors whose name begins so.

One to four minutes an act, about an hour in all, on two cores that others use too; each connector can run by itself.
"""

from __future__ import annotations

import sys
import time

from tests.faults.matrix import BOUNDARIES, FAULTS, RECOVERING, Cell, column, columns
from tests.faults.proxy import Fault
from tests.faults.verdict import REPEATS, wrong

LEGEND = """
Each cell: how often the service did the act, and how the run ended with its receipt: acted, found (at the service),
or op (the operator's word). "?": it asked first. "*": the fault befell the recovery: where an act fails so, no process
gets to that boundary; "-": it could not, as this service is never asked for an earlier act. "!": wrong."""


def main(names: list[str]) -> int:
    chosen = [(name, number) for name, number in columns() if not names or name.startswith(tuple(names))]
    bad, cells, began = [], 0, time.monotonic()
    for name, number in chosen:
        with column(name, number) as made:
            made.measure()
            requests = len(made.changing)
            _say(f"\n{made.title}{f', whose last changing request of {requests} fails' if requests > 1 else ''}")
            _say(f"  {'':24}" + "".join(f"{fault:>12}" for fault in FAULTS))
            rows = [(boundary, boundary, -1) for boundary in BOUNDARIES]
            for request in range(requests - 1):
                rows += [(f"{each}, request {request + 1}", each, request) for each in ("not killed", "during act")]
            for title, boundary, request in rows:
                shown = []
                for fault in FAULTS:
                    cell = made.cell(boundary, fault, request)
                    problems = wrong(made, boundary, fault, cell)
                    bad += [f"{made.title}, {title}, {fault}: {problem}" for problem in problems]
                    shown.append(_shown(cell, boundary, fault, wrong=bool(problems)))
                    cells += 1
                _say(f"  {title:24}" + "".join(f"{text:>12}" for text in shown))
            for fault, why in REPEATS.get((name, made.capability.name), {}).items():
                _say(f"  2 under {fault}: {why}")
    _say(LEGEND)
    _say(f"\n{len(chosen)} acts, {cells} cells, {time.monotonic() - began:.0f} s")
    for line in bad:
        _say(f"WRONG: {line}")
    return 1 if bad or not chosen else 0


def _shown(cell: Cell, boundary: str, fault: Fault, *, wrong: bool) -> str:
    how = "op" if cell.how == "operator" else cell.how or "open"
    star = "" if (boundary, fault) not in RECOVERING else "*" if cell.failed else "-"
    return f"{cell.seen} {'?' if cell.asked else ''}{how}{star}{'!' if wrong else ''}"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
