"""Commits through fast-import: whole or not at all, by compare-and-swap, past index and work tree."""

from __future__ import annotations

import stat

import pytest

from aios.errors import AiosError, MovedError, RefusedError
from aios.store.commits import (
    IMPORTS,
    BothChanged,
    Draft,
    advance,
    commit_many,
    commit_object,
    merge_commit,
    merge_trees,
)
from aios.store.git import Git
from tests.conftest import commit_all
from tests.store.drafts import AT, draft


def test_a_batch_becomes_commits_in_order(git: Git) -> None:
    before = git.commit("main")
    ids = commit_many(git, "main", [draft(1), draft(2), draft(3)], expected=before)
    assert git.text("rev-list", "--reverse", f"{before}..main").split() == ids
    assert git.text("log", "-1", "--format=%s|%an|%ae|%cn|%aI|%cI") == (
        "note.written: 3|aios|aios@acme.example|aios|2026-03-02T09:00:00+01:00|2026-03-02T09:00:00+01:00"
    )
    assert git.text("log", "-1", "--format=%(trailers:key=Aios-Key,valueonly)").strip() == "3"
    assert git.refs(IMPORTS) == {}
    assert git.text("fsck", "--strict") == ""


def test_nothing_to_commit_is_nothing_done(git: Git) -> None:
    assert commit_many(git, "main", [], expected="whatever") == []


def test_index_and_work_tree_stay_as_they_were(git: Git) -> None:
    (git.root / "README.md").write_text("my edit")
    index = (git.dir / "index").read_bytes()
    commit_many(git, "aios/a/b", [draft(1)], expected=None, start=git.commit("main"))
    assert (git.dir / "index").read_bytes() == index
    assert (git.root / "README.md").read_text() == "my edit"
    assert not (git.root / "state" / "notes").exists()


def test_the_same_drafts_make_the_same_commits_in_any_batches(git: Git) -> None:
    drafts = [draft(n, at=f"2026-03-02T09:{n:02}:30.5+05:30") for n in range(12)]
    tips = set()
    for size in (1, 5, 12):
        tip: str | None = None
        for start in range(0, 12, size):
            tip = commit_many(git, f"size-{size}", drafts[start : start + size], expected=tip, start=git.rev("main"))[
                -1
            ]
        tips.add(tip)
    assert len(tips) == 1


def test_a_branch_that_moved_is_not_touched(git: Git) -> None:
    seen = git.commit("main")
    now = commit_all(git.root, "The operator was faster")
    with pytest.raises(MovedError, match="`main` moved"):
        commit_many(git, "main", [draft(1)], expected=seen)
    with pytest.raises(MovedError):
        commit_many(git, "main", [draft(1)], expected=None)
    with pytest.raises(MovedError):
        commit_many(git, "gone", [draft(1)], expected=seen)
    assert git.rev("main") == now


def test_a_new_branch_starts_where_it_is_told_or_with_a_root(git: Git) -> None:
    commit_many(git, "refs/heads/from-main", [draft(1)], expected=None, start=git.rev("main"))
    commit_many(git, "orphan", [draft(1)], expected=None)
    assert git.rev("from-main~1") == git.rev("main")
    assert list(git.tree("orphan")) == ["state/notes/1.yaml"]
    assert git.rev("orphan~1") is None


def test_further_parents_make_merges(git: Git) -> None:
    main = git.commit("main")
    side = commit_many(git, "side", [draft("s")], expected=None, start=main)[0]
    other = commit_many(git, "other", [draft("o")], expected=None, start=main)[0]
    first = Draft("one", {}, AT, "a", "b", parents=(side,))
    ids = commit_many(git, "main", [first, draft(2)], expected=main, parents_extra=[other])
    assert git.text("log", "-1", "--format=%P", ids[0]).split() == [main, side]
    assert git.text("log", "-1", "--format=%P", ids[1]).split() == [ids[0], other]


def test_modes_are_kept_and_new_files_are_plain(git: Git) -> None:
    script = git.root / "tool.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    before = commit_all(git.root, "A script")
    commit_many(git, "main", [draft(1, {"tool.sh": b"#!/bin/sh\nexit\n", "n.md": b""})], expected=before)
    modes = {path: mode for path, (mode, _) in git.tree(git.commit("main")).items()}
    assert modes["tool.sh"] == "100755"
    assert modes["n.md"] == "100644"


def test_links_are_never_written(git: Git) -> None:
    (git.root / "link.md").symlink_to("README.md")
    before = commit_all(git.root, "A link")
    with pytest.raises(RefusedError, match="symbolic link"):
        commit_many(git, "main", [draft(1, {"link.md": b"x"})], expected=before)
    commit_many(git, "main", [draft(1, {"link.md": None})], expected=before)
    assert "link.md" not in git.tree(git.commit("main"))


@pytest.mark.parametrize(
    "path", ["", "/abs", "a/../b", "./a", "a//b", ".git/config", "x/.GIT/hooks", "git~1/x", "a\0b", "a/"]
)
def test_paths_outside_the_company_are_refused(git: Git, path: str) -> None:
    with pytest.raises(RefusedError, match="no path inside"):
        commit_many(git, "main", [draft(1, {path: b"x"})], expected=git.rev("main"))
    assert git.refs(IMPORTS) == {}


