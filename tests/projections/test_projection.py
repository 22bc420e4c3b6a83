"""The projection is the same however it came to be, and is made anew whenever it cannot be trusted."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

from aios.projections import TABLES, Projection
from aios.store.commits import Draft, commit_many
from aios.store.git import Git
from tests.projections.histories import AT, HISTORIES, Step, company, grow

REFRESH = (
    "import sys; from pathlib import Path; from aios.projections import Projection; from aios.store.git import Git\n"
    "print(Projection(Path(sys.argv[1]), Git(Path(sys.argv[2])), 'main').refresh().events)\n"
)
ONE = Step((("state/customers/acme.yaml", "schema: customer.v1\nname: Acme\nstatus: lead\n"),), False, False)
TWO = Step((("state/customers/acme.yaml", "schema: customer.v1\nname: Acme\nstatus: active\n"),), True, False)
THREE = Step((("state/customers/brick.yaml", "schema: customer.v1\nname: Brick\nstatus: lead\n"),), False, True)


def everything(projection: Projection) -> dict[str, object]:
    """All rows of all tables, in the order in which they come unasked."""
    return {name: projection.query(f"SELECT * FROM {name}", limit=100_000) for name in TABLES}  # noqa: S608


@settings(deadline=None, max_examples=60)
@given(HISTORIES)
def test_commit_by_commit_it_becomes_what_a_rebuild_makes(history: list[list[Step]]) -> None:
    with company() as (git, folder):
        grown = Projection(folder / "grown.sqlite", git, "main")
        for number, steps in enumerate(history):
            grow(git, steps)
            done = grown.refresh()
            assert (done.rebuilt == "") == (number > 0)
        anew = Projection(folder / "anew.sqlite", git, "main")
        anew.refresh()
        assert everything(grown) == everything(anew)
        before = everything(anew)
        anew.rebuild()
        assert everything(anew) == before


@pytest.fixture
def git(tmp_path: Path) -> Iterator[Git]:
    with Git.init(tmp_path / "company") as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "projection.sqlite"


def names(projection: Projection) -> list[str]:
    return [str(row[0]) for row in projection.query("SELECT id || ' ' || status FROM records ORDER BY 1").rows]


def test_a_company_without_a_commit_has_empty_tables(git: Git, file: Path) -> None:
    projection = Projection(file, git, "main")
    projection.refresh()
    assert projection.query("SELECT * FROM records").rows == ()


def test_nothing_new_is_nothing_to_do(git: Git, file: Path) -> None:
    grow(git, [ONE])
    projection = Projection(file, git, "main")
    projection.refresh()
    assert (projection.refresh().events, projection.refresh().files) == (0, 0)
    grow(git, [TWO, THREE])
    done = projection.refresh()
    assert (done.events, done.files, done.rebuilt) == (3, 2, "")


def test_history_that_was_rewritten_is_noticed(git: Git, file: Path) -> None:
    first = grow(git, [ONE])
    grow(git, [TWO])
    projection = Projection(file, git, "main")
    projection.refresh()
    git.run("update-ref", "refs/heads/main", first)
    grow(git, [THREE])
    assert projection.refresh().rebuilt == "the history was rewritten"
    assert names(projection) == ["acme lead", "brick lead"]


def test_history_that_is_gone_altogether_is_noticed(git: Git, file: Path) -> None:
    grow(git, [ONE, TWO])
    projection = Projection(file, git, "main")
    projection.refresh()
    git.run("update-ref", "-d", "refs/heads/main")
    git.run("reflog", "expire", "--expire=all", "--all")
    git.run("gc", "-q", "--prune=now")
    git.close()
    grow(git, [THREE])
    assert projection.refresh().rebuilt == "the history was rewritten"
    assert names(projection) == ["brick lead"]


def test_a_merge_that_turns_the_first_parent_round_is_told_from_the_beginning(git: Git, file: Path) -> None:
    base = grow(git, [ONE])
    main = grow(git, [TWO])
    projection = Projection(file, git, "main")
    projection.refresh()
    git.run("update-ref", "refs/heads/main", base)
    side = grow(git, [THREE])
    tree = git.text("rev-parse", f"{side}^{{tree}}").strip()
    who = ["-c", "user.name=Olga", "-c", "user.email=o@x"]
    turned = git.text(*who, "commit-tree", tree, "-p", side, "-p", main, "-m", "Foxtrot").strip()
    git.run("update-ref", "refs/heads/main", turned)
    assert projection.refresh().rebuilt == "the history was rewritten"
    anew = Projection(file.with_name("anew.sqlite"), git, "main")
    anew.refresh()
    assert everything(projection) == everything(anew)


@pytest.mark.parametrize(
    "damage", [b"", b"not a database at all, but long enough to look at", b"SQLite format 3\0" * 300]
)
def test_a_damaged_file_is_made_anew(git: Git, file: Path, damage: bytes) -> None:
    grow(git, [ONE])
    file.write_bytes(damage)
    projection = Projection(file, git, "main")
    assert projection.refresh().rebuilt
    assert names(projection) == ["acme lead"]


def test_another_versions_file_is_made_anew(git: Git, file: Path) -> None:
    grow(git, [ONE])
    projection = Projection(file, git, "main")
    projection.refresh()
    with sqlite3.connect(file) as db:
        db.execute("UPDATE origin SET version = 'older'")
        db.execute("CREATE TABLE left_over (x)")
    db.close()
    assert projection.refresh().rebuilt == "it was another version's"
    assert names(projection) == ["acme lead"]


def test_a_foreign_database_in_its_place_is_made_anew(git: Git, file: Path) -> None:
    grow(git, [ONE])
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE origin (something)")
        db.execute("CREATE VIEW records AS SELECT 1")
    db.close()
    projection = Projection(file, git, "main")
    assert projection.refresh().rebuilt
    assert names(projection) == ["acme lead"]


def test_a_file_that_cannot_be_read_hides_no_other(git: Git, file: Path) -> None:
    grow(git, [ONE, Step((("state/customers/broken.yaml", "a: [\n"),), True, False)])
    projection = Projection(file, git, "main")
    projection.refresh()
    assert names(projection) == ["acme lead"]
    assert projection.query("SELECT type FROM events ORDER BY seq").rows[-1] == ("record.created",)


def test_a_killed_refresh_leaves_what_there_was(git: Git, file: Path) -> None:
    tip = grow(git, [ONE])
    projection = Projection(file, git, "main")
    projection.refresh()
    changes = [{f"state/customers/c{n % 50}.yaml": f"schema: customer.v1\nname: {n}\n".encode()} for n in range(6000)]
    commit_many(git, "main", [Draft("By hand\n", each, AT, "Olga", "o@x") for each in changes], expected=tip)
    log = file.with_name(file.name + "-wal")
    for size in (1, 400_000):
        running = subprocess.Popen([sys.executable, "-c", REFRESH, str(file), str(git.root)])
        while running.poll() is None and (not log.exists() or log.stat().st_size < size):
            pass  # it has not written enough yet
        running.kill()
        assert running.wait() == -signal.SIGKILL
        assert names(projection) == ["acme lead"]
    assert projection.refresh().rebuilt == ""
    anew = Projection(file.with_name("anew.sqlite"), git, "main")
    anew.refresh()
    assert everything(projection) == everything(anew)


def test_processes_that_refresh_at_once_wait_for_one_another(git: Git, file: Path) -> None:
    grow(git, [ONE, TWO, THREE] * 20)
    command = [sys.executable, "-c", REFRESH, str(file), str(git.root)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) for _ in range(4)]
    told = sorted(int(process.communicate()[0]) for process in running)
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    assert told == [0, 0, 0, 80]
