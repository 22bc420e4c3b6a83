"""A repository without a commit, and a place for its projection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aios.store.git import Git


@pytest.fixture
def git(tmp_path: Path) -> Iterator[Git]:
    with Git.init(tmp_path / "company") as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "projection.sqlite"
