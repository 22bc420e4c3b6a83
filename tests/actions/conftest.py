"""A hub with a repository, and its Actions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.actions.engine import Actions, Run
from tests.actions.expressions import Expressions
from tests.actions.hub import Hub
from tests.actions.hub.server import serving
from tests.actions.hub.tokens import Person

OLGA = Person("olga", 77, "Olga Operator")
Start = Callable[[Mapping[str, str]], Actions]


@pytest.fixture(scope="session")
def expressions() -> Iterator[Expressions]:
    with Expressions() as opened:
        yield opened


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    made = Hub(tmp_path, "olga/acme", OLGA, lambda: datetime(2026, 8, 3, 6, 0, tzinfo=UTC))
    with serving(made):
        yield made
    assert made.problems == []


@pytest.fixture
def start(hub: Hub, tmp_path: Path, expressions: Expressions) -> Start:
    """Puts files on main, in the browser; what that starts waits in the hub's events."""

    def begin(files: Mapping[str, str]) -> Actions:
        hub.commit("main", files, "Begin", hub.token(OLGA))
        return Actions(hub, Path(mkdtemp(dir=tmp_path)), expressions)

    return begin


def only(runs: list[Run]) -> Run:
    assert len(runs) == 1, [each.told() for each in runs]
    return runs[0]
