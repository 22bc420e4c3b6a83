"""Moving a branch that someone has checked out: as a fast-forward merge would, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aios.errors import AiosError, MovedError, RefusedError
from aios.store.commits import advance, commit_many
from aios.store.git import Git
from tests.conftest import commit_all
from tests.store.drafts import draft


def ahead(git: Git, changes: dict[str, bytes | None]) -> tuple[str, str]:
    """Main's commit, and one on top of it that no branch has yet."""
    main = git.commit("main")
    return main, commit_many(git, "next", [draft("next", changes)], expected=None, start=main)[0]


def test_files_and_index_follow_and_other_edits_survive(git: Git) -> None:
    main, new = ahead(git, {"README.md": b"new", "a/b.md": b"added", "state/customers/brick.yaml": None})
    (git.root / "state/company.yaml").write_text("edited")
    (git.root / "state/products/pro-plan.yaml").write_text("staged")
    git.run("add", "state/products/pro-plan.yaml")
    (git.root / "scratch.txt").write_text("mine")
    advance(git, "main", new, expected=main)
    assert git.rev("main") == new
    assert (git.root / "README.md").read_text() == "new"
    assert (git.root / "a/b.md").read_text() == "added"
    assert not (git.root / "state/customers/brick.yaml").exists()
    assert (git.root / "state/company.yaml").read_text() == "edited"
    assert git.dirty() == ["scratch.txt", "state/company.yaml", "state/products/pro-plan.yaml"]


@pytest.mark.parametrize("staged", ["unstaged", "staged"])
def test_an_uncommitted_edit_in_the_way_is_refused_and_named(git: Git, staged: str) -> None:
    main, new = ahead(git, {"README.md": b"new", "state/company.yaml": b"new", "z.md": b"z"})
    (git.root / "state/company.yaml").write_text("edited")
    if staged == "staged":
        git.run("add", "state/company.yaml")
    with pytest.raises(RefusedError, match=r"state/company\.yaml") as caught:
        advance(git, "main", new, expected=main)
    assert "README" not in caught.value.message
    assert git.rev("main") == main
    assert (git.root / "state/company.yaml").read_text() == "edited"
    assert (git.root / "README.md").read_text() == "# Acme\n"
    assert not (git.root / "z.md").exists()


@pytest.mark.parametrize("rules", ["", "*.env\n"])
def test_an_untracked_file_in_the_way_is_refused_even_where_ignored(git: Git, rules: str) -> None:
    if rules:
        (git.root / ".gitignore").write_text(rules)
        commit_all(git.root, "Ignore")
    main, new = ahead(git, {"secrets.env": b"theirs"})
    (git.root / "secrets.env").write_text("mine")
    with pytest.raises(RefusedError, match=r"secrets\.env"):
        advance(git, "main", new, expected=main)
    assert (git.root / "secrets.env").read_text() == "mine"
    assert git.rev("main") == main


def test_an_untracked_link_in_the_way_is_refused(git: Git) -> None:
    main, new = ahead(git, {"link.md": b"theirs"})
    (git.root / "link.md").symlink_to("/nowhere")
    with pytest.raises(RefusedError, match=r"link\.md"):
        advance(git, "main", new, expected=main)


def test_files_that_already_are_as_they_shall_be_do_not_stand_in_the_way(git: Git) -> None:
    """What an advance leaves that was cut short between writing files and moving the branch."""
    main, new = ahead(git, {"README.md": b"new", "added.md": b"added", "gone.md": None})
    (git.root / "README.md").write_text("new")
    (git.root / "added.md").write_text("added")
    advance(git, "main", new, expected=main)
    assert git.rev("main") == new
    assert git.dirty() == []


