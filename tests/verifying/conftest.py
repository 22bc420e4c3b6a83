"""One company and one honest handoff for all tests here: none of them changes either."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verifying import handing
from tests.verifying.handing import Handed


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return handing.found(tmp_path_factory.mktemp("verified") / "company")


@pytest.fixture(scope="session")
def handed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Handed:
    return handing.honest(root, tmp_path_factory.mktemp("job") / "company")
