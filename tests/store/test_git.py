"""The launcher of git: where it works, what it lets through, what it says when it fails."""

from __future__ import annotations

import gc
import os
import subprocess
import threading
import warnings
from pathlib import Path

import pytest

from aios.errors import AiosError, BusyError, MovedError, RefusedError
from aios.store.commits import commit_many
from aios.store.git import Git
from aios.store.launch import failure
from tests.conftest import commit_all
from tests.store.drafts import draft


def sh(root: Path, *args: str) -> str:
    return subprocess.run(["git", *args], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def test_a_sub_directory_finds_the_top(company: Path) -> None:
    with Git(company / "state" / "customers") as git:
        assert git.root == company
        assert git.dir == company / ".git"


def test_a_worktree_shares_the_repository(git: Git, tmp_path: Path) -> None:
    sh(git.root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    with Git(tmp_path / "side") as other:
        assert other.root == tmp_path / "side"
        assert other.dir == git.dir
        assert other.worktree_dir != git.dir
        assert other.head_branch() == "side"
        assert other.default_branch() == "main"


def test_a_bare_repository_can_be_read(git: Git, tmp_path: Path) -> None:
    sh(tmp_path, "clone", "-q", "--bare", str(git.root), "bare.git")
    with Git(tmp_path / "bare.git") as bare:
        assert bare.is_bare
        assert bare.read_blob("main:state/company.yaml") == b"schema: company.v1\nname: Acme\n"
        assert commit_many(bare, "main", [draft(1)], expected=bare.rev("main")) == [bare.rev("main")]


def test_a_new_repository_has_a_branch_and_no_commit(tmp_path: Path) -> None:
    with Git.init(tmp_path / "new", branch="trunk") as git:
        assert git.default_branch() == "trunk"
        assert git.rev("HEAD") is None
        assert git.branches() == {}


@pytest.mark.parametrize("name", ["trunk", "company/main"])
def test_a_renamed_main_is_found(git: Git, name: str) -> None:
    sh(git.root, "branch", "-m", "main", name)
    assert git.default_branch() == name


def test_main_is_found_from_a_proposals_branch(git: Git) -> None:
    sh(git.root, "branch", "-m", "main", "trunk")
    sh(git.root, "switch", "-q", "-c", "aios/publish-content/hello")
    assert git.default_branch() == "trunk"


def test_the_operators_setting_names_the_main_branch(git: Git) -> None:
    sh(git.root, "branch", "production")
    sh(git.root, "config", "aios.branch", "production")
    assert git.default_branch() == "production"


def test_a_sha256_repository_works(tmp_path: Path) -> None:
    sh(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256", "new")
    with Git(tmp_path / "new") as git:
        ids = commit_many(git, "main", [draft(1), draft(2)], expected=None)
        assert len(ids[1]) == 64
        assert git.entry(ids[1], "state/notes/2.yaml") is not None
        assert sh(git.root, "fsck", "--strict") == ""


def test_the_variables_of_a_calling_git_are_ignored(company: Path) -> None:
    hostile = {
        "GIT_DIR": "/nowhere",
        "GIT_WORK_TREE": "/nowhere",
        "GIT_INDEX_FILE": "/nowhere",
        "GIT_OBJECT_DIRECTORY": "/nowhere",
        "GIT_NAMESPACE": "x",
        "GIT_TRACE": "1",
        "GIT_PAGER": "false",
        "LC_ALL": "de_DE.UTF-8",
    }
    with Git(company, environ=os.environ | hostile) as git:
        assert git.rev("main") is not None
        assert git.is_dirty() is False


def test_hooks_of_the_repository_do_not_run(git: Git) -> None:
    hook = git.dir / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    commit_many(git, "main", [draft(1)], expected=git.rev("main"))
    assert git.read_blob("main:state/notes/1.yaml") == b"name: 1\n"


@pytest.mark.parametrize(
    "name", ["a b.md", 'quo"te.md', "line\nfeed.md", "umlaut-ü.md", "*.md", ":(top)x.md", "tab\t.md"]
)
def test_odd_names_go_through(git: Git, name: str) -> None:
    path = f"state/content/{name}"
    commit_many(git, "main", [draft(1, {path: b"odd"})], expected=git.rev("main"))
    assert git.read_blob(f"main:{path}") == b"odd"
    assert path in git.tree("main")
    entry = git.entry("main", path)
    assert entry is not None
    assert [content for _, content in git.blobs([entry.oid])] == [b"odd"]
    commit_many(git, "main", [draft(2, {path: None})], expected=git.rev("main"))
    assert git.entry("main", path) is None


def test_what_is_not_there_is_none(git: Git) -> None:
    assert git.rev("nowhere") is None
    assert git.rev("main:state") is None
    assert git.read_blob("main:missing file") is None
    assert git.read_blob("main:state") is None
    assert git.entry("main", "state/company.yaml/below") is None
    assert git.merge_base("main", "main") == git.rev("main")
    with pytest.raises(AiosError, match="no commit `nowhere`"):
        git.commit("nowhere")
    with pytest.raises(AiosError, match="no object"):
        list(git.blobs(["1" * 40]))


def test_many_and_large_objects_come_in_order(git: Git) -> None:
    files: dict[str, bytes | None] = {f"state/big/{n}.bin": bytes([n % 256]) * (n * 700) for n in range(600)}
    commit_many(git, "main", [draft(1, files)], expected=git.rev("main"))
    listed = {path: oid for path, (_, oid) in git.tree("main").items() if path in files}
    assert {path: content for path, (_, content) in zip(listed, git.blobs(listed.values()), strict=True)} == files


def test_threads_share_one_reader(git: Git) -> None:
    wrong: list[str] = []

    def read(path: str, expected: bytes) -> None:
        wrong.extend(path for _ in range(50) if git.read_blob(f"main:{path}") != expected)

    paths = ("README.md", "state/company.yaml", "state/customers/acme.yaml")
    work = [threading.Thread(target=read, args=(path, (git.root / path).read_bytes())) for path in paths]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert wrong == []


def test_a_forked_child_reads_without_disturbing_its_parent(git: Git) -> None:
    expected = git.read_blob("main:README.md")
    child = os.fork()
    if child == 0:
        fine = git.read_blob("main:README.md") == expected
        git.close()
        os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert git.read_blob("main:README.md") == expected


def test_reading_goes_on_after_git_was_killed(git: Git) -> None:
    git.read_blob("main:README.md")
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    for child in children.read_text().split():
        if b"cat-file" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(int(child), 9)
            os.waitid(os.P_PID, int(child), os.WEXITED | os.WNOWAIT)
    assert git.read_blob("main:README.md") == b"# Acme\n"


def test_nothing_is_left_open(company: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened = Git(company)
        opened.read_blob("main:README.md")
        del opened
        gc.collect()


def test_a_ref_moves_only_from_where_it_was_seen(git: Git) -> None:
    first = git.commit("main")
    second = commit_all(git.root, "another")
    git.update_ref("aios/x/y", first, None, reason="test")
    git.update_ref("aios/x/y", second, first, reason="test")
    with pytest.raises(MovedError, match="expected at"):
        git.update_ref("aios/x/y", second, first, reason="test")
    with pytest.raises(MovedError):
        git.update_ref("aios/x/y", first, None, reason="test")
    with pytest.raises(MovedError):
        git.delete_ref("aios/x/y", first)
    git.delete_ref("aios/x/y", second)
    assert git.branches("aios/") == {}


def test_a_branch_below_a_branch_is_an_error_with_words(git: Git) -> None:
    git.update_ref("aios/x", git.commit("main"), None, reason="test")
    with pytest.raises(AiosError, match="'refs/heads/aios/x' exists"):
        git.update_ref("aios/x/y", git.commit("main"), None, reason="test")


def test_no_repository_hints_at_init(tmp_path: Path) -> None:
    with pytest.raises(AiosError, match="in no git repository") as caught:
        Git(tmp_path)
    assert "aios init" in caught.value.hint
    with pytest.raises(AiosError, match="there is no folder"):
        Git(tmp_path / "missing")


def test_a_locked_index_says_which_file(git: Git) -> None:
    (git.dir / "index.lock").touch()
    with pytest.raises(BusyError) as caught:
        git.run("read-tree", "main")
    assert "index.lock" in caught.value.hint


def test_a_strangers_repository_is_refused_with_the_way_out() -> None:
    said = (
        b"fatal: detected dubious ownership in repository at '/x'\nTo add an exception for this directory, call:\n\n"
        b"\tgit config --global --add safe.directory /x\n"
    )
    error = failure(("status",), said)
    assert isinstance(error, RefusedError)
    assert error.hint.endswith("git config --global --add safe.directory /x")


def test_dirty_lists_edits_and_new_files(git: Git) -> None:
    (git.root / "state/company.yaml").write_text("edited")
    (git.root / "new file.md").write_text("new")
    sh(git.root, "rm", "-q", "--cached", "README.md")
    assert git.dirty() == ["README.md", "README.md", "new file.md", "state/company.yaml"]
    assert git.dirty(["state/company.yaml"]) == ["state/company.yaml"]
    assert git.is_dirty(["state/customers"]) is False