@pytest.mark.parametrize("written", ["files", "files and index"])
def test_what_a_killed_advance_had_written_is_taken_back_before_the_next(git: Git, written: str) -> None:
    main, new = ahead(git, {"README.md": b"new", "deep/added.md": b"added", "state/company.yaml": b"new", "x.md": None})
    (git.root / "state/products/pro-plan.yaml").write_text("my edit")
    (git.root / "README.md").write_text("ne")  # cut short
    (git.root / "deep").mkdir()
    (git.root / "deep/added.md").write_text("added")
    (git.root / "state/company.yaml").write_text("my edit too")
    if written == "files and index":
        (git.root / "README.md").write_text("new")
        git.run("add", "README.md", "deep")
    note = {"place": str(git.root), "ref": "refs/heads/main", "expected": main, "new": new}
    (git.dir / "aios/writers/4194304-1").write_text(json.dumps(note))  # nobody has so high a process number
    other = commit_many(git, "other", [draft("o", {"README.md": b"another"})], expected=None, start=main)[0]
    advance(git, "main", other, expected=main)
    assert (git.root / "README.md").read_text() == "another"
    assert not (git.root / "deep").exists()
    assert git.dirty() == ["state/company.yaml", "state/products/pro-plan.yaml"]
    assert list((git.dir / "aios/writers").iterdir()) == []


def test_a_branch_that_nobody_has_checked_out_just_moves(git: Git) -> None:
    main, new = ahead(git, {"README.md": b"new"})
    git.run("switch", "-q", "--detach")
    (git.root / "README.md").write_text("edited")
    advance(git, "main", new, expected=main)
    assert git.rev("main") == new
    assert git.rev("HEAD") == main
    assert (git.root / "README.md").read_text() == "edited"


def test_another_worktree_follows(git: Git, tmp_path: Path) -> None:
    main, new = ahead(git, {"README.md": b"new"})
    git.run("switch", "-q", "-c", "side")
    git.run("worktree", "add", "-q", str(tmp_path / "other tree"), "main")
    advance(git, "main", new, expected=main)
    assert (tmp_path / "other tree" / "README.md").read_text() == "new"
    assert (git.root / "README.md").read_text() == "# Acme\n"
    with Git(tmp_path / "other tree") as other:
        assert other.dirty() == []


def test_a_worktree_that_was_deleted_is_no_hindrance(git: Git, tmp_path: Path) -> None:
    main, new = ahead(git, {"README.md": b"new"})
    git.run("switch", "-q", "-c", "side")
    git.run("worktree", "add", "-q", str(tmp_path / "other"), "main")
    (tmp_path / "other").rename(tmp_path / "elsewhere")
    advance(git, "main", new, expected=main)
    assert git.rev("main") == new


def test_from_a_sub_directory_and_in_a_bare_repository(git: Git, tmp_path: Path) -> None:
    main, new = ahead(git, {"README.md": b"new"})
    git.run("clone", "-q", "--bare", str(git.root), str(tmp_path / "bare.git"))
    with Git(git.root / "state") as below:
        advance(below, "main", new, expected=main)
    assert (git.root / "README.md").read_text() == "new"
    with Git(tmp_path / "bare.git") as bare:
        advance(bare, "main", new, expected=main)
        assert bare.rev("main") == new


def test_an_unborn_branch_gets_its_first_commit(tmp_path: Path) -> None:
    with Git.init(tmp_path / "new") as git:
        first = commit_many(git, "seed", [draft(1)], expected=None)[0]
        advance(git, "main", first, expected=None)
        assert git.rev("HEAD") == first
        assert (git.root / "state/notes/1.yaml").read_text() == "name: 1\n"
        assert git.dirty() == []


def test_a_branch_that_moved_or_would_lose_commits_is_refused(git: Git) -> None:
    main, new = ahead(git, {"README.md": b"new"})
    now = commit_all(git.root, "Meanwhile")
    with pytest.raises(MovedError):
        advance(git, "main", new, expected=main)
    with pytest.raises(RefusedError, match="does not contain"):
        advance(git, "main", new, expected=now)
    assert git.rev("main") == now


def test_an_unfinished_merge_of_the_operator_is_left_alone(git: Git) -> None:
    main, new = ahead(git, {"x.md": b"new"})
    (git.dir / "MERGE_HEAD").write_text(new + "\n")
    with pytest.raises(AiosError, match="merge"):
        advance(git, "main", new, expected=main)
    assert git.rev("main") == main
    assert not (git.root / "x.md").exists()
