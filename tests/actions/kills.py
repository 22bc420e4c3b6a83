"""Machines that are gone in the midst of a job: which, and when."""

from __future__ import annotations

import random
from collections import defaultdict

from tests.actions.engine import Run

Place = tuple[str, str]  # workflow file, job
LIKELY = 1.5  # seconds: how long a job's command takes that was never seen to end


class Kills:
    """Kills each job's command at a random moment of the time that it was seen to take: the first `times` of each, or
    each with a `chance`. A killed job is run again; every second attempt is left in peace, so that days end."""

    def __init__(self, seed: int, *, times: int = 0, chance: float = 0.0) -> None:
        self.seed = seed
        self.done: list[str] = []
        self.took: dict[Place, float] = {}
        self._random = random.Random(seed)
        self._times = times
        self._chance = chance
        self._count: defaultdict[Place, int] = defaultdict(int)

    def saw(self, run: Run) -> None:
        """How long commands took that were left in peace."""
        for job, done in run.jobs.items():
            for each in done:
                if each.took:
                    self.took[(run.workflow.file, job)] = each.took

    def __call__(self, file: str, job: str, attempt: int) -> float | None:
        place = (file, job)
        wanted = self._count[place] < self._times or self._random.random() < self._chance
        if attempt % 2 == 0 or not wanted:
            return None
        self._count[place] += 1
        seconds = self._random.uniform(0.02, self.took.get(place, LIKELY))
        self.done.append(f"{file}/{job} after {seconds:.2f} s")
        return seconds
