"""Maintenance: few packs, no litter, nothing lost, and not in anyone's way."""

from __future__ import annotations

import os

from aios.store.commits import commit_many
from aios.store.git import Git
from aios.store.maintain import maintain
from aios.store.writing import writing
from tests.store.drafts import draft


def packs(git: Git) -> int:
    return len(list((git.dir / "objects/pack").glob("*.pack")))


def filled(git: Git, count: int) -> str:
    tip = git.commit("main")
    for number in range(count):
        tip = commit_many(git, "main", [draft(number)], expected=tip)[0]
    return tip


def test_many_packs_become_few_and_readers_go_on(git: Git) -> None:
    tip = filled(git, 8)
    files = git.tree(tip)
    assert maintain(git, packs=8) is False
    assert packs(git) == 8
    assert maintain(git, packs=5) is True
    assert packs(git) < 4
    assert git.read_blob(f"{tip}:state/notes/3.yaml") == b"name: 3\n"
    assert dict(git.tree(git.commit("main"))) == dict(files)
    assert commit_many(git, "main", [draft("after")], expected=tip)
    assert git.text("fsck", "--full", "--strict") == ""


def test_leftovers_of_killed_writers_go(git: Git) -> None:
    tip = filled(git, 1)
    pack = next((git.dir / "objects/pack").glob("*.pack"))
    keep, early = pack.with_suffix(".keep"), pack.parent / "pack-early.keep"
    keep.write_text("fast-import")
    early.touch()
    old, young = pack.parent / "tmp_pack_old", pack.parent / "tmp_pack_young"
    for place in (old, young, git.dir / "fast_import_crash_1"):
        place.touch()
    os.utime(old, (0, 0))
    git.update_ref("refs/aios/import/dead", tip, None, reason="test")
    maintain(git)
    assert not keep.exists()
    assert not early.exists()
    assert not old.exists()
    assert young.exists()
    assert not (git.dir / "fast_import_crash_1").exists()
    assert git.refs("refs/aios/") == {}


def test_packs_that_the_operator_keeps_are_kept(git: Git) -> None:
    filled(git, 4)
    pack = next((git.dir / "objects/pack").glob("*.pack"))
    pack.with_suffix(".keep").touch()
    assert maintain(git, packs=1) is True
    assert pack.exists()
    assert pack.with_suffix(".keep").exists()


def test_nothing_is_done_while_someone_writes(git: Git) -> None:
    filled(git, 4)
    with writing(git.dir):
        assert maintain(git, packs=1) is False
    assert maintain(git, packs=1) is True
