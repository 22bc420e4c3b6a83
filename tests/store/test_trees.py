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


PLACES = ("memory/", "state/")


def blobs(tree: Tree) -> dict[str, str | None]:
    return {path: tree.blob(path) for place in PLACES for path in tree.paths(place)}


def difference(before: Tree, after: Tree) -> dict[str, str | None]:
    old, new = blobs(before), blobs(after)
    return {path: new.get(path) for path in old.keys() | new.keys() if old.get(path) != new.get(path)}


def test_a_tree_tells_what_changed_since_another_had_its_identity(git: Git) -> None:
    before = CommitTree(git, "main")
    root = git.root
    (root / "state/content/hello-world.md").rename(root / "state/content/ö “quoted”.md")
    (root / "state/customers/brick.yaml").unlink()
    (root / "state/customers/acme.yaml").chmod(0o755)
    (root / "state/company.yaml").unlink()
    (root / "state/company.yaml").symlink_to("products/pro-plan.yaml")
    (root / "state/products/pro-plan.yaml").write_text("schema: product.v1\nname: Pro\n")
    (root / "memory/deep/er").mkdir(parents=True)
    (root / "memory/deep/er/new.md").write_text("New.\n")
    (root / "README.md").write_text("Elsewhere.\n")
    commit_all(root, "many things")
    after = CommitTree(git, "main")
    told = after.changes_since(before.identity(PLACES), PLACES)
    assert told is not None
    assert {path: blob for path, blob in told.items() if blob != before.blob(path)} == difference(before, after)
    assert told["state/company.yaml"] is None, "a link is no file"
    assert after.changes_since(after.identity(PLACES), PLACES) == {}
    over = OverlayTree(after, {"memory/deep/er/new.md": None, "state/x.yaml": b"x: 1\n", "README.md": b"not asked"})
    told = over.changes_since(before.identity(PLACES), PLACES)
    assert told is not None
    assert {path: blob for path, blob in told.items() if blob != before.blob(path)} == difference(before, over)
    assert over.changes_since(over.identity(PLACES), PLACES) is None, "what an overlay was cannot be told"


@pytest.mark.parametrize("identity", ["", "- -", "--output=/tmp/x --output=/tmp/x", f"{'0' * 40} {'1' * 40}", "a b c"])
def test_what_changed_since_something_unknown_cannot_be_told(git: Git, identity: str) -> None:
    assert CommitTree(git, "main").changes_since(identity, PLACES) is None


def test_a_tree_that_is_listed_tells_the_same_blobs(git: Git) -> None:
    listed, asked = CommitTree(git, "main"), CommitTree(git, "main")
    for path in [*listed.paths(), "nothing.md", "state", "README.md/x"]:
        assert listed.blob(path) == asked.blob(path)
