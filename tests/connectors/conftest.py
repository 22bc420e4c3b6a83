"""What the tests of connectors share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.cases import STANDS


@pytest.fixture(autouse=True)
def _stands_stop() -> Iterator[None]:
    yield
    while STANDS:
        STANDS.popitem()[1].stop()
