"""A query only reads, ends, and says what there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios.errors import CorruptError, UsageError
from aios.projections import TABLES, Projection
from aios.projections.query import ask, streamed
from aios.store.git import Git
from tests.projections.histories import Step, grow


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("query")
    with Git.init(folder / "company") as git:
        text = "schema: customer.v1\nname: Acme\nstatus: lead\n"
        grow(git, [Step(((f"state/customers/c{number}.yaml", text),), True, False) for number in range(5)])
        projection = Projection(folder / "projection.sqlite", git, "main")
        projection.refresh()
        yield folder / "projection.sqlite"


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE records",
        "DELETE FROM stored_records",
        "INSERT INTO stored_records DEFAULT VALUES",
        "UPDATE stored_records SET title = ''",
        "ATTACH 'other.sqlite' AS other",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA query_only = OFF",
        "CREATE TEMP TABLE mine (x)",
        "VACUUM INTO 'copy.sqlite'",
        "SELECT load_extension('x')",
        "BEGIN",
        "REINDEX",
    ],
)
def test_what_does_not_only_read_is_refused(file: Path, sql: str) -> None:
    before = file.read_bytes()
    with pytest.raises(UsageError, match="only reads"):
        ask(file, sql, limit=10)
    assert file.read_bytes() == before
    assert sorted(path.name for path in file.parent.iterdir() if path.suffix == ".sqlite") == ["projection.sqlite"]


def test_every_table_that_is_described_can_be_asked(file: Path) -> None:
    for name, columns in TABLES.items():
        assert ask(file, f"SELECT * FROM {name}", limit=1).columns == tuple(columns)  # noqa: S608
        assert all(columns.values())


def test_more_rows_than_asked_for_are_said_to_be_there(file: Path) -> None:
    assert (len(ask(file, "SELECT * FROM records", limit=3).rows), ask(file, "SELECT 1", limit=1).more) == (3, False)
    assert ask(file, "SELECT * FROM records", limit=3).more


def test_json_and_parameters_work(file: Path) -> None:
    found = ask(file, "SELECT json_extract(data, '$.name') FROM records WHERE id = ?", ("c3",), limit=9)
    assert found.rows == (("Acme",),)


@pytest.mark.parametrize(
    ("sql", "message", "hint"),
    [
        ("SELECT * FROM recods", "no table `recods`", "did you mean `records`?"),
        ("SELECT tilte FROM records", "no column `tilte`", "did you mean `title`?"),
        ("SELECT r.zzz FROM records r", "no column `r.zzz`", "--tables"),
        ("SELECT 1; SELECT 2", "one statement", "semicolon"),
        ("SELEC 1", "syntax error", "the tables are"),
        ("", "asks nothing", "SELECT"),
        ("SELECT '\udcff'", "not valid text", "UTF-8"),
        ("SELECT '\0'", "null character", "the tables are"),
        ("SELECT ?", "bindings", "the tables are"),
    ],
)
def test_errors_say_what_there_is(file: Path, sql: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        ask(file, sql, limit=10)
    assert hint in caught.value.hint


def test_rows_are_read_while_they_are_taken(file: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x, zeroblob(100000) FROM n"
    with streamed(file, endless, seconds=5.0) as told:
        assert told.columns[0] == "x"
        assert [row[0] for row in islice(told.rows, 2000)][-1] == 2000


def test_text_that_is_none_is_shown_as_far_as_it_can_be(file: Path) -> None:
    assert ask(file, "SELECT CAST(x'41ff' AS TEXT), x'00'", limit=1).rows == (("A\ufffd", b"\0"),)


def test_fewer_rows_than_none_are_refused(file: Path) -> None:
    with pytest.raises(UsageError, match="-1 rows"):
        ask(file, "SELECT 1", limit=-1)


def test_a_file_that_is_no_database_is_said_to_be_that(tmp_path: Path) -> None:
    (tmp_path / "p.sqlite").write_bytes(b"nothing of the kind" * 99)
    for name in ("p.sqlite", "missing.sqlite"):
        with pytest.raises(CorruptError) as caught:
            ask(tmp_path / name, "SELECT * FROM records", limit=1)
        assert "aios rebuild" in caught.value.hint


def test_a_query_without_end_is_ended(file: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(UsageError, match="took longer"):
        ask(file, endless, limit=10, seconds=0.05)


def test_a_value_without_bound_is_refused(file: Path) -> None:
    with pytest.raises(UsageError):
        ask(file, "SELECT hex(zeroblob(1000000000))", limit=1)


@given(st.text(max_size=60))
def test_no_text_is_more_than_an_error(file: Path, text: str) -> None:
    with suppress(UsageError):
        ask(file, text, limit=5, seconds=1.0)
