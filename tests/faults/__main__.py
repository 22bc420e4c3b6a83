"""The whole matrix: `python -m tests.faults [NAME …]`, of the connectors whose name begins so. Half a minute an act."""

from __future__ import annotations

import sys
import time

from tests.faults.matrix import BOUNDARIES, FAULTS, RECOVERING, column, columns
from tests.faults.verdict import REPEATS, wrong

LEGEND = """
Each cell: how often the service did the act, and how the run ended with its receipt: acted, found (at the service),
or the operator's word. "?": it asked first. "*": the fault befell the recovery, for where an act fails so no process
gets to that boundary; "-": it could not, as this service is never asked for an earlier act. "!": wrong."""


def main(names: list[str]) -> int:
    chosen = [(name, number) for name, number in columns() if not names or name.startswith(tuple(names))]
    bad, began = [], time.monotonic()
    for name, number in chosen:
        with column(name, number) as made:
            requests = (
                f" ({len(made.changing)} changing requests, the last one fails)"
                if made.whole and made.changing[1:]
                else ""
            )
            _say(f"\n{made.title}{requests}")
            _say(f"  {'':19}" + "".join(f"{fault:>12}" for fault in FAULTS))
            for boundary in BOUNDARIES:
                shown = []
                for fault in FAULTS:
                    cell = made.cell(boundary, fault)
                    problems = wrong(made, boundary, fault, cell)
                    bad += [f"{made.title}, {boundary}, {fault}: {problem}" for problem in problems]
                    star = "" if (boundary, fault) not in RECOVERING else "*" if cell.failed else "-"
                    shown.append(
                        f"{cell.seen} {'?' if cell.asked else ''}{cell.how or 'open'}{star}{'!' if problems else ''}"
                    )
                _say(f"  {boundary:19}" + "".join(f"{text:>12}" for text in shown))
            why = REPEATS.get((name, made.capability.name))
            if why:
                _say(f"  twice is 2 as the network itself delivers again: {why}")
    _say(LEGEND)
    _say(f"\n{len(chosen)} acts, {len(chosen) * len(BOUNDARIES) * len(FAULTS)} cells, {time.monotonic() - began:.0f} s")
    for line in bad:
        _say(f"WRONG: {line}")
    return 1 if bad or not chosen else 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
