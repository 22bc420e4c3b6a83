from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from aios.memory.meaning.vectors import FEWEST, Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 8


def rows(*keys: int) -> NDArray[np.float32]:
    return np.array([[key + place / 10 for place in range(SIZE)] for key in keys], np.float32)


def put(folder: Path, *keys: int) -> Vectors:
    vectors = Vectors(folder, SIZE)
    with vectors.writing() as mine:
        assert mine
        vectors.append(list(keys), rows(*keys))
    return vectors


def known(folder: Path) -> list[int]:
    found: list[int] = Vectors(folder, SIZE).keys.tolist()
    return found


def test_what_was_written_is_read_by_the_next_process(tmp_path: Path) -> None:
    put(tmp_path, 5, -3)
    put(tmp_path, 7)
    vectors = Vectors(tmp_path, SIZE)
    assert vectors.keys.tolist() == [5, -3, 7]
    assert np.array_equal(vectors.matrix, rows(5, -3, 7))
    assert vectors.rows_of([7, 99, 5, 7]).tolist() == [2, -1, 0, 2]
    assert vectors.missing([7, 99, 98, 99]) == [99, 98]
    assert vectors.damaged() == []


def test_an_empty_folder_has_no_vectors_and_is_not_touched(tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "none", SIZE)
    assert len(vectors) == 0
    assert vectors.rows_of([1]).tolist() == [-1]
    assert not (tmp_path / "none").exists()


def test_a_reader_sees_what_came_since_once_it_looks_again(tmp_path: Path) -> None:
    reader = put(tmp_path, 1)
    put(tmp_path, 2)
    assert reader.keys.tolist() == [1]
    reader.reopen()
    assert reader.keys.tolist() == [1, 2]


def test_only_one_process_writes_at_a_time(tmp_path: Path) -> None:
    with Vectors(tmp_path, SIZE).writing() as first, Vectors(tmp_path, SIZE).writing() as second:
        assert first
        assert not second


@pytest.mark.parametrize("cut", range(1, 16))
def test_half_a_row_of_keys_is_no_row_and_the_next_writer_cuts_it_off(tmp_path: Path, cut: int) -> None:
    put(tmp_path, 1, 2)
    keys = tmp_path / "keys"
    os.truncate(keys, keys.stat().st_size - cut)
    assert known(tmp_path) == [1]
    put(tmp_path, 3)
    assert known(tmp_path) == [1, 3]
    assert np.array_equal(Vectors(tmp_path, SIZE).matrix, rows(1, 3))


@pytest.mark.parametrize("cut", [1, 4, SIZE * 4, SIZE * 4 + 1])
def test_a_key_without_its_whole_vector_does_not_count(tmp_path: Path, cut: int) -> None:
    put(tmp_path, 1, 2, 3)
    (matrix,) = tmp_path.glob("vectors-*")
    os.truncate(matrix, matrix.stat().st_size - cut)
    assert known(tmp_path) == ([1, 2] if cut <= SIZE * 4 else [1])
    put(tmp_path, 9)
    vectors = Vectors(tmp_path, SIZE)
    assert vectors.damaged() == []
    assert vectors.keys.tolist()[-1] == 9


def test_vectors_without_their_keys_are_written_over(tmp_path: Path) -> None:
    put(tmp_path, 1)
    (matrix,) = tmp_path.glob("vectors-*")
    with matrix.open("ab") as file:
        file.write(b"half a vec")
    put(tmp_path, 2)
    assert np.array_equal(Vectors(tmp_path, SIZE).matrix, rows(1, 2))


@pytest.mark.parametrize("content", [b"", b"\0" * 200, b"SQLite format 3\0", os.urandom(300)])
def test_a_file_that_is_not_ours_counts_as_none_and_is_made_anew(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, 1, 2)
    (tmp_path / "keys").write_bytes(content)
    assert known(tmp_path) == []
    put(tmp_path, 4)
    assert known(tmp_path) == [4]
    assert len(list(tmp_path.glob("vectors-*"))) == 1


def test_vectors_of_other_dimensions_are_another_models(tmp_path: Path) -> None:
    put(tmp_path, 1)
    assert len(Vectors(tmp_path, SIZE * 2)) == 0


