"""Whatever is wrong with the file, or with the moment: what is told is right, and nothing is lost."""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aios.errors import AiosError, BusyError
from aios.projections import Projection
from aios.projections.file import discard, locked
from aios.store.commits import Draft, commit_many
from aios.store.git import Git
from tests.projections.histories import AT, ONE, THREE, TWO, Step, everything, grow, names

REFRESH = (
    "import sys; from pathlib import Path; from aios.projections import Projection; from aios.store.git import Git\n"
    "print(Projection(Path(sys.argv[1]), Git(Path(sys.argv[2])), 'main').refresh().events)\n"
)


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


def test_a_killed_refresh_leaves_what_there_was_or_all_that_is_new(git: Git, file: Path) -> None:
    tip = grow(git, [ONE])
    projection = Projection(file, git, "main")
    projection.refresh()
    before, old = file.read_bytes(), everything(projection)
    changes = [{f"state/customers/c{n % 50}.yaml": f"schema: customer.v1\nname: {n}\n".encode()} for n in range(6000)]
    commit_many(git, "main", [Draft("By hand\n", each, AT, "Olga", "o@x") for each in changes], expected=tip)
    anew = Projection(file.with_name("anew.sqlite"), git, "main")
    anew.refresh()
    new = everything(anew)
    log = file.with_name(file.name + "-wal")

    def is_under_way() -> bool:
        with file.with_name(file.name + ".lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    moments: dict[str, Callable[[], bool]] = {
        "as soon as it began": is_under_way,
        "at the first byte of it": lambda: log.exists() and log.stat().st_size > 0,
        "while it is made to last": lambda: log.exists() and log.stat().st_size > 200_000,
    }
    for moment, has_come in moments.items():
        discard(file)
        file.write_bytes(before)
        running = subprocess.Popen([sys.executable, "-c", REFRESH, str(file), str(git.root)], stdout=subprocess.DEVNULL)
        while running.poll() is None and not has_come():
            pass
        running.kill()
        running.wait()
        found = everything(projection)
        assert found in (old, new), moment
        assert moment != "as soon as it began" or (running.returncode, found == old) == (-signal.SIGKILL, True)
        projection.refresh()
        assert everything(projection) == new


def test_processes_that_refresh_at_once_wait_for_one_another(git: Git, file: Path) -> None:
    grow(git, [ONE, TWO, THREE] * 20)
    command = [sys.executable, "-c", REFRESH, str(file), str(git.root)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) for _ in range(4)]
    told = sorted(int(process.communicate()[0]) for process in running)
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    assert told == [0, 0, 0, 80]


@pytest.mark.parametrize("damage", [b"", b"no database", b"SQLite format 3\0" * 300])
def test_processes_that_find_damage_at_once_do_not_undo_each_others_work(git: Git, file: Path, damage: bytes) -> None:
    grow(git, [ONE, TWO, THREE] * 5)
    file.write_bytes(damage)
    asked = "print(Projection(Path(sys.argv[1]), Git(Path(sys.argv[2])), 'main').query(sys.argv[3]).rows[0][0])"
    command = [sys.executable, "-c", REFRESH + asked, str(file), str(git.root), "SELECT count(*) FROM events"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    told = [process.communicate()[0].split() for process in running]
    assert sorted(told) == [["0", "20"]] * 3 + [["20", "20"]]


def test_news_that_lie_in_the_log_beside_the_file_are_kept_and_found_again(git: Git, file: Path) -> None:
    text = "schema: note.v1\ntitle: x\nmore: " + "words " * 300
    grow(git, [Step(tuple((f"memory/lessons/n{n}.yaml", f"{text}{n}\n") for n in range(200)), True, False)])
    projection = Projection(file, git, "main")
    projection.refresh()
    log = file.with_name(file.name + "-wal")
    assert not log.exists()
    for number in range(40):
        grow(git, [ONE if number % 2 else TWO, THREE])
        assert projection.refresh().rebuilt == ""
    assert log.stat().st_size > 0
    found = everything(projection)
    projection.rebuild()
    assert everything(projection) == found
    log.write_bytes(b"\x55" * 9000)
    assert projection.refresh().rebuilt == ""
    assert everything(projection) == found


def test_who_waited_tells_what_came_meanwhile(git: Git, file: Path) -> None:
    grow(git, [ONE])
    Projection(file, git, "main").refresh()
    grow(git, [TWO])
    with locked(file):
        running = subprocess.Popen([sys.executable, "-c", REFRESH, str(file), str(git.root)], stdout=subprocess.PIPE)
        grow(git, [THREE])
    assert running.communicate()[0].split() == [b"3"]
    assert Projection(file, git, "main").refresh().events == 0


def test_who_waits_too_long_is_told_so(file: Path) -> None:
    with locked(file), pytest.raises(BusyError, match="another aios"), locked(file, wait=0.0):
        pass


def test_damage_that_only_a_query_meets_is_mended(git: Git, file: Path) -> None:
    text = "schema: note.v1\ntitle: x\nmore: " + "words " * 300
    grow(git, [Step(tuple((f"memory/lessons/n{n}.yaml", f"{text}{n}\n") for n in range(200)), True, False)])
    projection = Projection(file, git, "main")
    projection.refresh()
    whole = everything(projection)
    content = bytearray(file.read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = b"\x55" * third
    file.write_bytes(content)
    assert projection.refresh().rebuilt == ""  # it looks well from outside
    assert everything(projection) == whole


def test_what_cannot_be_written_is_said_and_nothing_is_deleted(git: Git, file: Path) -> None:
    file.mkdir()
    with pytest.raises(AiosError, match="cannot be used"):
        Projection(file, git, "main").refresh()
    assert file.is_dir()
    with pytest.raises(AiosError, match="cannot be written"):
        Projection(Path(os.devnull) / "projection.sqlite", git, "main").refresh()


def test_a_full_disk_costs_nothing_that_there_was(git: Git, file: Path) -> None:
    grow(git, [ONE])
    projection = Projection(file, git, "main")
    projection.refresh()
    before = everything(projection)
    text = "schema: note.v1\ntitle: x\nmore: " + "words " * 300
    grow(git, [Step(tuple((f"memory/lessons/n{n}.yaml", f"{text}{n}\n") for n in range(600)), True, False)])
    full = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({400_000}, {400_000}))\n{REFRESH}"
    ended = subprocess.run(
        [sys.executable, "-c", full, str(file), str(git.root)], capture_output=True, text=True, check=False
    )
    assert "cannot be " in ended.stderr.splitlines()[-1]
    assert everything(projection) == before
