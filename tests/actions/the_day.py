"""What holds at the end of the day, whatever happened meanwhile."""

from __future__ import annotations

from tests.actions.company import NEXT, PUBLISH, REFRESH
from tests.actions.on_github import OnGitHub


def require_the_day(place: OnGitHub) -> None:
    """Each proposal once, none said twice; what was rejected is closed with its reason; every effect has a receipt."""
    hub = place.hub
    subjects = [pull.branch.rpartition("/")[2] for pull in hub.pulls.values()]
    assert sorted(subjects) == sorted([PUBLISH, REFRESH, NEXT])
    for pull in hub.pulls.values():
        ours = [each for each in pull.comments if each.author == hub.bot]
        assert len({each.body for each in ours}) == len(ours)
    rejected = next(pull for pull in hub.pulls.values() if pull.branch.endswith(REFRESH))
    assert (rejected.state, rejected.merged) == ("closed", None)
    receipts = hub.bare.git("log", "--format=%s", "refs/heads/aios/ledger").splitlines()
    assert len([each for each in receipts if each.startswith("receipt: done")]) == 2
    lessons = [text for path, text in place.tree().items() if path.startswith("memory/lessons/not-while-the")]
    assert len(lessons) == 1
    assert "refresh-content/free-trial-length" in lessons[0]
    hub.bare.git("fsck", "--strict", "--no-dangling")
    problems = [*hub.problems, *place.actions.problems]
    assert problems == [], "\n".join(problems)
