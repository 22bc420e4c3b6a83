"""The forge of one machine: what is its own beside the conformance suite."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios.domain.forge import State
from aios.errors import CorruptError, RefusedError
from aios.forge.landed import landed
from aios.forge.local import REF, Local
from aios.store.git import Git
from tests.forge.places import OLGA, Clock, OneMachine, draft, one_machine

BRANCH = "aios/publish/hello"
FILES = {"state/content/hello.md": "Hello.\n"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[OneMachine]:
    with one_machine(tmp_path) as here:
        yield here


def test_what_git_does_not_hold_lasts_for_another_process(place: OneMachine) -> None:
    place.push(BRANCH, FILES)
    opened = place.forge.open(draft(labels=("aios",)))
    place.forge.say(opened.number, "status", "It runs.")
    with Git(place.bare.path) as git:
        other = Local(git, ("aios", "aios@localhost"), Clock())
        assert other.get(opened.number) == place.forge.get(opened.number)
        assert other.comments(opened.number) == place.forge.comments(opened.number)


def test_reading_writes_nothing(place: OneMachine) -> None:
    place.push(BRANCH, FILES)
    number = place.forge.open(draft()).number
    before = place.git.refs("refs/")
    place.forge.get(number)
    place.forge.proposals(state=None)
    place.forge.find(BRANCH)
    place.forge.merged(number)
    place.forge.label(number, remove=("never there",))
    assert place.git.refs("refs/") == before


def test_two_who_write_at_once_lose_nothing(place: OneMachine) -> None:
    for number in range(6):
        place.push(f"aios/publish/{number}", {f"state/content/{number}.md": "x\n"})

    def write(number: int) -> None:
        with Git(place.bare.path) as git:
            mine = Local(git, ("aios", "aios@localhost"), Clock())
            opened = mine.open(draft(f"aios/publish/{number}"))
            mine.say(opened.number, "status", f"{number}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = place.forge.proposals()
    assert sorted(each.branch for each in found) == [f"aios/publish/{number}" for number in range(6)]
    assert sorted(each.number for each in found) == [1, 2, 3, 4, 5, 6]
    for each in found:
        assert [one.body[0] for one in place.forge.comments(each.number)] == [each.branch[-1]]


def test_what_was_pushed_to_main_as_it_is_came_in_by_a_push(place: OneMachine) -> None:
    head = place.push(BRANCH, FILES)
    number = place.forge.open(draft()).number
    place.bare.git("update-ref", "refs/heads/main", head)
    place.push("main", {"elsewhere.md": "Main moves on.\n"})
    told = place.forge.merged(number)
    assert told is not None
    assert (told.commit, told.method) == (head, "push")


def test_a_squash_is_known_again_though_others_changed_the_same_file_elsewhere(place: OneMachine) -> None:
    lines = "".join(f"{number}\n" for number in range(40))
    place.push("main", {"state/list.md": lines})
    place.push(BRANCH, {"state/list.md": lines.replace("39\n", "thirty-nine\n")})
    number = place.forge.open(draft()).number
    place.push("main", {"state/list.md": lines.replace("0\n1\n", "zero\n1\n", 1)})
    commit = place.merge(number, "squash")
    told = place.forge.merged(number)
    assert told is not None
    assert (told.commit, told.method) == (commit, "squash")


def test_another_change_of_the_same_files_is_no_merge(place: OneMachine) -> None:
    place.push(BRANCH, FILES)
    number = place.forge.open(draft()).number
    place.push("main", {"state/content/hello.md": "Something else.\n"})
    assert place.forge.merged(number) is None
    assert place.forge.get(number).state is State.OPEN


def test_a_part_of_a_proposal_on_main_is_no_merge(place: OneMachine) -> None:
    place.push(BRANCH, FILES)
    place.push(BRANCH, {"state/content/other.md": "Other.\n"})
    number = place.forge.open(draft()).number
    place.push("main", FILES)
    assert place.forge.merged(number) is None


def test_what_is_closed_stays_closed_though_the_branch_moves_on(place: OneMachine) -> None:
    place.push(BRANCH, FILES)
    number = place.forge.open(draft()).number
    head = place.forge.get(number).head
    place.forge.close(number, "no")
    place.push(BRANCH, {"state/content/hello.md": "Again.\n"})
    assert (place.forge.get(number).state, place.forge.get(number).head) == (State.CLOSED, head)


def test_nothing_landed_where_there_is_no_base(place: OneMachine) -> None:
    head = place.push(BRANCH, FILES)
    assert landed(place.git, head, "never-there") is None
    assert landed(place.git, "0" * 40, "main") is None


def test_a_file_that_is_no_json_is_named(place: OneMachine) -> None:
    place.push(BRANCH, FILES)
    place.forge.open(draft())
    place.bare.git("update-ref", REF, place.bare.write("broken", {"proposals/1.json": "{"}, "x", OLGA))
    with pytest.raises(CorruptError, match=r"proposals/1\.json on refs/aios/forge"):
        place.forge.proposals()


def test_what_lies_there_is_readable_by_anybody(place: OneMachine) -> None:
    place.push(BRANCH, FILES)
    place.forge.open(draft(title="Grüße"))
    content = place.git.read_blob(f"{REF}:proposals/1.json") or b""
    assert json.loads(content)["title"] == "Grüße"
    assert "Grüße".encode() in content


def test_a_workflow_is_started_by_hand_here(place: OneMachine) -> None:
    with pytest.raises(RefusedError, match="aios apply"):
        place.forge.dispatch("aios-apply.yml", {})
