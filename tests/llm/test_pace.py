"""A service that says how much it will still take is not asked for more before it does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from aios.domain.agent import Tier
from aios.domain.model import Message, Request, Role, Terms
from aios.errors import TransientError
from aios.llm.compatible import Compatible
from aios.llm.pace import Pace
from aios.llm.retrying import Retrying
from aios.llm.settings import Settings
from tests.llm.server import Says, serving

ASK = Request((Message(Role.USER, "x" * 300),), max_tokens=100)  # about 208 tokens


class Clock:
    """Time passes only where somebody waits."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.waits: list[float] = []

    def pause(self, seconds: float) -> None:
        self.waits.append(round(seconds, 3))
        self.now += seconds


def pace(folder: Path, clock: Clock, service: str = "tiny") -> Pace:
    return Pace(folder / "pace.sqlite", service, lambda: clock.now, clock.pause)


def headers(**said: str) -> Mapping[str, str]:
    return {f"x-ratelimit-{name.replace('_', '-')}": value for name, value in said.items()}


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        (headers(remaining_requests="0", reset_requests="7s"), [7.0]),
        (headers(remaining_requests="1", reset_requests="7s"), []),
        (headers(remaining_tokens="200", reset_tokens="1.5s"), [1.5]),
        (headers(remaining_tokens="200", reset_tokens="20ms"), [0.02]),
        (headers(remaining_tokens="300", reset_tokens="6m0s"), []),
        (headers(remaining_tokens="0", reset_tokens="9", remaining_requests="0", reset_requests="2"), [9.0]),
        (headers(remaining_requests="0", reset_requests="soon"), []),
        (headers(remaining_requests="-1", reset_requests="7s"), []),
        ({}, []),
    ],
)
def test_it_waits_as_long_as_the_headers_say(tmp_path: Path, said: Mapping[str, str], wait: list[float]) -> None:
    clock = Clock()
    pace(tmp_path, clock).note(said)
    pace(tmp_path, clock).keep(208)
    assert clock.waits == wait


def test_what_is_left_is_shared_and_comes_back_with_time(tmp_path: Path) -> None:
    clock = Clock()
    pace(tmp_path, clock).note(headers(remaining_requests="2", reset_requests="10s"))
    for _ in range(3):
        pace(tmp_path, clock).keep(1)
    assert clock.waits == [10.0]
    pace(tmp_path, clock, "another").keep(1)
    pace(tmp_path, clock).keep(1)
    assert clock.waits == [10.0]


@pytest.mark.parametrize(("reset", "seconds"), [("2m0s", None), ("30s", 20.0)])
def test_a_long_wait_is_for_the_caller_to_decide(tmp_path: Path, reset: str, seconds: float | None) -> None:
    clock = Clock()
    pace(tmp_path, clock).note(headers(remaining_requests="0", reset_requests=reset))
    with pytest.raises(TransientError, match="takes no more for") as caught:
        pace(tmp_path, clock).keep(1, seconds)
    assert (caught.value.retry_after, clock.waits) == ({"2m0s": 120.0, "30s": 30.0}[reset], [])


def test_a_damaged_file_makes_nobody_wait(tmp_path: Path) -> None:
    (tmp_path / "pace.sqlite").write_bytes(b"no database at all, but long enough to be looked at" * 20)
    clock = Clock()
    pace(tmp_path, clock).note(headers(remaining_requests="0", reset_requests="7s"))
    pace(tmp_path, clock).keep(1)
    assert clock.waits == []


def test_the_headers_of_answers_and_of_refusals_count(tmp_path: Path) -> None:
    clock = Clock()
    spent = headers(remaining_requests="0", reset_requests="3s")
    refused = headers(remaining_requests="0", reset_requests="5s")
    with serving([Says("One.", headers=spent), Says(status=429, headers=refused), Says("Two.")]) as service:
        settings = Settings(Tier.SMALL, "tiny", service.url, "", "", (1.0, 2.0), 5.0)
        asked = Retrying(Compatible(settings, pace=pace(tmp_path, clock)), clock.pause)
        assert asked.complete(ASK, lambda _: None).text == "One."
        assert asked.complete(ASK, lambda _: None).text == "Two."
    assert clock.waits == [3.0, 1.0, 4.0]  # as told; the first retry's own pause; the rest of what the refusal told


def test_nothing_is_begun_that_there_is_no_time_for(tmp_path: Path) -> None:
    clock = Clock()
    with serving([Says(status=500)]) as service:
        settings = Settings(Tier.SMALL, "tiny", service.url, "", "", (1.0, 2.0), 5.0)
        asked = Retrying(Compatible(settings), clock.pause, backoff=30.0)
        short = Request(ASK.messages, terms=Terms(seconds=10.0))
        with pytest.raises(TransientError, match="500"):
            asked.complete(short, lambda _: None)
        with pytest.raises(TransientError, match="no time left"):
            asked.complete(Request(ASK.messages, terms=Terms(seconds=0.0)), lambda _: None)
    assert (clock.waits, len(service.asked)) == ([], 1)


def test_a_silent_service_is_left_when_the_time_is_over() -> None:
    with serving([Says(silent=True)]) as service:
        asked = Compatible(Settings(Tier.SMALL, "tiny", service.url, "", "", (1.0, 2.0), 60.0))
        with pytest.raises(TransientError, match="did not answer"):
            asked.complete(Request(ASK.messages, terms=Terms(seconds=0.2)), lambda _: None)
