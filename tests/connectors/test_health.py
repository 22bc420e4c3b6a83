"""What is known of a connector's days: kept small, read whatever a crash left, counted without the service."""

from __future__ import annotations

import json
import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aios.connectors import quotas
from aios.connectors.credentials import Credentials, named, wrong
from aios.connectors.health import health
from aios.connectors.http import Answer
from aios.connectors.sidecars import audit
from aios.connectors.sidecars.audit import Crossing, by_connector, crossings_of

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)


def crossing(ago: timedelta, outcome: str = "done", *, connector: str = "mail") -> Crossing:
    at = (NOW - ago).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Crossing(at, connector, "act", "mail.send", "ann@x.example", "sha256:0", "sha256:1", 9, outcome, 0.2)


def test_failures_are_counted_by_days_and_a_refusal_is_none() -> None:
    told = health(
        [
            crossing(timedelta(days=40), "failed: long ago"),
            crossing(timedelta(days=20)),
            crossing(timedelta(days=8), "transient: too many"),
            crossing(timedelta(days=3), "found"),
            crossing(timedelta(days=2), "refused: mail only observes"),
            crossing(timedelta(hours=2), "transient: no answer"),
            crossing(timedelta(hours=1), "denied: mail answers 401: bad key"),
        ],
        NOW,
    )
    assert (told.week.calls, told.week.failed, told.week.refused) == (4, 2, 1)
    assert (told.month.calls, told.month.failed) == (6, 3)
    assert told.week.rate == 0.5
    assert (told.succeeded, told.failed) == ("2026-03-06T12:00:00Z", "2026-03-09T11:00:00Z")
    assert (told.words, told.failing, told.denied) == ("mail answers 401: bad key", 2, True)


def test_who_was_never_called_has_no_rate() -> None:
    assert health([], NOW).week.rate is None


def test_two_years_of_daily_calls_stay_small_and_the_newest_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LARGEST", 20_000)  # a hundredth of the bound, and of the calls
    sink = by_connector(tmp_path)
    sink(crossing(timedelta(days=700), connector="rare"))
    for day in range(730, 0, -1):
        sink(crossing(timedelta(days=day), f"found in {day}"))
    size = sum(file.stat().st_size for file in tmp_path.glob("mail*"))
    kept = list(crossings_of(tmp_path, "mail"))
    assert size < 2 * 20_000 + 1_000
    assert kept[-1].outcome == "found in 1"
    assert len(kept) > 60
    assert [each.at for each in kept] == sorted(each.at for each in kept)
    assert len(list(crossings_of(tmp_path, "rare"))) == 1


def _write(folder: Path, name: str) -> None:
    audit.LARGEST = 5_000
    sink = by_connector(folder)
    for number in range(100):
        sink(crossing(timedelta(), f"{name} {number}"))


def test_several_processes_write_and_put_aside_without_breaking_a_line(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_write, args=(tmp_path, name)) for name in "abc"]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
        assert each.exitcode == 0
    for file in tmp_path.iterdir():
        for line in file.read_text().splitlines():
            assert json.loads(line)["connector"] == "mail"
    kept = [each.outcome for each in crossings_of(tmp_path, "mail")]
    for name in "abc":  # what is there of one writer is the end of what it wrote
        numbers = [int(each.split()[1]) for each in kept if each.startswith(name)]
        assert numbers == list(range(100 - len(numbers), 100))


def test_half_a_line_and_what_is_none_are_passed_over_and_spoil_nothing_else(tmp_path: Path) -> None:
    sink = by_connector(tmp_path)
    sink(crossing(timedelta(days=2), "one"))
    file = tmp_path / "mail.jsonl"
    with file.open("ab") as opened:
        opened.write(b'[]\n{"at": "yesterday"}\n\xff\xfe\n' + file.read_bytes()[:40])
    sink(crossing(timedelta(days=1), "two"))
    assert [each.outcome for each in crossings_of(tmp_path, "mail")] == ["one", "two"]


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"x-ratelimit-remaining": "41", "x-ratelimit-limit": "100"}, "41 of 100 calls left"),
        ({"ratelimit-remaining": "7"}, "7 calls left"),
        ({"ratelimit": '"default";r=50;t=30'}, "50 calls left"),
        ({"ratelimit": "limit=100, remaining=3, reset=5"}, "3 calls left"),
        ({"x-ratelimit-remaining": "1" * 99}, "None"),
        ({"content-type": "text/html"}, "None"),
    ],
)
def test_what_is_left_of_a_quota_is_read_from_the_headers(tmp_path: Path, headers: dict[str, str], said: str) -> None:
    quotas.keep(tmp_path, lambda: "2026-03-09T12:00:00Z")("mail", Answer(200, None, headers))
    assert str(quotas.quota(tmp_path, "mail")) == said


def test_a_quota_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "mail.json").write_text('{"left": 1')
    assert quotas.quota(tmp_path, "mail") is None


def test_secrets_are_found_in_settings_wherever_they_stand() -> None:
    schema = {"properties": {"password": {"description": "Users → Profile."}, "hosts": {"items": {}}}}
    settings = {"password": {"env": "A"}, "hosts": [{"key": {"env": "B", "prefix": "Bearer "}}], "user": "ann"}
    assert [(each.where, each.variable, each.about) for each in named(settings, schema)] == [
        ("settings.password", "A", "Users → Profile"),
        ("settings.hosts[0].key", "B", ""),
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "is not set"),
        ("", "is empty"),
        (" \n", "is empty"),
        ("abc\n", "begins or ends with white space"),
        ("'abc'", "stands in quotation marks that belong to a shell"),
        ("abc", ""),
    ],
)
def test_a_value_that_can_be_no_secret_is_explained_without_telling_it(value: str | None, said: str) -> None:
    assert wrong(value) == said


def test_a_secret_is_as_old_as_it_was_first_seen_and_its_value_is_nowhere(tmp_path: Path) -> None:
    file, value = tmp_path / "credentials.json", "sesame-open-4711"

    def on(day: int) -> Credentials:
        return Credentials(file, lambda: NOW + timedelta(days=day), lambda: b"0123456789abcdef")

    assert on(0).age("KEY", value) is None
    on(0).saw("KEY", value)
    on(30).saw("KEY", value)
    assert on(40).age("KEY", value) == timedelta(days=40)
    assert on(40).age("KEY", "another") is None
    on(50).saw("KEY", "another")
    assert on(60).age("KEY", "another") == timedelta(days=10)
    assert value not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    file.write_text("{")
    on(61).saw("KEY", value)
    assert on(61).age("KEY", value) == timedelta()
