"""A run's log: durable at once, commits in batches, recovered after a crash, never twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aios.errors import AiosError, CorruptError, MovedError, RefusedError
from aios.store.commits import Draft, commit_many
from aios.store.git import Git
from aios.store.journal import Entry, Journal, pending_entries
from aios.store.runlog import RunLog, journal_path, journals, overlay, pending
from aios.store.trees import CommitTree
from tests.conftest import commit_all
from tests.store.drafts import draft

BRANCH = "aios/publish-content/hello"
REF = f"refs/heads/{BRANCH}"


def opened(git: Git, *, every: int = 100) -> RunLog:
    return RunLog(git, BRANCH, Journal(journal_path(git, "01run")), start=git.commit("main"), every=every)


def keys(git: Git, since: str = "main", until: str = BRANCH) -> list[str]:
    return git.text(
        "log", "--reverse", "--format=%(trailers:key=Aios-Key,valueonly,separator=)", f"{since}..{until}"
    ).split()


def abandon(log: RunLog) -> None:
    """Let go of a log as a crash does: the journal stays as it is."""
    log.journal.close()


def test_a_step_is_durable_before_it_is_a_commit(git: Git) -> None:
    log = opened(git)
    entry = log.append(draft("a"), "a")
    assert git.rev(BRANCH) is None
    assert pending_entries(log.journal.path) == (entry,)
    assert list(log.pending) == [entry]
    assert log.tree().read("state/notes/a.yaml") == b"name: a\n"
    assert log.tree().read("README.md") == b"# Acme\n"
    assert log.flush() == git.rev(BRANCH) == log.tip
    assert list(log.pending) == []
    assert not pending_entries(log.journal.path)
    assert keys(git) == ["a"]
    log.close()
    assert journals(git) == []


def test_every_so_many_steps_become_commits(git: Git) -> None:
    with opened(git, every=3) as log:
        for number in range(7):
            log.append(draft(number), str(number))
        assert keys(git) == ["0", "1", "2", "3", "4", "5"]
        assert len(log.pending) == 1
    assert keys(git) == [str(number) for number in range(7)]


@pytest.mark.parametrize("every", [1, 3, 100])
def test_ids_do_not_depend_on_when_steps_were_flushed(git: Git, every: int) -> None:
    with opened(git, every=every) as log:
        for number in range(8):
            log.append(draft(number), str(number))
    expected = commit_many(git, "x", [draft(n) for n in range(8)], expected=None, start=git.rev("main"))
    assert git.rev(BRANCH) == expected[-1]


def test_what_a_crash_left_is_brought_into_git(git: Git) -> None:
    log = opened(git)
    log.append(draft("a"), "a")
    log.append(draft("b"), "b")
    abandon(log)
    with opened(git) as again:
        assert keys(git) == ["a", "b"]
        assert again.pending == ()
        assert again.journal.size == 0


def test_what_git_has_already_is_not_written_twice(git: Git) -> None:
    log = opened(git)
    entries = [log.append(draft(name), name) for name in ("a", "b")]
    tip = log.flush()
    for entry in entries:  # as if the crash came between moving the branch and emptying the journal
        log.journal.append(entry)
    abandon(log)
    assert pending(git) == {}
    with opened(git) as again:
        assert again.tip == tip
        assert again.journal.size == 0
    assert keys(git) == ["a", "b"]


def test_two_equal_steps_are_two_commits_after_a_crash_too(git: Git) -> None:
    log = opened(git)
    same = [log.append(draft("same"), "same") for _ in range(2)]
    log.flush()
    for entry in same:
        log.journal.append(entry)
    third = Entry("same", REF, draft("same"), log.tip or "")
    log.journal.append(third)
    abandon(log)
    opened(git).close()
    assert keys(git) == ["same"] * 3


def test_an_interrupt_after_the_branch_moved_is_survived(git: Git) -> None:
    log = opened(git)
    log.append(draft("a"), "a")
    commit_many(git, BRANCH, [draft("a")], expected=None, start=git.rev("main"))
    log.append(draft("b"), "b")
    log.flush()
    assert keys(git) == ["a", "b"]
    log.close()


def test_an_empty_log_of_a_new_branch_has_nothing_to_flush(git: Git) -> None:
    log = opened(git)
    with pytest.raises(AiosError, match="no commit yet"):
        log.flush()
    log.close()
    assert git.rev(BRANCH) is None


def test_an_existing_branch_is_continued(git: Git) -> None:
    with opened(git) as log:
        log.append(draft("a"), "a")
    with opened(git) as log:
        assert log.tip == git.rev(BRANCH)
        log.append(draft("b"), "b")
    assert keys(git) == ["a", "b"]


@pytest.mark.parametrize("when", ["while it runs", "after a crash"])
def test_the_operators_commit_on_the_branch_stays_below(git: Git, when: str) -> None:
    log = opened(git)
    log.append(draft("a"), "a")
    log.flush()
    log.append(draft("b"), "b")
    mine = _operator_commits(git, "README.md", "my words")
    if when == "after a crash":
        abandon(log)
        log = opened(git)
    log.flush()
    log.append(draft("c"), "c")
    log.close()
    assert git.is_ancestor(mine, BRANCH)
    assert keys(git) == ["a", "b", "c"]
    assert git.read_blob(f"{BRANCH}:README.md") == b"my words"


def test_steps_that_would_undo_the_operators_commit_wait(git: Git) -> None:
    log = opened(git)
    log.append(draft("a"), "a")
    log.flush()
    log.append(draft("b"), "b")
    mine = _operator_commits(git, "state/notes/b.yaml", "my words")
    with pytest.raises(MovedError, match=r"changed meanwhile in files of the run \(state/notes/b\.yaml\)") as caught:
        log.flush()
    assert str(log.journal.path) in caught.value.message
    abandon(log)
    with pytest.raises(MovedError):
        opened(git)
    assert git.rev(BRANCH) == mine
    assert [entry.key for entry in pending_entries(journal_path(git, "01run"))] == ["b"]


def test_a_rewritten_or_deleted_branch_is_reported_with_the_way_back(git: Git) -> None:
    log = opened(git)
    log.append(draft("a"), "a")
    first = log.flush()
    log.append(draft("b"), "b")
    second = git.commit("main")
    git.run("update-ref", REF, second)
    with pytest.raises(MovedError, match="rewritten"):
        log.flush()
    git.run("update-ref", "-d", REF)
    with pytest.raises(MovedError, match="deleted") as caught:
        log.flush()
    assert caught.value.hint == f"`git branch {BRANCH} {first[:10]}`"
    git.update_ref(BRANCH, first, None, reason="back")
    log.close()
    assert keys(git) == ["a", "b"]


def test_a_journal_of_another_branch_is_not_flushed(git: Git) -> None:
    log = opened(git)
    log.append(draft("a"), "a")
    abandon(log)
    with Journal(journal_path(git, "01run")) as journal, pytest.raises(CorruptError, match="belongs to"):
        RunLog(git, "aios/other/run", journal)


@pytest.mark.parametrize(
    "bad", [draft("x", {"a/../b": b""}), draft("x", at="2026-01-01T00:00:00"), draft("x", {"state": b""})]
)
def test_a_step_that_can_never_be_a_commit_does_not_block_the_others(git: Git, bad: Draft) -> None:
    log = opened(git)
    log.append(draft("a"), "a")
    with pytest.raises(AiosError):
        log.append(bad, "bad")
    log.append(draft("b", {"README.md": None}), "b")
    with pytest.raises(RefusedError):
        log.append(draft("c", {"state/notes": b""}), "c")
    log.append(draft("d", {"README.md/d": b"README.md is a directory now"}), "d")
    log.close()
    assert keys(git) == ["a", "b", "d"]


def test_an_error_in_the_middle_keeps_the_journal(git: Git) -> None:
    def work() -> None:
        with opened(git) as log:
            log.append(draft("a"), "a")
            log.append(draft("b", {"README.md/x": b"x"}), "b")

    with pytest.raises(RefusedError, match="is a file"):
        work()
    assert [entry.key for entry in pending_entries(journal_path(git, "01run"))] == ["a"]
    opened(git).close()
    assert keys(git) == ["a"]


_FULL_DISK = """
import resource, sys
import subprocess
import sys
from pathlib import Path
from aios.errors import AiosError
from aios.store.git import Git
from aios.store.journal import pending_entries
from tests.store.drafts import draft
from tests.store.test_runlog import opened
with opened(Git(Path(sys.argv[1]))) as log:
    log.append(draft("a", {"a.bin": bytes(range(256)) * 100}), "a")
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, resource.RLIM_INFINITY))
    try:
        log.flush()
    except AiosError as error:
        print(error, len(pending_entries(log.journal.path)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    log.append(draft("b"), "b")
"""


def test_a_disk_too_full_for_a_flush_loses_nothing(git: Git) -> None:
    command = [sys.executable, "-c", _FULL_DISK, str(git.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("git fast-import")
    assert done.stdout.endswith(" 1\n")
    assert keys(git) == ["a", "b"]
    assert git.text("fsck", "--strict") == ""


def test_readers_see_what_is_not_flushed(git: Git) -> None:
    log = opened(git)
    log.append(draft("a"), "a")
    found = pending(git)[REF]
    assert (found.tip, [entry.key for entry in found.entries]) == (None, ["a"])
    assert found.tree(git).read("state/notes/a.yaml") == b"name: a\n"
    log.flush()
    assert pending(git) == {}
    log.append(draft("b", {"README.md": None}), "b")
    found = pending(git)[REF]
    assert found.tip == log.tip
    assert found.tree(git).read("README.md") is None
    assert found.tree(git).read("state/notes/a.yaml") == b"name: a\n"
    assert overlay(git, None, log.pending).paths() == []
    log.close()


def test_index_and_work_tree_are_not_touched(git: Git) -> None:
    before = (git.dir / "index").read_bytes()
    with opened(git, every=2) as log:
        for number in range(5):
            log.append(draft(number), str(number))
    assert (git.dir / "index").read_bytes() == before
    assert git.dirty() == []
    assert "state/notes/4.yaml" in CommitTree(git, BRANCH).paths()


def test_a_worktree_shares_the_journals(git: Git, tmp_path: Path) -> None:
    git.run("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    log = opened(git)
    log.append(draft("a"), "a")
    with Git(tmp_path / "side") as other:
        assert list(pending(other)) == [REF]
    log.close()


def _operator_commits(git: Git, path: str, text: str) -> str:
    git.run("switch", "-q", BRANCH)
    place = git.root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    commit = commit_all(git.root, "By hand")
    git.run("switch", "-q", "main")
    return commit
