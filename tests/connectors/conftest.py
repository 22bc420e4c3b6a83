"""What the tests of connectors share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.cases import STANDS
from tests.peers import wordpress


@pytest.fixture(autouse=True)
def _stands_stop() -> Iterator[None]:
    yield
    while STANDS:
        STANDS.popitem()[1].stop()


@pytest.fixture(autouse=True, scope="session")
def _peers_stop() -> Iterator[None]:
    yield
    wordpress.stop()
