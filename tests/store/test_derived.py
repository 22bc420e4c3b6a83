"""What is kept of texts: used where it is whole, made anew where it is not, never more than its room."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from aios.store.derived import Derived


class Counting:
    """Counts how often it really works."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, text: str) -> str:
        self.calls += 1
        return f"[{text.upper()}]"


def entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_what_was_derived_once_is_not_derived_again_by_the_next_process(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    assert Derived(tmp_path)("units", "größer", first) == "[GRÖSSER]"
    assert Derived(tmp_path)("units", "größer", second) == "[GRÖSSER]"
    assert (first.calls, second.calls) == (1, 0)


def test_another_text_and_another_name_are_something_else(tmp_path: Path) -> None:
    made, derived = Counting(), Derived(tmp_path)
    assert [derived("a", "x", made), derived("b", "x", made), derived("a", "y", made)] == ["[X]", "[X]", "[Y]"]
    assert made.calls == 3


@pytest.mark.parametrize("damage", ["cut off", "a byte changed", "emptied", "another entry's", "not text", "a folder"])
def test_a_damaged_or_foreign_entry_is_noticed_and_made_anew(tmp_path: Path, damage: str) -> None:
    Derived(tmp_path)("units", "one", Counting())
    (entry,) = entries(tmp_path)
    whole = entry.read_bytes()
    Derived(tmp_path)("units", "two", Counting())
    other = next(each for each in entries(tmp_path) if each != entry).read_bytes()
    if damage == "a folder":
        entry.unlink()
        entry.mkdir()
    else:
        entry.write_bytes(
            {
                "cut off": whole[:-1],
                "a byte changed": whole.replace(b"ONE", b"ONA"),
                "emptied": b"",
                "another entry's": other,
                "not text": b"\xff\xfe" + whole,
            }[damage]
        )
    made = Counting()
    assert Derived(tmp_path)("units", "one", made) == "[ONE]"
    assert made.calls == 1
    if damage != "a folder":
        assert entry.read_bytes() == whole


def test_a_folder_that_cannot_be_made_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    made, derived = Counting(), Derived(tmp_path / "file" / "derived")
    assert [derived("units", "one", made), derived("units", "one", made)] == ["[ONE]", "[ONE]"]
    assert made.calls == 2


def test_the_oldest_go_before_there_is_too_much(tmp_path: Path) -> None:
    most = 20_000
    for number in range(20):
        text = f"{number:02}" * 1_000
        Derived(tmp_path, most)("units", text, Counting())  # each as a process of its own
        for age, each in enumerate(sorted(entries(tmp_path), key=lambda path: path.stat().st_mtime_ns)):
            os.utime(each, ns=(age, age))  # an order that no clock's grain blurs
        assert sum(each.stat().st_size for each in entries(tmp_path)) <= most + 2_200
    made = Counting()
    Derived(tmp_path, most)("units", "19" * 1_000, made)
    assert made.calls == 0
    Derived(tmp_path, most)("units", "00" * 1_000, made)
    assert made.calls == 1


def test_what_has_no_room_at_all_is_not_kept(tmp_path: Path) -> None:
    assert len(Derived(tmp_path, 1_000)("units", "x" * 2_000, Counting())) == 2_002
    assert entries(tmp_path) == []


def write(folder: Path, number: int) -> None:
    derived = Derived(folder)
    for each in range(40):
        assert derived("units", f"text {each}", lambda text: text * 100) == f"text {each}" * 100
    os._exit(number if number == 0 else 0)


def test_processes_that_write_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=write, args=(tmp_path, number)) for number in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 4
    assert len(entries(tmp_path)) == 40
    made = Counting()
    assert Derived(tmp_path)("units", "text 7", made) == "text 7" * 100
    assert made.calls == 0
