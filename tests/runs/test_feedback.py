"""The operator's decisions come back as lessons, in the next proposal that is theirs to decide."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.feedback import pending_lessons
from aios.runs.gate import approve, reject, show_as_it_is
from aios.runs.replay import Verdict, replay
from aios.runs.start import start_run
from tests.runs import house
from tests.runs.test_replay import edit_on_branch


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.found(tmp_path_factory.mktemp("template") / "company")


@pytest.fixture
def here(template: Path, tmp_path: Path) -> Context:
    return house.context(shutil.copytree(template, tmp_path / "company"))


def proposed(here: Context, topic: str) -> str:
    run = start_run(here, "write-piece", {"topic": topic}, trigger={**house.TRIGGER, "key": topic})
    carry_on(here, run)
    return run


def lessons_on(here: Context, ref: str) -> list[str]:
    return here.git.text("ls-tree", "-r", "--name-only", ref, "memory/lessons/").splitlines()


def branch(run: str) -> str:
    return f"aios/{run.rpartition('/')[0]}"


def test_a_reason_to_reject_comes_back_with_the_next_proposal_and_only_once(here: Context) -> None:
    with here.git:
        run = proposed(here, "First topic")
        assert pending_lessons(here) == []
        reject(here, run, reason="Far too long for our readers. Cut it.")
        (lesson,) = pending_lessons(here)
        assert lesson.rule == "Far too long for our readers"
        second = proposed(here, "Second topic")
        assert lessons_on(here, branch(second)) == [lesson.path]
        assert lessons_on(here, "main") == []
        found = list(replay(here, second))
        assert Verdict.DIFFERS not in {each.verdict for each in found}
        approve(here, second)
        assert lessons_on(here, "main") == [lesson.path]
        assert pending_lessons(here) == []
        third = proposed(here, "Third topic")
        assert lessons_on(here, branch(third)) == [lesson.path]  # main's own


def test_a_lesson_in_a_proposal_that_was_rejected_waits_for_the_next(here: Context) -> None:
    with here.git:
        reject(here, proposed(here, "First topic"), reason="Far too long")
        reject(here, proposed(here, "Second topic"), reason="no")
        assert [lesson.rule for lesson in pending_lessons(here)] == ["Far too long"]


def test_a_lesson_that_was_taken_out_of_a_merged_proposal_stays_away(here: Context, tmp_path: Path) -> None:
    with here.git:
        reject(here, proposed(here, "First topic"), reason="Far too long")
        second = proposed(here, "Second topic")
        (path,) = lessons_on(here, branch(second))
        place = tmp_path / "elsewhere"
        for command in (
            ["worktree", "add", "-q", str(place), branch(second)],
            ["-C", str(place), "rm", "-q", path],
            ["-C", str(place), "commit", "-qm", "not a rule"],
            ["worktree", "remove", "--force", str(place)],
        ):
            subprocess.run(["git", *command], cwd=here.git.root, check=True)
        approve(here, second)
        assert lessons_on(here, "main") == []
        assert pending_lessons(here) == []


def test_an_edited_proposal_teaches_its_words_and_the_reverse_takes_them_back(here: Context) -> None:
    root = here.git.root
    with here.git:
        first = proposed(here, "First topic")
        edit_on_branch(root, first, "state/content/a-fine-topic.md", "were there before", "stood there before")
        show_as_it_is(here, first)
        approve(here, first)
        (lesson,) = pending_lessons(here)
        assert lesson.wording == ("were", "stood")
        assert lesson.about == ("content/a-fine-topic",)
        second = proposed(here, "Second topic")
        text = here.git.text("show", f"{branch(second)}:{lesson.path}")
        assert "Write “stood” instead of “were”" in text
        edit_on_branch(root, second, "state/content/a-fine-topic.md", "of Second topic", "of second matter")
        show_as_it_is(here, second)
        approve(here, second)
        third = proposed(here, "Third topic")
        assert len(lessons_on(here, branch(third))) == 2


def test_what_a_policy_merges_by_itself_carries_no_lesson(here: Context) -> None:
    rules = here.git.root / "state/policies/rules.yaml"
    rules.write_text(rules.read_text().replace("then: ask", "then: auto"))
    subprocess.run(["git", "commit", "-qam", "all by itself"], cwd=here.git.root, check=True)
    with here.git:
        (here.git.root / "unrelated").touch()
        run = proposed(here, "First topic")
        assert lessons_on(here, "main") == []
        assert run
