"""Breaker, limits and redaction: each alone, and the breaker among processes."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aios.connectors.http import AnswerError
from aios.connectors.sidecars.breaker import FILE, Breaker, standing
from aios.connectors.sidecars.limits import Bounds, Limits
from aios.connectors.sidecars.redact import Redact, Secrets
from aios.domain.effect import Capability, Collected, CollectedDocument, Effect, Lookup, Outcome
from aios.domain.finding import Finding, Severity
from aios.errors import AiosError, RefusedError, TransientError
from tests.connectors.cases import SECRET
from tests.connectors.test_sidecars import Flaky, House
from tests.effects.service import EFFECT, Service

HERE = Path(__file__).parents[2]
DOWN = ("before", TransientError("nobody answers"))


def breaker(root: Path, now: list[float], *fails: tuple[str, Exception]) -> tuple[Flaky, Breaker]:
    service = Flaky(root / "done", fails=fails)
    return service, Breaker(service, 3, 60.0, root / FILE, lambda: now[0])


def test_failures_in_a_row_open_it_and_then_nobody_is_called(tmp_path: Path) -> None:
    now = [1000.0]
    service, door = breaker(tmp_path, now, DOWN, DOWN)
    for _ in range(2):
        with pytest.raises(TransientError, match="nobody answers"):
            door.read("mail.list", {})
    door.read("mail.list", {})  # it was not a row of three
    service.fails = [DOWN] * 3
    for _ in range(3):
        with pytest.raises(TransientError, match="nobody answers"):
            door.lookup(EFFECT)
    asked = len(service.asked)
    with pytest.raises(TransientError, match="failed 3 times in a row") as caught:
        door.act(EFFECT)
    assert (caught.value.sent, caught.value.retry_after) == (False, 60.0)
    assert len(service.asked) == asked
    assert standing(tmp_path / FILE, "post").until == 1060.0


def test_when_the_pause_is_over_one_call_decides(tmp_path: Path) -> None:
    now = [1000.0]
    _, door = breaker(tmp_path, now, *[DOWN] * 4)
    for _ in range(3):
        with pytest.raises(TransientError):
            door.read("mail.list", {})
    now[0] = 1060.0
    with pytest.raises(TransientError, match="nobody answers"):
        door.read("mail.list", {})
    with pytest.raises(TransientError, match="left alone") as caught:
        door.read("mail.list", {})
    assert caught.value.retry_after == 60.0
    now[0] = 1120.0
    assert door.act(EFFECT).sent
    assert standing(tmp_path / FILE, "post").failures == 0
    assert door.read("mail.list", {}).data


def test_only_what_a_service_fails_in_counts(tmp_path: Path) -> None:
    refused: list[tuple[str, Exception]] = [("", RefusedError("no")), ("", AiosError("odd")), ("", KeyError("bug"))]
    _, door = breaker(tmp_path, [0.0], *refused * 3)
    for _ in range(9):
        with pytest.raises((AiosError, KeyError)):
            door.read("mail.list", {})
    assert door.read("mail.list", {}).data


def test_a_wait_for_our_own_rate_limit_is_no_failure_of_the_service(tmp_path: Path) -> None:
    house = House(tmp_path, limits={"rate": "1/h"}, breaker={"failures": 1}, retry={"attempts": 1})
    house.connector.read("mail.list", {})
    for _ in range(2):
        with pytest.raises(TransientError, match="as often as allowed"):
            house.connector.read("mail.list", {})


PROBE = """
import sys
from pathlib import Path
from aios.connectors.sidecars.breaker import Breaker
from aios.errors import TransientError
from tests.effects.service import EFFECT, Service

root = Path(sys.argv[1])

class Slow(Service):
    def act(self, effect):
        done = super().act(effect)
        print("called", flush=True)
        sys.stdin.read()
        return done

try:
    Breaker(Slow(root / "done"), 3, 60.0, root / "breakers.sqlite", lambda: float(sys.argv[2])).act(EFFECT)
except TransientError as error:
    print(error.message, flush=True)
