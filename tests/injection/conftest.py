"""One company for all; who changes it, copies it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.injection.company import found


@pytest.fixture(scope="session")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return found(tmp_path_factory.mktemp("acme") / "acme")
