"""All benchmarks in one table: `python -m tests.benchmarks [NAME …]`. Each row has its peer from the same run.

`python -m tests.benchmarks recall [FILE.jsonl …]` measures memory on any corpus; see `tests.benchmarks.corpus`.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

NAMES = (
    "start_up",
    "durable_step",
    "read_log",
    "projection",
    "check",
    "recording",
    "memory_years",
    "ledger_years",
    "recall",
    "recall_speed",
    "meaning",
    "compounding",
    "dashboard",
)


def main(names: list[str]) -> int:
    if names[:1] == ["recall"]:
        from tests.benchmarks import recall

        return recall.main(names[1:])
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"no benchmark `{unknown[0]}`; there are {', '.join(NAMES)}", file=sys.stderr)  # noqa: T201
        return 2
    print(f"{'what':<62} {'ours':>10} {'peer':>10} {'ratio':>7}  target")  # noqa: T201
    for name in names or NAMES:
        if not (Path(__file__).parent / f"{name}.py").is_file():
            continue
        module = importlib.import_module(f"tests.benchmarks.{name}")
        for row in module.run():
            what, ours, peer, ratio, target = row
            print(f"{what:<62} {_number(ours)} {_number(peer)} {_number(ratio, 7)}  {target}", flush=True)  # noqa: T201
    return 0


def _number(value: float | None, width: int = 10) -> str:
    return f"{'-' if value is None else format(value, '.3g'):>{width}}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
