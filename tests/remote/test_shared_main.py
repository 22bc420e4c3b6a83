"""Main on several machines: a commit counts when the shared copy has it, and a race costs nobody anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aios.domain.event import EventNote
from aios.domain.tree import Changeset
from aios.errors import CredentialsError, RefusedError
from aios.runs.context import Context
from aios.runs.main_branch import commit_to_main
from aios.runs.shared_main import catch_up, land, unpushed, unshown
from aios.store.commits import commit_object
from aios.store.git import Git
from aios.store.remote import Move, Remote
from tests.remote.hub import AFTER, BEFORE, DROP, TOKEN, git, hook
from tests.remote.machines import Machines, edit, shared


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    with shared(tmp_path) as made:
        yield made


def note(name: str) -> EventNote:
    return EventNote(type="tests.noted", title=name, key=f"sha256:{name}")


def write(name: str, path: str = "") -> Changeset:
    return {path or f"memory/notes/{name}.md": f"{name}\n".encode()}


def test_a_commit_on_main_is_at_the_server_when_it_is_here(machines: Machines) -> None:
    a, b = machines.at("a"), machines.at("b")
    commit = commit_to_main(a, note("one"), write("one"))
    assert machines.there() == a.git.rev("main") == commit
    second = commit_to_main(b, note("two"), write("two"))  # which has not heard of the first
    assert machines.there() == b.git.rev("main") == second
    assert machines.told()[:2] == ["tests.noted: two", "tests.noted: one"]
    assert (b.git.root / "memory/notes/one.md").read_text() == "one\n"
    assert (git(b.git.root, "status", "--porcelain"), unpushed(a), unpushed(b)) == ("", "", "")


def test_who_loses_the_race_makes_its_commit_anew_from_what_main_is_now(machines: Machines) -> None:
    a, b = machines.at("a"), machines.at("b")

    def counted(here: Context, number: int) -> None:
        def changes(tip: str) -> Changeset:
            before = here.git.read_blob(f"{tip}:count") or b"0"
            return {"count": str(int(before) + 1).encode()}

        commit_to_main(here, note(f"count {number}"), changes)

    for number, here in enumerate((a, b, a, b, b, a)):
        counted(here, number)
    assert git(machines.bare, "show", "main:count") == "6"


def test_a_fact_that_another_machine_noted_meanwhile_is_not_noted_twice(machines: Machines) -> None:
    a, b = machines.at("a"), machines.at("b")
    first = commit_to_main(a, note("same"), write("same"))
    assert commit_to_main(b, note("same"), write("same")) == first
    assert machines.told().count("tests.noted: same") == 1


def test_without_a_network_the_commit_waits_here_and_goes_with_the_next(machines: Machines) -> None:
    a, b = machines.at("a"), machines.at("b")
    dead = replace(a, remote=_at(a, "http://127.0.0.1:9/company.git"))
    before = machines.there()
    waiting = commit_to_main(dead, note("offline"), write("offline"))
    assert (a.git.rev("main"), machines.there()) == (waiting, before)
    assert unpushed(a) == "not pushed yet: 1 commit of `main`; `aios sync` does it"
    commit_to_main(b, note("meanwhile"), write("meanwhile"))
    commit_to_main(replace(a, remote=_at(a, machines.hub.url("company"))), note("later"), write("later"))
    assert machines.told()[:3] == ["tests.noted: later", "tests.noted: offline", "tests.noted: meanwhile"]


def test_proposals_that_are_here_alone_are_told_until_they_are_shared(machines: Machines) -> None:
    a = machines.at("a")
    tip, branch = a.git.commit("main"), "aios/publish/a-topic"
    for name in (branch, "aios/traces"):
        a.git.update_ref(name, tip, None, reason="test")
    assert unshown(a) == f"not shared as it is here: `{branch}`; `aios propose` pushes it and shows what waits"
    assert a.remote is not None
    a.remote.push([Move(branch, tip, None)])
    assert unshown(a) == ""


@pytest.mark.parametrize("fails", [BEFORE, AFTER, DROP])
def test_a_server_that_breaks_off_in_a_push_leaves_one_commit(machines: Machines, fails: str) -> None:
    a, b = machines.at("a"), machines.at("b")
    machines.hub.fails.append(fails)
    commit = commit_to_main(a, note("one"), write("one"))
    assert a.git.rev("main") == commit
    commit_to_main(b, note("two"), write("two"))
    commit_to_main(a, note("three"), write("three"))
    told = machines.told()
    assert sorted(line for line in told if "noted" in line) == [f"tests.noted: {n}" for n in ("one", "three", "two")]


def test_a_protected_branch_is_named_and_nothing_changes(machines: Machines) -> None:
    a = machines.at("a")
    hook(machines.bare, "update", 'echo "GH006: Protected branch update failed for $1." >&2; exit 1')
    before = a.git.rev("main")
    with pytest.raises(RefusedError, match=r"origin refuses `main`: hook declined .*GH006: Protected branch") as caught:
        commit_to_main(a, note("one"), write("one"))
    assert "protection" in caught.value.hint
    assert (a.git.rev("main"), unpushed(a)) == (before, "")
    machines.hub.tokens.clear()
    with pytest.raises(CredentialsError):
        commit_to_main(a, note("one"), write("one"))
    assert a.git.rev("main") == before


def test_uncommitted_edits_in_the_way_are_told_before_anything_is_pushed(machines: Machines) -> None:
    a = machines.at("a")
    commit_to_main(a, note("one"), write("one", "x.md"))
    (a.git.root / "x.md").write_text("the operator's\n")
    before = machines.there()
    with pytest.raises(RefusedError, match=r"Uncommitted edits would be lost: x\.md"):
        commit_to_main(a, note("two"), write("two", "x.md"))
    assert (machines.there(), (a.git.root / "x.md").read_text()) == (before, "the operator's\n")
    (a.git.root / "other.md").write_text("an edit elsewhere\n")
    commit_to_main(a, note("three"), write("three"))
    assert (a.git.root / "other.md").read_text() == "an edit elsewhere\n"


def test_what_both_changed_in_a_record_meets_field_by_field_and_a_clash_is_told(machines: Machines) -> None:
    record = "schema: product.v1\nname: Pro  # ours\nsummary: old\nstatus: active\n"
    a = machines.at("a")
    commit_to_main(a, note("start"), {"state/products/pro.yaml": record.encode()})
    b = machines.at("b")
    there = edit(b.git.root, "state/products/pro.yaml", record.replace("old", "new"), "there")
    assert b.remote is not None
    b.remote.push([Move("main", there, b.remote.tip("main"))])
    edit(a.git.root, "state/products/pro.yaml", record.replace("active", "retired"), "here")
    (a.git.root / "draft.md").write_text("not committed\n")
    commit_to_main(a, note("after"), {})
    assert machines.told()[:3] == ["tests.noted: after", "here", "there"]
    merged = record.replace("old", "new").replace("active", "retired")
    assert (a.git.root / "state/products/pro.yaml").read_text() == merged
    assert git(a.git.root, "status", "--porcelain") == "?? draft.md"
    assert git(machines.bare, "log", "-1", "--skip=1", "--format=%an %ae") == "Me me@test.example"

    b.remote.fetch()
    catch_up(b)
    tip = edit(b.git.root, "state/products/pro.yaml", merged.replace("new", "theirs"), "there too")
    b.remote.push([Move("main", tip, b.remote.tip("main"))])
    mine = edit(a.git.root, "state/products/pro.yaml", merged.replace("new", "ours"), "here too")
    with pytest.raises(RefusedError, match=r"pro\.yaml, summary: here 'ours', there 'theirs'") as caught:
        commit_to_main(a, note("never"), {})
    assert "git rebase origin/main" in caught.value.hint
    assert (a.git.rev("main"), machines.there()) == (mine, tip)


def test_a_main_that_was_set_back_is_not_followed(machines: Machines) -> None:
    a = machines.at("a")
    start = machines.there()
    commit_to_main(a, note("one"), write("one"))
    git(machines.bare, "update-ref", "refs/heads/main", start)
    before = a.git.rev("main")
    with pytest.raises(RefusedError, match="`main` was set back at origin"):
        commit_to_main(a, note("two"), write("two"))
    assert (a.git.rev("main"), machines.there()) == (before, start)


def test_what_moves_with_main_moves_with_it_or_stops_it(machines: Machines) -> None:
    a, b = machines.at("a"), machines.at("b")
    assert a.remote is not None
    assert b.remote is not None
    head = _commit(a, a.git.commit("main"), "piece")
    a.remote.push([Move("aios/piece/x", head, None)])
    seen: list[str] = []

    def make(tip: str) -> str:
        seen.append(tip)
        if machines.there("aios/piece/x") != head:
            raise RefusedError("it was edited since")
        return _commit(a, tip, "merged")

    b.remote.fetch()
    b.remote.push([Move("aios/piece/x", _commit(b, head, "edit"), head)])
    with pytest.raises(RefusedError, match="edited since"):
        a.remote.tip("main") and land(a, make, also=lambda _: [Move("aios/piece/x", None, head)])
    git(machines.bare, "update-ref", "refs/heads/aios/piece/x", head)
    land(a, make, also=lambda _: [Move("aios/piece/x", None, head)])
    assert (machines.there("aios/piece/x"), machines.there()) == ("", a.git.rev("main"))


def _commit(here: Context, parent: str, name: str) -> str:
    return commit_object(
        here.git, parent=parent, changes=write(name), message=name, at=here.now(), author="Me", email="me@test.example"
    )


def _at(here: Context, url: str) -> Remote:
    """The same machine, with its remote elsewhere."""
    git(here.git.root, "remote", "set-url", "origin", url)
    return Remote(Git(here.git.root), token=lambda: TOKEN)
