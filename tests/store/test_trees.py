"""Trees: a commit, an overlay, the work tree, and what lies between two commits."""

from __future__ import annotations

import pytest

from aios.domain.event import Change
from aios.domain.tree import Tree
from aios.store.commits import commit_many
from aios.store.git import Git
from aios.store.trees import CommitTree, EmptyTree, OverlayTree, WorkTree, blob_id, changed_paths
from tests.conftest import FILES, commit_all
from tests.store.drafts import draft


@pytest.mark.parametrize("kind", ["commit", "overlay", "work", "plain"])
def test_all_trees_tell_the_same(git: Git, kind: str) -> None:
    trees: dict[str, Tree] = {
        "commit": CommitTree(git, "main"),
        "overlay": OverlayTree(EmptyTree(), {path: text.encode() for path, text in FILES.items()}),
        "work": WorkTree(git.root, git=git),
        "plain": WorkTree(git.root),
    }
    tree = trees[kind]
    assert list(tree.paths()) == sorted(FILES)
    assert list(tree.paths("state/customers/")) == ["state/customers/acme.yaml", "state/customers/brick.yaml"]
    assert list(tree.paths("state/c")) == [path for path in sorted(FILES) if path.startswith("state/c")]
    assert tree.paths("zzz") == []
    assert tree.read("README.md") == b"# Acme\n"
    assert tree.blob("README.md") == git.text("rev-parse", "main:README.md") == blob_id(b"# Acme\n")
    for missing in ("nothing.md", "state", "README.md/x"):
        assert tree.read(missing) is None
        assert tree.blob(missing) is None


def test_an_overlay_adds_changes_and_hides(git: Git) -> None:
    changes = {"README.md": None, "state/company.yaml": b"new", "a.md": b"first"}
    tree = OverlayTree(CommitTree(git, "main"), changes)
    assert tree.paths()[0] == "a.md"
    assert "README.md" not in tree.paths()
    assert tree.read("README.md") is None
    assert tree.blob("README.md") is None
    assert tree.read("state/company.yaml") == b"new"
    assert tree.blob("a.md") == blob_id(b"first")


def test_a_work_tree_shows_edits_and_leaves_out_what_git_ignores(git: Git) -> None:
    (git.root / ".gitignore").write_text("*.log\n/.aios/\n")
    (git.root / "noise.log").write_text("x")
    (git.root / ".aios").mkdir()
    (git.root / ".aios" / "index").write_text("x")
    (git.root / "README.md").unlink()
    (git.root / "state" / "new one.yaml").write_text("x")
    paths = WorkTree(git.root, git=git).paths()
    assert "state/new one.yaml" in paths
    assert not {"noise.log", ".aios/index", "README.md"} & set(paths)
    assert "noise.log" in WorkTree(git.root).paths()


def test_symbolic_links_are_not_followed(git: Git) -> None:
    (git.root / "state" / "link.md").symlink_to("/etc/passwd")
    commit_all(git.root, "A link")
    for tree in (CommitTree(git, "main"), WorkTree(git.root, git=git), WorkTree(git.root)):
        assert "state/link.md" not in tree.paths()
        assert tree.read("state/link.md") is None
        assert tree.blob("state/link.md") is None


def test_changed_paths_name_blobs_before_and_after(git: Git) -> None:
    before = git.commit("main")
    moved = FILES["state/customers/acme.yaml"].encode()
    changes = {
        "README.md": None,
        "a b.md": b"x",
        "state/customers/acme.yaml": None,
        "state/customers/acme-inc.yaml": moved,
    }
    after = commit_many(git, "main", [draft(1, changes)], expected=before)[0]
    readme, oid = blob_id(b"# Acme\n"), blob_id(moved)
    assert changed_paths(git, before, after) == [
        Change("README.md", readme, ""),
        Change("a b.md", "", blob_id(b"x")),
        Change("state/customers/acme-inc.yaml", "", oid),
        Change("state/customers/acme.yaml", oid, ""),
    ]
    renamed = [change for change in changed_paths(git, before, after, renames=True) if change.renamed_from]
    assert renamed == [Change("state/customers/acme-inc.yaml", oid, oid, "state/customers/acme.yaml")]
    assert [change.path for change in changed_paths(git, None, before)] == sorted(FILES)
    assert changed_paths(git, after, after) == []
