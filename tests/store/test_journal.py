"""The journal: durable on return, one writer, a torn end is cut, damage is never passed over."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aios.errors import AiosError, BusyError, CorruptError
from aios.store.commits import Draft
from aios.store.frames import frame, scan
from aios.store.journal import Entry, Journal, pending_entries
from tests.store.drafts import draft

START = 64  # bytes before the first frame


def entry(number: int, size: int = 10) -> Entry:
    return Entry(f"k{number}", "refs/heads/x", draft(number, {"a.md": b"x" * size, "b.md": None}), "p")


def test_entries_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "aios" / "01j.journal"
    odd = Draft(
        "m ü \udcff\n",
        {"ü \udcff\n.md": b"\0\xff", "gone": None, "empty": b""},
        "2026-01-01T00:00:00Z",
        "a",
        "e",
        ("p",),
    )
    entries = (entry(1), Entry("k", "refs/heads/x", odd, "", new_ref=True))
    with Journal(path) as journal:
        for each in entries:
            journal.append(each)
        assert journal.entries() == entries
        assert pending_entries(path) == entries
    with Journal(path) as journal:
        assert journal.entries() == entries
        journal.truncate()
        assert journal.entries() == pending_entries(path) == ()
    assert not path.exists()
    assert pending_entries(path) == ()


def test_a_second_writer_is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "01j.journal"
    with Journal(path), pytest.raises(BusyError, match=f"Run 01j is being worked on by process {os.getpid()}"):
        Journal(path)
    Journal(path).close()


def test_of_two_processes_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "01j.journal"
    code = "import sys; from pathlib import Path; from aios.store.journal import Journal; Journal(Path(sys.argv[1]))"
    with Journal(path):
        lost = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert f"BusyError: Run 01j is being worked on by process {os.getpid()}" in lost.stderr


def test_a_fork_does_not_keep_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "01j.journal"
    journal = Journal(path)
    journal.append(entry(1))
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(theirs)
        os.read(ours, 1)  # live on until the parent says so
        try:
            journal.append(entry(2))
        except AiosError:
            os._exit(0)
        os._exit(1)
    os.close(ours)
    journal.close()
    with Journal(path) as again:
        assert again.entries() == (entry(1),)
    os.close(theirs)
    assert os.waitpid(child, 0)[1] == 0


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "01j.journal")
    journal.close()
    journal.close()
    with pytest.raises(AiosError, match="closed"):
        journal.append(entry(1))


@settings(max_examples=150, deadline=None)
@given(sizes=st.lists(st.integers(0, 300), min_size=1, max_size=6), cut=st.integers(0, 4000))
def test_any_truncation_leaves_the_whole_records_before_it(sizes: list[int], cut: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "01j.journal"
        ends = _fill(path, sizes)
        data = path.read_bytes()
        path.write_bytes(data[: min(cut, len(data))])
        whole = sum(end <= min(cut, len(data)) for end in ends)
        with Journal(path) as journal:
            assert [each.key for each in journal.entries()] == [f"k{n}" for n in range(whole)]
            journal.append(entry(99))
        assert [each.key for each in pending_entries(path)] == [*(f"k{n}" for n in range(whole)), "k99"]


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 300), min_size=1, max_size=6),
    tail=st.binary(min_size=1, max_size=400),
    keep=st.floats(0, 1),
)
def test_a_garbled_last_record_is_dropped_and_the_others_stay(sizes: list[int], tail: bytes, keep: float) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "01j.journal"
        ends = _fill(path, sizes)
        data = path.read_bytes()
        before = ends[-2] if len(ends) > 1 else START
        garbled = data[: before + int((len(data) - 1 - before) * keep)] + tail
        path.write_bytes(garbled)
        keys = [f"k{n}" for n in range(len(sizes))]
        with Journal(path) as journal:
            found = [each.key for each in journal.entries()]
        assert found == (keys if garbled.startswith(data) else keys[:-1])


@settings(max_examples=150, deadline=None)
@given(sizes=st.lists(st.integers(0, 300), min_size=2, max_size=6), at=st.floats(0, 1), value=st.integers(1, 255))
def test_damage_before_a_whole_record_is_reported_with_its_offset(sizes: list[int], at: float, value: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "01j.journal"
        ends = _fill(path, sizes)
        data = bytearray(path.read_bytes())
        offset = START + int((ends[-2] - 1 - START) * at)
        data[offset] ^= value
        path.write_bytes(bytes(data))
        start = max(end for end in [START, *ends] if end <= offset)
        with pytest.raises(CorruptError, match=f"damaged at byte {start},"):
            Journal(path)
        with pytest.raises(CorruptError):
            pending_entries(path)
        assert path.read_bytes() == bytes(data)


@given(payloads=st.lists(st.binary(max_size=50), max_size=8))
def test_frames_of_an_earlier_filling_are_not_taken_for_new_ones(payloads: list[bytes]) -> None:
    data = b"".join(frame(number, payload) for number, payload in enumerate(payloads, 1))
    assert scan(data, 0, name="x").payloads == tuple(payloads)
    with pytest.raises(CorruptError):
        scan(data + frame(len(payloads) + 2, b"a number is missing"), 0, name="x")


def test_another_file_is_not_taken_for_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "01j.journal"
    path.write_bytes(b"something else entirely " * 20)
    with pytest.raises(CorruptError, match="no journal"):
        Journal(path)
    assert path.read_bytes() == b"something else entirely " * 20


_FULL_DISK = """
import resource, sys
from pathlib import Path
from aios.errors import AiosError
from aios.store.journal import Journal
from tests.store.test_journal import entry
with Journal(Path(sys.argv[1])) as journal:
    journal.append(entry(1, 3000))
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
    try:
        journal.append(entry(2, 3000))
    except AiosError as error:
        print(error)
    journal.append(entry(3, 300))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    journal.append(entry(4, 3000))
"""


def test_a_full_disk_refuses_the_step_and_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "01j.journal"
    command = [sys.executable, "-c", _FULL_DISK, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("The disk is full: 01j.journal cannot take another step. Hint: Free some space")
    assert [each.key for each in pending_entries(path)] == ["k1", "k3", "k4"]


def _fill(path: Path, sizes: list[int]) -> list[int]:
    """Append entries of these sizes; give the offset behind each."""
    ends = []
    with Journal(path) as journal:
        for number, size in enumerate(sizes):
            journal.append(entry(number, size))
            ends.append(START + journal.size)
    return ends
