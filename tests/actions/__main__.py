"""`python -m tests.actions [DAYS] [SEED]`: the day again and again, each time with other machines lost, elsewhere."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.actions import day
from tests.actions.company import BEGIN, PUBLISHED, Services, found, services
from tests.actions.compare import differences
from tests.actions.expressions import Expressions
from tests.actions.hub import Hub
from tests.actions.hub.server import serving
from tests.actions.kills import Kills
from tests.actions.on_github import MARA, REPOSITORY, on_github
from tests.actions.on_one_machine import OneMachine

METHODS = (("merge",), ("squash",), ("rebase",), ("squash", "rebase"))


def main(days: int, seed: int) -> int:
    os.environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    with TemporaryDirectory() as folder, Expressions() as expressions, services() as reached:
        wanted = _alone(Path(folder), reached)
        wrong = 0
        for number in range(seed, seed + days):
            began = time.monotonic()
            kills = Kills(number, times=1, chance=0.3)
            found_wrong = _once(Path(folder) / str(number), expressions, reached, kills, wanted)
            wrong += bool(found_wrong)
            took = f"{len(kills.done)} machines lost, {time.monotonic() - began:.0f} s"
            _say(f"day {number}: {took}, {found_wrong or 'well'}")
            for each in kills.done if found_wrong else ():
                _say(f"    {each}")
    _say(f"{days - wrong} of {days} days ended as on one machine")
    return 1 if wrong else 0


def _alone(folder: Path, reached: Services) -> dict[str, str]:
    found(folder / "alone", reached)
    place = OneMachine(folder / "alone", BEGIN)
    for part in day.PARTS:
        part(place)
    return place.tree()


def _once(folder: Path, expressions: Expressions, reached: Services, kills: Kills, wanted: dict[str, str]) -> str:
    folder.mkdir()
    reached.begin_anew()
    hub = Hub(folder, REPOSITORY, MARA, lambda: BEGIN)
    with serving(hub):
        fan_out, methods = (2, 40)[kills.seed % 2], METHODS[kills.seed % len(METHODS)]
        place = on_github(folder, reached, hub, expressions, methods=methods, fan_out=fan_out, kills=kills)
        try:
            for part in day.PARTS:
                part(place)
        except AssertionError as error:
            return f"{part.__name__}: {error}"
    if reached.blog.done != PUBLISHED:
        return f"published {dict(reached.blog.done)}"
    return "; ".join([*differences(wanted, place.tree()), *hub.problems, *place.actions.problems])


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    told = [int(each) for each in sys.argv[1:]]
    sys.exit(main(*(told + [5, 1][len(told) :])))
