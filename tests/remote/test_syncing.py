"""`aios sync` on several machines: nothing is lost, nothing is pushed over, and all may be done again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from aios.domain.effect import Claim
from aios.domain.forge import Forge
from aios.domain.names import AGREED, CLOSED, branch_of
from aios.effects.ledger import Ledger
from aios.errors import RefusedError
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.gate import approve, cancel, reject
from aios.runs.gates import open_gate
from aios.runs.session import read_state
from aios.runs.syncing import adopt, sync
from aios.runs.traces import commit_kept, keep_manifest
from aios.store.git import Git
from aios.store.journal import Journal
from aios.store.remote import Move, Remote
from aios.store.runlog import journal_path
from tests.remote.hub import TOKEN, git, hook
from tests.remote.machines import LEDGER, Machines, edit, plugged, shared, unplugged
from tests.runs.house import START, drive, found, start, tree_of

TRACES = "aios/traces"


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    with shared(tmp_path, http=False) as made:
        yield made


def told(context: Context, *, check: bool = False) -> list[str]:
    return [str(each) for each in sync(context, check=check).told]


def proposed(here: Context) -> tuple[str, str]:
    """A run that waits for approval, and its branch."""
    run = start(here)
    carry_on(here, run)
    return run, branch_of(run)


def same(machines: Machines, *contexts: Context, but: tuple[str, ...] = ()) -> None:
    """All have the branches that the server has, where it has them."""
    there = dict(
        line.split(" ")
        for line in git(machines.bare, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/").splitlines()
    )
    for each in contexts:
        here = {f"refs/heads/{name}": oid for name, oid in each.git.branches().items()}
        assert {name: oid for name, oid in here.items() if name not in but} == there
        assert git(each.git.root, "status", "--porcelain") == ""


def test_both_sides_went_on_in_other_files_and_ours_goes_on_top_of_theirs(machines: Machines) -> None:
    a = machines.at("a")
    run, branch = proposed(a)
    told(a)
    b = machines.at("b")
    told(b)
    git(b.git.root, "switch", "-q", branch)
    theirs = edit(b.git.root, "memory/notes/by-hand.md", "theirs\n", "theirs")
    git(b.git.root, "switch", "-q", "main")
    told(b)
    git(a.git.root, "switch", "-q", branch)
    edit(a.git.root, "memory/notes/mine.md", "mine\n", "mine")
    (a.git.root / "scratch").write_text("not committed\n")
    assert any("goes on from what origin has (1 commit of ours on top)" in line for line in told(a))
    assert git(machines.bare, "log", "-2", "--format=%s", branch).split() == ["mine", "theirs"]
    assert (a.git.rev(branch), git(a.git.root, "status", "--porcelain")) == (machines.there(branch), "?? scratch")
    assert a.git.is_ancestor(theirs, branch)
    assert open_gate(read_state(a.git, run, main="main")) == "approve"


def test_both_changed_the_same_file_of_a_proposal_and_nothing_is_pushed_over(machines: Machines) -> None:
    a = machines.at("a")
    _, branch = proposed(a)
    told(a)
    b = machines.at("b")
    told(b)
    for here, text in ((b, "theirs\n"), (a, "ours\n")):
        git(here.git.root, "switch", "-q", branch)
        edit(here.git.root, "memory/notes/x.md", text, text.strip())
        git(here.git.root, "switch", "-q", "main")
    told(b)
    before = (a.git.rev(branch), machines.there(branch))
    done = sync(a)
    assert [each.branch for each in done.stuck] == [branch]
    assert "in the same files: memory/notes/x.md" in done.stuck[0].what
    assert f"git branch -f {branch}" in done.stuck[0].detail
    assert (a.git.rev(branch), machines.there(branch)) == before
    git(a.git.root, "branch", "-f", branch, machines.there(branch))  # as the hint says
    assert told(replace(a, git=Git(a.git.root))) == []


def test_a_proposal_that_was_rewritten_there_is_told_and_left_alone(machines: Machines) -> None:
    a = machines.at("a")
    _, branch = proposed(a)
    told(a)
    git(machines.bare, "update-ref", f"refs/heads/{branch}", f"{machines.there(branch)}~1")
    told(a)  # it only looks behind: what is here goes there again
    tree, parent = (git(machines.bare, "rev-parse", f"{branch}{what}") for what in ("^{tree}", "~1"))
    who = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    other = git(machines.bare, "commit-tree", tree, "-p", parent, "-m", "amended", env=who)
    git(machines.bare, "update-ref", f"refs/heads/{branch}", other)
    before = a.git.rev(branch)
    assert [each.what for each in sync(a).stuck] == ["was rewritten at origin"]
    assert (a.git.rev(branch), machines.there(branch)) == (before, other)


def test_what_was_closed_there_is_kept_and_put_away_here(machines: Machines) -> None:
    a = machines.at("a")
    run, branch = proposed(a)
    told(a)
    head = a.git.rev(branch)
    git(machines.bare, "update-ref", "-d", f"refs/heads/{branch}")  # a pull request closed, its branch deleted
    with_forge = replace(a, forge=cast(Forge, object()))  # which is asked who closed it, and why, before that is noted
    assert "its run is not decided" in told(with_forge)[0]
    assert (a.git.rev(branch), machines.there(branch)) == (head, "")
    assert told(a, check=True) == told(a) == [f"`{branch}` is gone at origin: kept under refs/aios/closed/"]
    ulid = run.rpartition("/")[2]
    assert (a.git.rev(branch), a.git.rev(f"{CLOSED}{ulid}")) == (None, head)
    assert told(a) == []
    git(a.git.root, "switch", "-q", "-c", branch)
    edit(a.git.root, "memory/notes/anew.md", "anew\n")
    assert told(a) == [f"`{branch}` pushed (1 commit)"]  # another life of that name


def test_what_was_rejected_here_goes_there_too_and_does_not_come_back(machines: Machines) -> None:
    a, b = machines.at("a"), machines.at("b")
    run, branch = proposed(a)
    told(a)
    told(b)
    reject(a, run, reason="not now")
    assert any(f"`{branch}` is over: deleted at origin" in line for line in told(a))
    told(b)
    same(machines, a, b)
    assert (b.git.rev(branch), machines.there(branch)) == (None, "")


def test_what_was_cancelled_elsewhere_is_not_pushed_again_from_here(machines: Machines) -> None:
    a, b = machines.at("a"), machines.at("b")
    run, branch = proposed(a)
    told(a)
    told(b)
    cancel(b, run, reason="not now")
    told(b)
    for ref, oid in a.git.refs(f"{AGREED}").items():  # as in a copy that never compared the two
        if ref.endswith(branch):
            a.git.delete_ref(ref, oid)
    assert any("its run is over" in line for line in told(a))
    same(machines, a, b)
    assert (a.git.rev(branch), machines.there(branch)) == (None, "")


def test_a_merged_branch_that_nobody_deleted_is_deleted(machines: Machines) -> None:
    a, b = machines.at("a"), machines.at("b")
    run, branch = proposed(a)
    told(a)
    head = machines.there(branch)
    approve(a, run)
    told(a)
    git(machines.bare, "update-ref", f"refs/heads/{branch}", head)  # as after a merge at the forge
    told(b)
    assert (machines.there(branch), b.git.rev(branch)) == ("", None)


def test_a_branch_that_is_worked_on_is_left_alone(machines: Machines) -> None:
    a = machines.at("a")
    run, branch = proposed(a)
    told(a)
    head = machines.there(branch)
    git(machines.bare, "update-ref", "-d", f"refs/heads/{branch}")
    with Journal(journal_path(a.git, run.rpartition("/")[2])):
        assert [each.branch for each in sync(a).stuck] == [branch]
        assert a.git.rev(branch) == head


def test_commits_by_hand_on_both_mains_are_laid_one_on_the_other(machines: Machines) -> None:
    a, b = machines.at("a"), machines.at("b")
    edit(a.git.root, "state/products/a.yaml", "schema: product.v1\nname: A\n", "a")
    edit(b.git.root, "state/products/b.yaml", "schema: product.v1\nname: B\n", "b")
    told(a)
    assert any("would be joined (1 commit of this copy on top)" in line for line in told(b, check=True))
    told(b)
    told(a)
    same(machines, a, b)
    assert machines.told()[:2] == ["b", "a"]


def test_what_was_approved_without_a_network_is_an_approval_still_when_main_went_on_meanwhile(
    machines: Machines,
) -> None:
    a, b = machines.at("a"), machines.at("b")
    run, branch = proposed(a)
    told(a)
    dead = unplugged(a)
    approve(dead, run)
    assert machines.there(branch)
    edit(b.git.root, "state/products/b.yaml", "schema: product.v1\nname: B\n", "b")
    told(b)
    a = plugged(dead)
    assert any("of this copy on top" in line for line in told(a))
    assert machines.there(branch) == ""
    parents = git(machines.bare, "log", "-1", "--merges", "--format=%P", "main").split()
    assert parents[0] == b.git.rev("main")
    assert git(machines.bare, "log", "-1", "--merges", "--format=%ae", "main") == "me@test.example"
    carry_on(a, run, effects=True)
    told(a)
    told(b)
    same(machines, a, b)
    assert len(machines.service.done()) == 1


def test_what_cannot_be_laid_on_main_is_told_and_the_rest_goes_on(machines: Machines) -> None:
    a, b = machines.at("a"), machines.at("b")
    edit(b.git.root, "state/company.yaml", (b.git.root / "state/company.yaml").read_text().replace("Test Co", "B"), "b")
    told(b)
    mine = (a.git.root / "state/company.yaml").read_text().replace("Test Co", "A")
    tip = edit(a.git.root, "state/company.yaml", mine, "a")
    _, branch = proposed(a)
    done = sync(a)
    assert [each.branch for each in done.stuck] == ["main"]
    assert "here 'A', there 'B'" in done.stuck[0].what
    assert "git rebase origin/main" in done.stuck[0].detail
    assert machines.there(branch) == a.git.rev(branch) != ""
    assert a.git.rev("main") == tip


def test_a_protected_main_is_told_with_what_was_answered(machines: Machines) -> None:
    a = machines.at("a")
    hook(machines.bare, "update", '[ "$1" = refs/heads/main ] || exit 0; echo "GH006: Protected branch" >&2; exit 1')
    edit(a.git.root, "x.md", "x\n")
    _, branch = proposed(a)
    done = sync(a)
    assert "GH006: Protected branch" in done.stuck[0].what
    assert machines.there(branch)


def test_a_renamed_default_branch_is_followed(machines: Machines) -> None:
    a, b = machines.at("a"), machines.at("b")
    told(a)
    told(b)
    git(machines.bare, "branch", "-m", "main", "trunk")
    edit(b.git.root, "x.md", "x\n")
    assert told(a, check=True) == ["`main` is called `trunk` now (as there)"]
    for here in (a, b):
        done = sync(here)
        assert done.main == "trunk"
        assert Git(here.git.root).default_branch() == "trunk"
        assert here.git.head_branch() == "trunk"
    assert machines.there("trunk") == b.git.rev("trunk")
    assert b.git.rev("main") is None
    told(replace(a, main="trunk"))
    same(machines, replace(a, main="trunk"))


def test_traces_of_all_machines_meet_and_what_was_pruned_stays_pruned(machines: Machines) -> None:
    a, b = machines.at("a"), machines.at("b")

    def trace(here: Context, name: str) -> None:
        run = f"write-piece/x/{name}"
        keep_manifest(here.git, run, {"of": name})
        commit_kept(here.git, run, at=here.now())

    def kept(ref: str = TRACES) -> int:
        return len(git(machines.bare, "ls-tree", "-r", "--name-only", ref).splitlines())

    trace(a, "01A")
    trace(b, "01B")
    for here in (a, b, a):
        told(here)
    same(machines, a, b)
    assert kept() == 2
    tip = a.git.commit(TRACES)
    made = git(a.git.root, "commit-tree", git(a.git.root, "mktree", env={}) or tip, "-m", "traces: forgot")
    a.git.update_ref(TRACES, made, tip, reason="traces pruned")
    trace(b, "02B")
    told(a)
    assert kept() == 0
    told(b)
    told(a)
    same(machines, a, b)
    assert kept() == 1


def test_a_job_that_may_not_ask_adopts_what_was_fetched(machines: Machines) -> None:
    a = machines.at("a")
    run, branch = proposed(a)
    told(a)
    b = machines.at("b")  # as `actions/checkout` leaves it: all branches fetched, main checked out
    adopt(unplugged(b))
    b = plugged(b)
    assert b.git.rev(branch) == a.git.rev(branch)
    assert open_gate(read_state(b.git, run, main="main")) == "approve"
    assert adopt(b).told == ()
    assert adopt(replace(b, remote=None)).told == ()


def test_alone_there_is_nothing_to_sync_with(machines: Machines) -> None:
    with pytest.raises(RefusedError, match="shared with no other copy"):
        sync(replace(machines.at("a"), remote=None))


@pytest.mark.parametrize("address", ["file://{}", "{}"])
def test_a_remote_in_a_folder_needs_no_token(machines: Machines, address: str) -> None:
    a = machines.at("a")
    git(a.git.root, "remote", "set-url", "origin", address.format(machines.bare))
    opened = Git(a.git.root)

    def asked() -> str:
        raise AssertionError("nobody asked for a token")

    here = replace(a, git=opened, remote=Remote(opened, token=asked))
    edit(a.git.root, "x.md", "x\n")
    told(here)
    assert machines.there() == here.git.rev("main")
    assert here.remote is not None
    here.remote.push([Move("aios/x/y", here.git.commit("main"), None)])
    assert machines.there("aios/x/y") == here.git.rev("main")


def test_the_ledger_is_told_of(machines: Machines) -> None:
    a, b = machines.at("a"), machines.at("b")
    Ledger(a.git, a.remote).claim(Claim("sha256:ab", "r", "s", "post", "mail.send", "x", "h", "0", "a:1", a.now()))
    assert told(b) == [f"`{LEDGER}` brought here (1 entry)"]
    git(machines.bare, "update-ref", "-d", f"refs/heads/{LEDGER}")
    done = sync(b)
    assert [(each.branch, each.stuck) for each in done.told] == [(LEDGER, True)]
    assert f"git push origin {LEDGER}" in done.told[0].detail


def test_proposed_on_one_machine_approved_on_another_done_on_a_third_and_all_is_as_on_one_alone(
    machines: Machines, tmp_path: Path
) -> None:
    (tmp_path / "alone").mkdir()
    drive(found(tmp_path / "alone"))
    a, b, c = (machines.at(name) for name in "abc")
    run, branch = proposed(a)
    assert any("would be pushed" in line for line in told(a, check=True)) is (machines.there(branch) == "") is True
    assert any(line.startswith(f"`{branch}` pushed") for line in told(a))
    assert told(a) == told(a, check=True) == []
    told(b)
    same(machines, a, b)
    approve(b, run)
    told(b)
    assert machines.there(branch) == ""
    told(c)
    carry_on(c, run, effects=True)
    told(c)
    told(a)
    carry_on(a, run, effects=True)
    assert [act["capability"] for act in machines.service.done()] == ["cms.publish"]
    carry_on(replace(a, clock=lambda: START.replace(hour=START.hour + 2)), run)
    for here in (a, b, c):
        told(here)
    same(machines, a, b, c)
    assert tree_of(a.git.root) == tree_of(tmp_path / "alone")
    assert TOKEN not in git(a.git.root, "config", "--list")
