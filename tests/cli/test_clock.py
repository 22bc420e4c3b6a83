"""`AIOS_NOW`: the clock of tests and replays that span several processes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aios.app.company import NOW, utc_now
from aios.errors import UsageError


def test_a_moment_that_is_told_stands_for_the_clock_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NOW, "2026-08-03T05:40:00+02:00")
    assert utc_now() == datetime(2026, 8, 3, 3, 40, tzinfo=UTC)
    assert utc_now().tzinfo is UTC


@pytest.mark.parametrize("told", ["yesterday", "2026-08-03", "2026-08-03T05:40:00"])
def test_what_is_no_moment_is_refused_and_never_taken_for_now(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    monkeypatch.setenv(NOW, told)
    with pytest.raises(UsageError, match=NOW):
        utc_now()


@pytest.mark.parametrize("told", [None, ""])
def test_nothing_told_is_the_clock_of_the_machine(monkeypatch: pytest.MonkeyPatch, told: str | None) -> None:
    monkeypatch.delenv(NOW, raising=False)
    if told is not None:
        monkeypatch.setenv(NOW, told)
    assert abs(utc_now() - datetime.now(UTC)) < timedelta(minutes=1)
