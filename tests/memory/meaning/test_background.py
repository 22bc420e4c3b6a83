from __future__ import annotations

import os
from pathlib import Path

import pytest

from aios.errors import RefusedError
from aios.memory.meaning.background import RETRY, Background

NOW = 1_800_000_000.0


def background(folder: Path, *, alive: bool | None = True) -> Background:
    return Background(folder / "embedding" / "refreshing", "host:1", lambda _: alive)


def test_where_nothing_was_begun_nothing_is_marked(tmp_path: Path) -> None:
    assert not background(tmp_path).is_marked(NOW)
    assert background(tmp_path).failure() == ""


def test_one_that_is_at_it_is_no_failure_and_no_other_is_begun(tmp_path: Path) -> None:
    one = background(tmp_path)
    with one.at_it():
        os.utime(one.mark, (NOW, NOW))
        assert one.is_marked(NOW + 5)
        assert one.failure() == ""
        assert background(tmp_path, alive=False).failure() == "the process that made them was killed (host:1)"
    assert not one.is_marked(NOW)


@pytest.mark.parametrize(
    ("error", "said"), [(RefusedError("no such model", "choose"), "no such model"), (OSError("full"), "full")]
)
def test_a_failure_is_kept_for_an_hour(tmp_path: Path, error: Exception, said: str) -> None:
    one = background(tmp_path)
    with pytest.raises(type(error)), one.at_it():
        raise error
    os.utime(one.mark, (NOW, NOW))
    assert one.failure() == said
    assert one.is_marked(NOW + RETRY - 1)
    assert not one.is_marked(NOW + RETRY + 1)
    with one.at_it():
        pass
    assert one.failure() == ""