def test_a_damaged_vector_is_told(tmp_path: Path) -> None:
    put(tmp_path, 1, 2, 3)
    (matrix,) = tmp_path.glob("vectors-*")
    data = bytearray(matrix.read_bytes())
    data[SIZE * 4 + 3] ^= 1
    matrix.write_bytes(data)
    assert Vectors(tmp_path, SIZE).damaged() == [2]


def test_what_is_gone_from_the_tree_is_dropped_once_it_is_the_larger_part(tmp_path: Path) -> None:
    many = list(range(FEWEST + 10))
    put(tmp_path, *many)
    reader = Vectors(tmp_path, SIZE)
    writer = Vectors(tmp_path, SIZE)
    with writer.writing():
        assert not writer.keep_only(many[: len(many) // 2 + 1])
        assert writer.keep_only(many[:100])
    assert known(tmp_path) == many[:100]
    assert np.array_equal(Vectors(tmp_path, SIZE).matrix, rows(*many[:100]))
    assert np.array_equal(reader.matrix, rows(*many)), "who had the old file open goes on reading it"
    reader.reopen()
    assert len(reader) == 100


def test_a_few_rows_are_not_worth_writing_anew(tmp_path: Path) -> None:
    vectors = put(tmp_path, 1, 2, 3)
    with vectors.writing():
        assert not vectors.keep_only([1])


KILLED = textwrap.dedent("""
    import os, signal, sys
    from pathlib import Path
    import numpy as np
    from aios.memory.meaning import vectors as module
    boundary, seen = int(sys.argv[2]), 0
    put = module._put
    def counted(file, data):
        global seen
        seen += 1
        if seen == boundary:
            file.write(data[: len(data) // 2]); file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        put(file, data)
    module._put = counted
    vectors = module.Vectors(Path(sys.argv[1]), 8)
    with vectors.writing():
        for key in range(10, 20):
            vectors.append([key], np.full((1, 8), key, np.float32))
        vectors.rewrite(list(range(0, len(vectors), 2)))
""")


@pytest.mark.parametrize("boundary", range(1, 24))
def test_a_writer_killed_at_any_write_loses_nothing_that_it_had_done(tmp_path: Path, boundary: int) -> None:
    """Also while the files are written anew: what is there before or after, never a mixture."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(boundary)], check=False)
    if done.returncode == 0:
        assert boundary > 20, "it was to be killed"
    vectors = Vectors(tmp_path, SIZE)
    assert vectors.damaged() == []
    assert all((vectors.matrix[row] == key).all() for row, key in enumerate(vectors.keys.tolist()))
    before = list(range(10, 20))[: max(0, (boundary - 2) // 2)]
    assert vectors.keys.tolist() in (before, before[:10:2])
    put(tmp_path, 99)
    assert known(tmp_path)[-1] == 99


REWRITING = textwrap.dedent("""
    import sys
    from pathlib import Path
    import numpy as np
    from aios.memory.meaning.vectors import Vectors
    vectors = Vectors(Path(sys.argv[1]), 8)
    with vectors.writing():
        for key in range(200, 600):
            vectors.append([key], np.full((1, 8), key, np.float32))
            vectors.rewrite(list(range(1, len(vectors))))
""")


def test_a_reader_never_sees_the_keys_of_one_file_with_the_vectors_of_another(tmp_path: Path) -> None:
    """Each rewriting drops the first row, so that every other one stands elsewhere."""
    first = list(range(100, 200))
    vectors = Vectors(tmp_path, SIZE)
    with vectors.writing():
        vectors.append(first, np.repeat(np.array(first, np.float32)[:, None], SIZE, axis=1))
    with subprocess.Popen([sys.executable, "-c", REWRITING, str(tmp_path)]) as writer:
        while writer.poll() is None:
            reader = Vectors(tmp_path, SIZE)
            assert 100 <= len(reader) <= 101
            assert (reader.matrix == reader.keys[:, None]).all()
    assert writer.returncode == 0
    assert known(tmp_path) == list(range(500, 600))
