"""A hub with a repository, and its Actions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.actions import day
from tests.actions.company import BEGIN, PUBLISHED, Services, found, services
from tests.actions.engine import Actions, Run
from tests.actions.expressions import Expressions
from tests.actions.hub import Hub
from tests.actions.hub.server import serving
from tests.actions.hub.tokens import Person
from tests.actions.on_github import MARA, REPOSITORY
from tests.actions.on_one_machine import OneMachine

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


@pytest.fixture(scope="module")
def reached() -> Iterator[Services]:
    with services() as running:
        yield running


@pytest.fixture(scope="module")
def one_machine(tmp_path_factory: pytest.TempPathFactory, reached: Services) -> dict[str, str]:
    """Canonical state at the end of the same day on one machine."""
    root = tmp_path_factory.mktemp("one") / "fernwerk"
    found(root, reached)
    place = OneMachine(root, BEGIN)
    for part in day.PARTS:
        part(place)
    assert reached.blog.done == PUBLISHED
    return place.tree()


@pytest.fixture
def fernwerk(tmp_path: Path) -> Iterator[Hub]:
    """A hub for the company of the day."""
    made = Hub(tmp_path, REPOSITORY, MARA, lambda: BEGIN)
    with serving(made):
        yield made


def only(runs: list[Run]) -> Run:
    assert len(runs) == 1, [each.told() for each in runs]
    return runs[0]
