"""What honest jobs hand over passes, and gives the same bytes each time."""

from __future__ import annotations

from pathlib import Path

from tests.verifying.handing import Handed, judged


def test_an_honest_handoff_passes_and_nothing_of_it_is_in_the_repository(root: Path, handed: Handed) -> None:
    first, second = (judged(root, handed, handed.material()) for _ in range(2))
    assert first.findings == ()
    assert first.digest == second.digest
    assert first.commits == len(handed.events) > 6