def test_a_file_never_replaces_a_directory_nor_the_other_way(git: Git) -> None:
    main = git.commit("main")
    with pytest.raises(RefusedError, match="is a directory"):
        commit_many(git, "main", [draft(1, {"state": b"x"})], expected=main)
    with pytest.raises(RefusedError, match=r"README\.md is a file"):
        commit_many(git, "main", [draft(1, {"README.md/x": b"x"})], expected=main)
    with pytest.raises(RefusedError, match="is a directory"):
        commit_many(git, "main", [draft(1, {"new/x": b"x"}), draft(2, {"new": b"x"})], expected=main)
    swap = [draft(1, {"README.md": None, "README.md/x": b"x"}), draft(2, {"README.md/x": None, "README.md": b"y"})]
    commit_many(git, "main", swap, expected=main)
    assert git.read_blob("main:README.md") == b"y"


def test_deleting_what_is_not_there_or_a_directory_does_nothing(git: Git) -> None:
    main = git.commit("main")
    commit_many(git, "main", [draft(1, {"nothing.md": None, "state": None, "README.md": None})], expected=main)
    assert set(git.tree(main)) - set(git.tree(git.commit("main"))) == {"README.md"}


def test_odd_people_and_messages_make_valid_commits(git: Git) -> None:
    odd = Draft("", {}, "1999-12-31T23:59:59-03:00", "A <b>\nc", "<x>\n@y", ())
    nul = Draft("with \0 and ü and \ud800", {}, AT, "", "")
    commit_many(git, "odd", [odd, nul], expected=None)
    assert git.text("fsck", "--strict") == ""
    assert git.text("log", "--format=%an|%ae", "odd").splitlines() == ["|", "A b c|x @y"]


def test_a_time_without_offset_is_refused(git: Git) -> None:
    with pytest.raises(AiosError, match="lacks an offset"):
        commit_many(git, "main", [draft(1, at="2026-03-02T09:00:00")], expected=git.rev("main"))


def test_a_failing_import_leaves_no_litter(git: Git) -> None:
    with pytest.raises(AiosError, match="fast-import"):
        commit_many(git, "main", [draft(1, {})], expected=git.rev("main"), parents_extra=["f" * 40])
    assert list(git.dir.glob("fast_import_crash*")) == []
    assert git.refs(IMPORTS) == {}


@pytest.mark.parametrize("written", ["", "fast-import"])
def test_an_import_that_was_killed_can_be_repeated(git: Git, written: str) -> None:
    main = git.commit("main")
    commit_many(git, "main", [draft(1)], expected=main)
    for pack in (git.dir / "objects/pack").glob("pack-*"):
        pack.rename(pack.with_suffix(".gone"))
        pack.with_suffix(".keep").write_text(written)
    git.close()
    git.run("update-ref", "refs/heads/main", main)
    assert commit_many(git, "main", [draft(1)], expected=main) == [git.rev("main")]
    assert git.text("fsck", "--strict") == ""


def test_a_merge_takes_what_only_they_changed_and_reports_the_rest(git: Git) -> None:
    base = git.commit("main")
    ours = commit_many(
        git, "main", [draft(1, {"README.md": b"ours", "a.md": b"same", "state/company.yaml": None})], expected=base
    )[0]
    theirs = commit_many(
        git,
        "side",
        [draft(2, {"README.md": b"theirs", "a.md": b"same", "b.md": b"b", "state/customers/acme.yaml": None})],
        expected=None,
        start=base,
    )[0]
    changes, both = merge_trees(git, base, ours, theirs)
    assert changes == {"b.md": b"b", "state/customers/acme.yaml": None}
    assert both == [BothChanged("README.md", b"# Acme\n", b"ours", b"theirs")]


def test_a_commit_object_is_named_by_no_ref(git: Git) -> None:
    refs = git.refs("refs/")
    main = git.commit("main")
    facts = {"message": "m", "at": AT, "author": "a", "email": "e"}
    commit = commit_object(git, parent=main, changes={"a.md": b"a"}, **facts)
    assert commit == commit_object(git, parent=main, changes={"a.md": b"a"}, **facts)
    assert git.refs("refs/") == refs
    assert git.text("rev-parse", f"{commit}~1") == main
    advance(git, "main", commit, expected=main)
    assert (git.root / "a.md").read_bytes() == b"a"


def test_a_merge_commit_is_an_object_only(git: Git) -> None:
    base = git.commit("main")
    tool = git.root / "tool.sh"
    sh_mode = 0o755
    git.run("switch", "-q", "-c", "side")
    tool.write_text("x")
    tool.chmod(sh_mode)
    (git.root / "link").symlink_to("tool.sh")
    theirs = commit_all(git.root, "A tool and a link")
    git.run("switch", "-q", "main")
    ours = commit_all(git.root, "More on main")
    refs = git.refs("refs/")
    changes, both = merge_trees(git, base, ours, theirs)
    merged = merge_commit(
        git, ours=ours, theirs=theirs, tree_changes=changes, message="Merge", at=AT, author="Olga", email="o@x"
    )
    assert both == []
    assert git.refs("refs/") == refs
    assert git.text("log", "-1", "--format=%P", merged).split() == [ours, theirs]
    assert git.text("rev-parse", f"{merged}^{{tree}}") == git.text("rev-parse", f"{theirs}^{{tree}}")
