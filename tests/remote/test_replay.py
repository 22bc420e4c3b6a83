"""Commits of one copy replayed on another: who made them and when stays, what is there already is left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aios.errors import RefusedError
from aios.store.checkout import rebased
from aios.store.git import Git
from aios.store.rebase import replay
from tests.remote.hub import git

RECORD = "schema: product.v1\nname: Pro  # ours\nstatus: active\n"
WHO = {"GIT_AUTHOR_NAME": "Zoë", "GIT_AUTHOR_EMAIL": "zoe@x.example", "GIT_AUTHOR_DATE": "2026-03-02T09:00:00+0530"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Git]:
    with Git.init(tmp_path / "here") as opened:
        git(opened.root, "config", "user.name", "Me")
        git(opened.root, "config", "user.email", "me@x.example")
        commit(opened, "start", **{"pro.yaml": RECORD, "other.yaml": "name: x\n"})
        git(opened.root, "branch", "there")
        yield opened


def commit(here: Git, message: str, **files: str) -> str:
    for path, text in files.items():
        (here.root / path).write_text(text)
    git(here.root, "add", "-A")
    git(here.root, "commit", "-q", "--allow-empty", "-m", message, env=WHO)
    return git(here.root, "rev-parse", "HEAD")


def on(here: Git, branch: str) -> None:
    git(here.root, "switch", "-q", branch)


def test_records_meet_by_field_and_author_date_and_message_stay(here: Git) -> None:
    commit(here, "status\n\nwhy", **{"pro.yaml": RECORD.replace("active", "retired")})
    tip = commit(here, "nothing changed")
    on(here, "there")
    onto = commit(here, "name", **{"pro.yaml": RECORD.replace("Pro", "Pro plan")})
    done = replay(here, tip, onto)
    assert (len(done.commits), done.clashes) == (2, ())
    assert git(here.root, "show", f"{done.tip}:pro.yaml") + "\n" == RECORD.replace("Pro", "Pro plan").replace(
        "active", "retired"
    )
    told = git(here.root, "log", "-1", "--format=%an %ae %aI %B", f"{done.tip}~1")
    assert told.split("\n") == ["Zoë zoe@x.example 2026-03-02T09:00:00+05:30 status", "", "why"]
    assert replay(here, tip, done.tip).tip == done.tip  # they are there already


def test_clashes_are_told_with_both_values_and_nothing_is_made(here: Git) -> None:
    tip = commit(here, "ours", **{"pro.yaml": RECORD.replace("active", "retired")})
    on(here, "there")
    onto = commit(here, "theirs", **{"pro.yaml": RECORD.replace("active", "draft")})
    done = replay(here, tip, onto)
    assert (done.tip, done.commits) == (onto, ())
    assert [str(each) for each in done.clashes] == ["pro.yaml, status: here 'retired', there 'draft'"]
    kept = replay(here, tip, onto, yields=True)
    assert git(here.root, "diff", "--stat", onto, kept.tip) == ""


def test_a_merge_stays_one_and_keeps_where_it_came_from(here: Git) -> None:
    git(here.root, "switch", "-q", "-c", "side")
    side = commit(here, "side", **{"side.yaml": "name: side\n"})
    on(here, "main")
    git(here.root, "merge", "-q", "--no-ff", "-m", "merged", side)
    tip = git(here.root, "rev-parse", "HEAD")
    on(here, "there")
    onto = commit(here, "theirs", **{"other.yaml": "name: y\n"})
    done = replay(here, tip, onto)
    assert git(here.root, "log", "-1", "--format=%P", done.tip).split() == [onto, side]
    assert git(here.root, "ls-tree", "--name-only", done.tip).split() == ["other.yaml", "pro.yaml", "side.yaml"]


@pytest.mark.parametrize("how", ["mode", "link"])
def test_what_is_more_than_content_is_refused(here: Git, how: str) -> None:
    if how == "mode":
        (here.root / "pro.yaml").chmod(0o755)
    else:
        (here.root / "link.yaml").symlink_to("pro.yaml")
    tip = commit(here, "odd")
    on(here, "there")
    with pytest.raises(RefusedError, match=r"changes more of .*yaml than its content"):
        replay(here, tip, commit(here, "theirs"))


def test_a_branch_that_is_checked_out_moves_with_its_files_and_edits_survive_or_stop_it(here: Git) -> None:
    tip = commit(here, "ours", **{"mine.yaml": "name: mine\n"})
    on(here, "there")
    onto = commit(here, "theirs", **{"other.yaml": "name: y\n", "new.yaml": "name: new\n"})
    on(here, "main")
    new = replay(here, tip, onto).tip
    (here.root / "pro.yaml").write_text("an edit\n")
    (here.root / "new.yaml").write_text("in the way\n")
    with pytest.raises(RefusedError, match=r"would be lost: new\.yaml"):
        rebased(here, "main", new, expected=tip)
    assert (here.rev("main"), (here.root / "other.yaml").read_text()) == (tip, "name: x\n")
    (here.root / "new.yaml").unlink()
    rebased(here, "main", new, expected=tip)
    assert git(here.root, "status", "--porcelain") == "M pro.yaml"
    assert ((here.root / "other.yaml").read_text(), (here.root / "pro.yaml").read_text()) == ("name: y\n", "an edit\n")
