"""Notes in doubt become questions: few at a time, the most used first, once each; the answer is one commit."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from aios.domain.front_matter import render_markdown
from aios.errors import RefusedError, UsageError
from aios.memory.pairs import pairs
from aios.runs.context import Context
from aios.runs.doubts import MOST_OPEN, Asked, ask
from aios.runs.inbox import items
from aios.runs.questions import Question, answer, matching, open_questions
from aios.runs.restoring import restore, summary_of
from aios.store.catalog import Catalog
from aios.store.documents import dump
from aios.store.trees import CommitTree
from tests.runs import house

OLD, NEW, TWIN = (f"memory/research/{name}.md" for name in ("old", "new", "twin"))
HOURS = "A pricing review takes us {} hours on average, the call included.\n\n{}\n"
READING = "Half of that time is reading what the company has said about its prices so far."


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = house.found(tmp_path_factory.mktemp("template") / "company")
    commit(
        root, {OLD: note(HOURS.format(14, READING), "2025-03-01"), NEW: note(HOURS.format(9, "Less."), "2026-03-01")}
    )
    return root


@pytest.fixture
def here(template: Path, tmp_path: Path) -> Context:
    return house.context(shutil.copytree(template, tmp_path / "company"))


def note(body: str, created: str, **more: object) -> str:
    data = {"schema": "note.v1", "kind": "research", "title": "Reviews", "created": created, "trust": "derived"} | more
    return render_markdown(data, body)


def commit(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    subprocess.run(["git", "commit", "-qm", "Notes"], cwd=root, check=True)


def asked(here: Context, **used: int) -> Asked:
    tree = CommitTree(here.git, here.git.rev("main") or "")
    found = pairs(Catalog(tree).records("note"), now=here.now())
    return ask(here, found, used={f"memory/research/{name}.md": count for name, count in used.items()})


def only(here: Context) -> Question:
    (question,) = open_questions(here)
    return question


def text(here: Context, path: str) -> str:
    return (here.git.read_blob(f"main:{path}") or b"").decode()


def test_a_question_shows_both_notes_with_place_date_trust_and_origin_in_the_one_inbox(here: Context) -> None:
    with here.git:
        assert len(asked(here).new) == 1
        (item,) = items(here, ())
        assert item.kind == "question"
        assert item.needs_you
        assert item.title == f"{OLD} and {NEW} give other figures: which holds?"
        assert item.options == ("the first holds", "the second holds", "both hold", "not now")
        assert item.evidence == (
            f"first: {OLD}:9, 2025-03-01, trust derived, written by hand",
            "  “A pricing review takes us 14 hours on average, the call included.”",
            f"second: {NEW}:9, 2026-03-01, trust derived, written by hand",
            "  “A pricing review takes us 9 hours on average, the call included.”",
        )
        assert item.command == f'aios answer {item.id} "…"'


def test_asking_again_asks_nothing_new(here: Context) -> None:
    with here.git:
        first = asked(here)
        tip = here.git.rev("main")
        assert asked(here) == Asked((), len(first.new), 0)
        assert here.git.rev("main") == tip


def test_the_note_that_does_not_hold_points_to_the_other_and_can_be_brought_back(here: Context) -> None:
    with here.git:
        asked(here)
        question = only(here)
        done = answer(here, question.id, text="2")
        assert done.answer == "the second holds"
        assert f"replaced_by: {NEW}" in text(here, OLD)
        assert open_questions(here) == []
        record = text(here, f"state/questions/{question.id}.yaml")
        assert "answer: the second holds" in record
        assert "answered_by: me@test.example" in record
        changed = here.git.text("show", "--name-only", "--format=%ae", done.commit).split()
        assert changed == ["me@test.example", OLD, f"state/questions/{question.id}.yaml"]
        assert asked(here) == Asked((), 0, 0)
        with pytest.raises(RefusedError, match="was answered on 2026-11-02: the second holds"):
            answer(here, question.id, text="1")
        restore(here, OLD)
        assert "replaced_by" not in text(here, OLD)
        with pytest.raises(RefusedError, match="is there"):
            restore(here, OLD)


def test_where_both_hold_they_are_never_asked_about_again(here: Context) -> None:
    with here.git:
        before = text(here, OLD), text(here, NEW)
        asked(here)
        answer(here, only(here).id, text="both")
        assert (text(here, OLD), text(here, NEW)) == before
    later = house.context(here.git.root, later=timedelta(days=400))
    with later.git:
        assert asked(later) == Asked((), 0, 0)
        assert open_questions(later) == []


def test_not_now_asks_again_later_and_takes_no_room_meanwhile(here: Context) -> None:
    with here.git:
        asked(here)
        done = answer(here, only(here).id, text="not now")
        assert done.done == "it is asked again from 2026-12-02"
        assert open_questions(here) == []
        assert asked(here) == Asked((), 0, 0)
    later = house.context(here.git.root, later=timedelta(days=31))
    with later.git:
        assert asked(later) == Asked((), 1, 0)
        assert only(later).options[3] == "not now"


def test_a_twin_is_taken_in_with_its_name_and_what_it_came_from_and_comes_back(here: Context) -> None:
    root = here.git.root
    (root / NEW).unlink()
    twin = note(HOURS.format(14, READING), "2025-04-01", source=["sources/b"])
    commit(root, {TWIN: twin, OLD: note(HOURS.format(14, READING), "2025-03-01", source=["sources/a"])})
    with here.git:
        asked(here)
        question = only(here)
        assert question.asks == f"{OLD} and {TWIN} say nearly the same: which stays, and takes the other in?"
        assert question.evidence[-1] == "they are the same word for word"
        answer(here, question.id, text="1")
        assert here.git.read_blob(f"main:{TWIN}") is None
        assert summary_of(here, TWIN) == OLD
        assert "source:\n- sources/a\n- sources/b\n" in text(here, OLD)
        restore(here, TWIN)
        assert "folds" not in text(here, OLD)
        assert READING in text(here, TWIN)
        assert summary_of(here, TWIN) == ""


def test_a_twin_that_a_published_sentence_rests_on_keeps_its_file(here: Context) -> None:
    (here.git.root / NEW).unlink()
    evidence = f"schema: evidence.v1\nsentences:\n- text: x\n  source: {TWIN}\n"
    commit(here.git.root, {TWIN: note(HOURS.format(14, READING), "2025-04-01"), "state/evidence/a.yaml": evidence})
    with here.git:
        asked(here)
        answer(here, only(here).id, text="the first stays")
        assert f"replaced_by: {OLD}" in text(here, TWIN)


def test_only_a_few_are_open_at_once_and_the_most_used_notes_come_first(here: Context) -> None:
    def said(number: int, hours: int) -> str:
        name = "abcdefgh"[number]
        return note(f"Work on {name}{name} and {name}on {name}ish takes {hours} hours, all told.\n", "2026-01-01")

    files = {f"memory/research/{name}{n}.md": said(n, hours) for n in range(8) for name, hours in (("x", 1), ("y", 2))}
    commit(here.git.root, files)
    with here.git:
        first = asked(here, y5=9, x3=4, y1=2)
        assert [each.partition("-")[0] for each in first.new] == ["x5", "x3", "x1"]
        assert first.more == 6
        answer(here, first.new[0], text="both hold")
        second = asked(here, y7=1)
        assert [each.partition("-")[0] for each in second.new] == ["x7"]
        assert second.waiting == MOST_OPEN - 1


def test_a_question_whose_note_is_gone_is_no_longer_asked_and_closed(here: Context) -> None:
    with here.git:
        asked(here)
        question = only(here)
        (here.git.root / OLD).unlink()
        commit(here.git.root, {})
        assert open_questions(here) == []
        with pytest.raises(RefusedError, match="no longer stands"):
            answer(here, question.id, text="1")
        asked(here)
        assert "answer: no longer in doubt" in text(here, f"state/questions/{question.id}.yaml")


def test_a_question_of_the_operators_own_is_in_the_inbox_too_and_keeps_its_answer(here: Context) -> None:
    ours = (
        'schema: question.v1\nasks: In crowns?\noptions: ["no", "no, but shown"]\nstatus: "open"\nasked: 2026-07-13\n'
    )
    free = "schema: question.v1\nasks: Which colour?\nstatus: open\n"
    commit(here.git.root, {"state/questions/in-crowns.yaml": ours, "state/questions/in-colour.yaml": free})
    with here.git:
        assert [item.record for item in items(here, ())] == ["questions/in-colour", "questions/in-crowns"]
        assert matching(here, "in-c") == ["in-colour", "in-crowns"]
        assert matching(here, "in-cr") == ["in-crowns"]
        with pytest.raises(UsageError, match="`yes` is none of the options"):
            answer(here, "in-crowns", text="yes")
        with pytest.raises(UsageError, match="empty"):
            answer(here, "in-colour", text=" ")
        assert answer(here, "in-crowns", text="no").answer == "no"
        assert answer(here, "in-colour", text="Green").answer == "Green"
        assert 'answer: "no"' in text(here, "state/questions/in-crowns.yaml").replace("'", '"')
        assert items(here, ()) == []


@pytest.mark.parametrize("about", [[NEW, "state/company.yaml"], ["state/company.yaml", NEW]])
@pytest.mark.parametrize("option", ["1", "2"])
def test_no_answer_touches_what_is_no_note_whoever_wrote_the_question(
    here: Context, about: list[str], option: str
) -> None:
    forged = {"schema": "question.v1", "asks": "Tea?", "options": ["yes", "no"], "about": about}
    commit(here.git.root, {"state/questions/tea.yaml": dump(forged | {"rule": "note-twice", "status": "open"})})
    before = dict(here.git.tree("main"))
    with here.git:
        answer(here, "tea", text=option)
        after = dict(here.git.tree("main"))
    assert {path for path in before | after if before.get(path) != after.get(path)} == {"state/questions/tea.yaml"}
