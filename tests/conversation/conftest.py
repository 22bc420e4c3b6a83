from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from aios.runs.context import Context
from aios.runs.on_forge import show_on_forge
from tests.conversation.forum import Forum, founded, proposed
from tests.runs import house


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company with a proposal at its gate: made once."""
    root = founded(tmp_path_factory.mktemp("conversation") / "company")
    here = house.context(root)
    with here.git:
        proposed(here)
    return root


@pytest.fixture
def place(template: Path, tmp_path: Path) -> Iterator[Context]:
    """The same, not yet shown at its forge."""
    root = tmp_path / "company"
    shutil.copytree(template, root)
    here = house.context(root)
    with here.git:
        yield house.context(root, forge=Forum(here.git), git=here.git)


@pytest.fixture
def forum(place: Context) -> Forum:
    """Its forge, where the proposal is open as number 1."""
    show_on_forge(place, house.RUN_ID)
    return cast(Forum, place.forge)