"""


def probe(root: Path, moment: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROBE, str(root), str(moment)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE,
    )


def test_of_many_processes_one_probes_and_where_it_dies_the_next_one_may_later(tmp_path: Path) -> None:
    now = [1000.0]
    _, door = breaker(tmp_path, now, *[DOWN] * 3)
    for _ in range(3):
        with pytest.raises(TransientError):
            door.read("mail.list", {})
    children = [probe(tmp_path, 1060.0) for _ in range(4)]
    lines = [child.stdout.readline() for child in children if child.stdout]
    assert sorted(line.strip() == "called" for line in lines) == [False, False, False, True]
    assert all("one call finds out" in line for line in lines if line.strip() != "called")
    for child in children:
        child.kill()  # the one that probes among them
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe:
                pipe.close()
    now[0] = 1100.0
    with pytest.raises(TransientError, match="one call finds out"):
        door.act(EFFECT)
    now[0] = 1700.0
    assert door.act(EFFECT).sent
    assert len(Service(tmp_path / "done").done()) == 2


def test_failures_of_many_threads_are_all_counted(tmp_path: Path) -> None:
    service = Flaky(tmp_path / "done", fails=[DOWN] * 20)
    door = Breaker(service, 100, 60.0, tmp_path / FILE, lambda: 0.0)

    def fail() -> None:
        with pytest.raises(TransientError):
            door.read("mail.list", {})

    threads = [threading.Thread(target=fail) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert standing(tmp_path / FILE, "post").failures == 20


def test_a_count_that_cannot_be_kept_is_said_and_nothing_is_sent(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database" * 100)
    service, door = breaker(tmp_path, [0.0])
    with pytest.raises(AiosError, match="cannot be counted") as caught:
        door.act(EFFECT)
    assert "delete it" in caught.value.hint
    assert service.asked == []
    assert standing(tmp_path / FILE, "post").failures == 0


@dataclass
class Reading(Service):
    """Gives `count` items, heeds `limit` where `heeds`, and waits for `gate` first."""

    count: int = 3
    heeds: bool = False
    gate: threading.Event | None = None

    def capabilities(self) -> Mapping[str, Capability]:
        properties: dict[str, Any] = {"limit": {"type": "integer"}} if self.heeds else {}
        return {"mail.list": Capability("mail.list", False, {"type": "object", "properties": properties})}

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        if self.gate:
            self.gate.wait()
        if self.fails:
            raise self.fails[0][1]
        return Collected({"mails": ["x" * 10] * min(self.count, params.get("limit", 10**6))}, cursor={"at": 1})


def test_more_than_is_allowed_is_refused_or_asked_for_in_portions(tmp_path: Path) -> None:
    with pytest.raises(AiosError, match=r"3 items as mail\.list, more than 2") as caught:
        Limits(Reading(tmp_path), Bounds(items=2)).read("mail.list", {})
    assert "limits.items" in caught.value.hint
    found = Limits(Reading(tmp_path, heeds=True), Bounds(items=2)).read("mail.list", {})
    assert len(found.data["mails"]) == 2
    assert (
        len(Limits(Reading(tmp_path, heeds=True), Bounds(items=2)).read("mail.list", {"limit": 1}).data["mails"]) == 1
    )
    with pytest.raises(AiosError, match=r"bytes as mail\.list, more than 30"):
        Limits(Reading(tmp_path), Bounds(bytes=30)).read("mail.list", {})
    assert Limits(Reading(tmp_path), Bounds(3, 1000, 60.0)).read("mail.list", {}).cursor == {"at": 1}


def test_a_read_that_takes_too_long_is_left_and_what_goes_wrong_in_time_is_told(tmp_path: Path) -> None:
    gate = threading.Event()
    try:
        with pytest.raises(TransientError, match=r"longer than 0\.05 s"):
            Limits(Reading(tmp_path, gate=gate), Bounds(seconds=0.05)).read("mail.list", {})
    finally:
        gate.set()
    with pytest.raises(RefusedError, match="no"):
        Limits(Reading(tmp_path, fails=[("", RefusedError("no"))]), Bounds(seconds=60)).read("mail.list", {})


@dataclass
class Leaking(Service):
    """Tells the secret wherever it can."""

    error: Exception | None = None

    def _all(self) -> None:
        if self.error:
            raise self.error from ValueError(f"behind it: {SECRET}")

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        self._all()
        finding = Finding("p", 1, 1, "r", f"{SECRET}!", f"{SECRET}?", Severity.WARNING)
        document = CollectedDocument(f"https://x?key={SECRET}", SECRET, SECRET, "sha256:0", "text/plain")
        data = {SECRET: [SECRET], "from": "ops@desk.example", "count": 3}
        return Collected(data, (document,), (finding,), {"next": SECRET})

    def act(self, effect: Effect) -> Outcome:
        self._all()
        return Outcome(SECRET, f"https://x/{SECRET}", {"said": SECRET})

    def lookup(self, effect: Effect) -> Lookup:
        return Lookup(self.act(effect), authoritative=True)

    def check(self) -> list[Finding]:
        return [Finding("p", 0, 0, "r", SECRET)]


def redacted(root: Path, error: Exception | None = None) -> Redact:
    secrets = Secrets({"TOKEN": SECRET, "USER": "ops@desk.example", "PIN": "3"}.get)
    for name in ("TOKEN", "USER", "PIN"):
        secrets(name)
    return Redact(Leaking(root / "done", error=error), secrets)


def test_nothing_that_comes_out_tells_a_secret_and_the_rest_stays_as_it_was(tmp_path: Path) -> None:
    clean = redacted(tmp_path)
    found = clean.read("mail.list", {})
    assert SECRET not in str([found, clean.act(EFFECT), clean.lookup(EFFECT), clean.check()])
    assert found.data == {"[TOKEN]": ["[TOKEN]"], "from": "ops@desk.example", "count": 3}
    assert found.findings[0].severity is Severity.WARNING


@pytest.mark.parametrize(
    "error",
    [
        TransientError(f"{SECRET} timed out", f"use {SECRET}", retry_after=5, sent=False),
        AnswerError(f"400: {SECRET}", status=400, data={"said": SECRET}),
        RuntimeError(f"a bug with {SECRET}"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_keeps_what_it_says_but_for_secrets_and_so_does_what_is_behind_it(
    error: Exception, tmp_path: Path
) -> None:
    import traceback

    with pytest.raises(type(error)) as caught:
        redacted(tmp_path, error).act(EFFECT)
    assert caught.value is error
    assert SECRET not in "".join(traceback.format_exception(error)) + str(vars(error))
    assert "[TOKEN]" in str(error)
    if isinstance(error, TransientError):
        assert (error.retry_after, error.sent) == (5, False)
