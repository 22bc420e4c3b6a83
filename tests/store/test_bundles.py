"""Commits cross in a file: whole or not at all, the same bytes each time, and nothing of it is believed unchecked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aios.errors import InvalidError
from aios.store.bundles import header_of, quarantined, take_in, write
from aios.store.commits import Draft, commit_many
from aios.store.git import Git

HEAD = "refs/aios/handoff/head"
AT = "2026-11-02T09:00:00Z"


@pytest.fixture
def twin(company: Path, tmp_path: Path) -> Path:
    """The same company on another machine, before anything happened on this one."""
    return shutil.copytree(company, tmp_path / "twin")


def grown(git: Git, *texts: str) -> str:
    drafts = [Draft(f"more {text}\n", {f"memory/{text}.md": text.encode() * 50}, AT, "a", "a@x") for text in texts]
    return commit_many(git, "aios/w/s", drafts, expected=git.rev("aios/w/s"), start=git.rev("main"))[-1]


def test_commits_come_through_and_no_ref_moves_by_itself(git: Git, twin: Path, tmp_path: Path) -> None:
    tip = grown(git, "one", "two")
    write(git, tmp_path / "b", {HEAD: tip}, without=[git.commit("main")])
    with Git(twin) as other:
        assert other.rev(tip) is None
        before = other.refs("refs/")
        assert take_in(other, tmp_path / "b").refs == {HEAD: tip}
        assert other.read_blob(f"{tip}:memory/two.md") == b"two" * 50
        assert other.refs("refs/") == before


def test_the_same_commits_give_the_same_bytes_however_they_lie_in_the_repository(git: Git, tmp_path: Path) -> None:
    tip = grown(git, "one")
    tip = grown(git, "two", "three")
    write(git, tmp_path / "a", {HEAD: tip}, without=[git.commit("main")])
    git.run("repack", "-adq", "--depth=3")
    write(git, tmp_path / "b", {HEAD: tip}, without=[git.commit("main")])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_bundle_with_nothing_new_still_names_its_head(git: Git, twin: Path, tmp_path: Path) -> None:
    main = git.commit("main")
    write(git, tmp_path / "b", {HEAD: main}, without=[main])
    with Git(twin) as other:
        assert take_in(other, tmp_path / "b").refs == {HEAD: main}


def test_what_is_looked_at_in_quarantine_never_gets_into_the_repository(git: Git, twin: Path, tmp_path: Path) -> None:
    tip = grown(git, "one")
    write(git, tmp_path / "b", {HEAD: tip}, without=[git.commit("main")])
    with Git(twin) as other:
        with quarantined(other, tmp_path / "b") as (apart, header):
            assert header.refs[HEAD] == apart.rev(HEAD) == tip
            assert apart.is_ancestor(other.commit("main"), tip)
        assert other.rev(tip) is None


def test_git_itself_reads_what_we_write(git: Git, twin: Path, tmp_path: Path) -> None:
    tip = grown(git, "one")
    write(git, tmp_path / "b", {HEAD: tip}, without=[git.commit("main")])
    with Git(twin) as other:
        other.run("fetch", "-q", str(tmp_path / "b"), f"{HEAD}:refs/heads/there")
        assert other.rev("there") == tip


@pytest.mark.parametrize("cut", [3, 40, 200, -1, -30])
def test_a_bundle_that_was_cut_off_is_refused(git: Git, twin: Path, tmp_path: Path, cut: int) -> None:
    tip = grown(git, "one")
    write(git, tmp_path / "b", {HEAD: tip}, without=[git.commit("main")])
    (tmp_path / "b").write_bytes((tmp_path / "b").read_bytes()[:cut])
    with Git(twin) as other, pytest.raises(InvalidError, match="not in order"):
        take_in(other, tmp_path / "b")


@pytest.mark.parametrize("line", [b"@filter=blob:none\n", b"refs/heads/x\n", b"-zz\n", b"%s refs/a b\n" % (b"0" * 40)])
def test_a_header_with_something_else_in_it_is_refused(git: Git, tmp_path: Path, line: bytes) -> None:
    write(git, tmp_path / "b", {HEAD: grown(git, "one")})
    title, rest = (tmp_path / "b").read_bytes().split(b"\n", 1)
    (tmp_path / "b").write_bytes(title + b"\n" + line + rest)
    with pytest.raises(InvalidError, match="line 2"):
        header_of(tmp_path / "b")


def test_one_that_builds_on_what_is_not_here_says_so(git: Git, twin: Path, tmp_path: Path) -> None:
    first = grown(git, "one")
    write(git, tmp_path / "b", {HEAD: grown(git, "two")}, without=[first])
    with Git(twin) as other, pytest.raises(InvalidError, match="builds on"):
        take_in(other, tmp_path / "b")


def test_one_that_leaves_out_what_its_commits_need_is_refused(git: Git, twin: Path, tmp_path: Path) -> None:
    first, second = grown(git, "one"), grown(git, "two")
    write(git, tmp_path / "b", {HEAD: second}, without=[first])
    content = (tmp_path / "b").read_bytes().replace(f"-{first}\n".encode(), b"")  # says that it stands alone
    (tmp_path / "b").write_bytes(content)
    with Git(twin) as other, pytest.raises(InvalidError):
        take_in(other, tmp_path / "b")


def test_one_that_is_too_large_is_not_even_unpacked(git: Git, twin: Path, tmp_path: Path) -> None:
    write(git, tmp_path / "b", {HEAD: grown(git, "one")})
    with Git(twin) as other, pytest.raises(InvalidError, match="more than the 100"):
        take_in(other, tmp_path / "b", limit=100)
