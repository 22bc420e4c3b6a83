"""The operator's decisions come back as lessons, in the next proposal that is theirs to decide."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.feedback import pending_lessons
from aios.runs.gate import approve, reject, revise, show_as_it_is
from aios.runs.replay import Verdict, replay
from aios.runs.restoring import restore
from aios.runs.start import start_run
from aios.store.documents import parse
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


def learned_on(here: Context, ref: str) -> dict[str, dict[str, Any]]:
    """The fields of the lessons at a ref, by title."""
    found = [parse(path, here.git.read_blob(f"{ref}:{path}") or b"")[0] for path in lessons_on(here, ref)]
    return {str(note.data["title"]): {**note.data, "path": note.path, "body": note.body} for note in found if note}


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


def test_words_that_sent_a_proposal_back_teach_what_holds_beyond_it_once_the_run_is_decided(here: Context) -> None:
    with here.git:
        run = proposed(here, "First topic")
        revise(here, run, note="shorter; drop section Two; always name the currency. This heading is dull")
        carry_on(here, run)
        assert pending_lessons(here) == []
        revise(here, run, note="No exclamation marks", step="write")
        carry_on(here, run)
        approve(here, run)
        second = proposed(here, "Second topic")
        told = learned_on(here, branch(second))
        assert set(told) == {"Always name the currency", "No exclamation marks"}
        currency, marks = told["Always name the currency"], told["No exclamation marks"]
        assert currency["applies"] == {"workflow": "write-piece"}
        assert marks["applies"] == {"workflow": "write-piece", "agent": "scribe"}
        assert currency["about"] == ["content/a-fine-topic"]
        assert currency["trust"] == "operator"
        assert "You sent content/a-fine-topic back with these words: “always name the currency.”" in currency["body"]
        assert "It holds for runs of write-piece and the agent scribe." in marks["body"]
        approve(here, second)
        assert pending_lessons(here) == []


def test_a_note_on_a_proposal_that_was_rejected_after_all_teaches_too(here: Context) -> None:
    with here.git:
        run = proposed(here, "First topic")
        revise(here, run, note="No exclamation marks; shorter")
        carry_on(here, run)
        reject(here, run, reason="Not for our readers")
        assert [lesson.rule for lesson in pending_lessons(here)] == ["No exclamation marks", "Not for our readers"]


def test_an_opposite_rule_retires_the_older_in_the_same_proposal_and_it_can_be_brought_back(here: Context) -> None:
    with here.git:
        reject(here, proposed(here, "First topic"), reason="Always mention prices")
        approve(here, proposed(here, "Second topic"))
        reject(here, proposed(here, "Third topic"), reason="Never mention the prices!")
        fourth = proposed(here, "Fourth topic")
        told = learned_on(here, branch(fourth))
        old, new = told["Always mention prices"], told["Never mention the prices"]
        assert old["replaced_by"] == new["path"]
        assert old["expires"] <= here.now()
        assert "replaced_by" not in learned_on(here, "main")["Always mention prices"]
        said = here.git.text("log", "-1", "--grep=Aios-Event: lesson.proposed", "--format=%b", branch(fourth))
        assert f"- takes back {old['path']}" in said
        approve(here, fourth)
        assert learned_on(here, "main")["Always mention prices"]["replaced_by"] == new["path"]
        restore(here, old["path"])
        back = learned_on(here, "main")["Always mention prices"]
        assert "replaced_by" not in back
        assert "expires" not in back


def test_a_rule_for_another_workflow_contradicts_nothing(here: Context) -> None:
    elsewhere = here.git.root / "memory/lessons/elsewhere.md"
    elsewhere.parent.mkdir(parents=True, exist_ok=True)
    elsewhere.write_text(
        "---\nschema: note.v1\nkind: lesson\ntitle: Always mention prices\ncreated: 2026-01-01\n"
        "applies: {workflow: send-newsletter}\ntrust: operator\n---\n\nAlways mention prices.\n"
    )
    subprocess.run(["git", "add", "-A"], cwd=here.git.root, check=True)
    subprocess.run(["git", "commit", "-qm", "For letters"], cwd=here.git.root, check=True)
    with here.git:
        reject(here, proposed(here, "First topic"), reason="Never mention prices")
        second = proposed(here, "Second topic")
        told = learned_on(here, branch(second))
        assert "Never mention prices" in told
        assert "replaced_by" not in told["Always mention prices"]
