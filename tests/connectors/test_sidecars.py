"""What stands around a connector: in which order, what each one does, and what a declaration of them may not say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from stamina.instrumentation import set_on_retry_hooks

from aios.connectors.declaration import Declaration, declare
from aios.connectors.registry import Sinks, layers, load, stack
from aios.connectors.sidecars.audit import to_file
from aios.connectors.sidecars.rate_limit import RateLimit
from aios.connectors.sidecars.record import Exchange
from aios.connectors.sidecars.redact import Secrets
from aios.connectors.sidecars.retry import Retry
from aios.connectors.surroundings import Surroundings
from aios.domain.effect import Collected, Connector, Effect, Lookup
from aios.domain.finding import Finding
from aios.errors import AiosError, RefusedError, TransientError
from aios.store.documents import parse
from aios.store.trees import EmptyTree, OverlayTree
from tests.connectors.cases import NOW, SECRET
from tests.effects.service import EFFECT, Service

UNSENT = ("before", TransientError("nobody answered", sent=False))


@dataclass
class Flaky(Service):
    """Reads and look-ups fail too, each time that `fails` has something."""

    def lookup(self, effect: Effect) -> Lookup:
        self._fail("lookup")
        return super().lookup(effect)

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        self._fail("read")
        return Collected({"said": f"welcome {SECRET}", SECRET: [1]})

    def _fail(self, did: str) -> None:
        if self.fails:
            self.asked.append(did)
            (_, failure), *self.fails = self.fails
            raise failure


class House:
    """A service in the stack that the registry builds, with a clock that only pauses move."""

    def __init__(self, root: Path, *fails: tuple[str, Exception], record: bool = False, **declared: Any) -> None:
        self.service, self.pauses, self.recorded = Flaky(root / "done", fails=fails), list[float](), list[Exchange]()
        self.audit = root / "crossings.jsonl"
        secrets = Secrets({"TOKEN": SECRET}.get)
        secrets("TOKEN")
        around = Surroundings(root, root, self._now, secrets, self.pauses.append)
        sinks = Sinks(to_file(self.audit), self.recorded.append if record else None)
        self.connector = stack(self.service, declared_as(**declared), around, sinks, secrets)

    def _now(self) -> datetime:
        return NOW + timedelta(seconds=sum(self.pauses))

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.audit.read_text().splitlines()]


def declared_as(**fields: Any) -> Declaration:
    document, _ = parse("state/connectors/post.yaml", yaml.safe_dump({"use": "files", **fields}).encode())
    assert document is not None
    declared, findings = declare(document)
    assert findings == []
    assert declared is not None
    return declared


@pytest.fixture
def waits() -> Iterator[list[float]]:
    """How long each retry waits, as the library tells it."""
    seen: list[float] = []
    set_on_retry_hooks([lambda details: seen.append(details.wait_for)])
    yield seen
    set_on_retry_hooks(None)


def test_the_stack_stands_in_one_order(tmp_path: Path) -> None:
    everything = {
        "limits": {"rate": "9/m", "items": 100},
        "capabilities": ["mail.send"],
        "mode": "dry-run",
        "breaker": {"failures": 3},
        "map": {"mail.send": {"payload": {"to": "recipient"}}},
    }
    names = layers(House(tmp_path, record=True, **everything).connector)
    assert names == [
        *("audit", "redact", "allowed", "map", "dry-run", "guard", "retry", "breaker", "rate-limit", "limits"),
        *("record", "flaky"),
    ]
    plain = House(tmp_path, retry={"attempts": 1}).connector
    assert layers(plain) == ["audit", "redact", "guard", "flaky"]


def test_every_attempt_counts_and_is_recorded_and_one_crossing_is_told(tmp_path: Path) -> None:
    limits, retry = {"rate": "2/20s"}, {"attempts": 3, "backoff": "0.001s"}
    house = House(tmp_path, UNSENT, UNSENT, record=True, limits=limits, retry=retry)
    assert house.connector.act(EFFECT).sent
    assert house.pauses == pytest.approx([20], abs=0.01)
    assert [exchange.error for exchange in house.recorded] == ["nobody answered", "nobody answered", ""]
    assert [crossing["outcome"] for crossing in house.told()] == ["done"]


def test_what_is_only_shown_costs_no_call(tmp_path: Path) -> None:
    house = House(tmp_path, limits={"rate": "1/h"}, mode="dry-run")
    assert [house.connector.act(EFFECT).sent for _ in range(3)] == [False] * 3
    assert (house.service.asked, house.pauses) == ([], [])


def test_an_act_is_tried_again_only_where_nothing_was_sent(tmp_path: Path) -> None:
    last = [("after", TransientError("no answer came")), ("before", AiosError("no such address"))]
    service = Flaky(tmp_path / "done", fails=[UNSENT, *last, UNSENT])
    for message, asked in (("no answer", 2), ("no such address", 3)):
        with pytest.raises(AiosError, match=message):
            Retry(service, attempts=5, backoff=0.001).act(EFFECT)
        assert (len(service.asked), service.done()) == (asked, [EFFECT.key])


@pytest.mark.parametrize("did", ["read", "lookup"])
def test_reads_and_look_ups_are_tried_again_freely_but_not_for_ever(did: str, tmp_path: Path) -> None:
    service = Flaky(tmp_path / "done", fails=[("", TransientError(f"failure {number}")) for number in range(4)])
    retry = Retry(service, attempts=3, backoff=0.001)
    with pytest.raises(TransientError, match="failure 2"):
        retry.read("mail.list", {}) if did == "read" else retry.lookup(EFFECT)
    assert service.asked == [did] * 3


ASKED = [
    ([None, None, None], [0.002, 0.004, 0.005]),
    ([0.003, None], [0.003, 0.004]),
    ([0, -5.0], [0, 0]),
    ([0.001, 60.0], [0.001]),  # longer than the ceiling: someone else's to wait for
]


@pytest.mark.parametrize(("asked", "waited"), ASKED)
def test_pauses_double_up_to_the_ceiling_or_are_what_the_service_asks(
    asked: list[float | None], waited: list[float], waits: list[float], tmp_path: Path
) -> None:
    service = Flaky(tmp_path / "done", fails=[("", TransientError("busy", retry_after=each)) for each in asked])
    with pytest.raises(TransientError) if 60.0 in asked else nullcontext():
        Retry(service, attempts=4, backoff=0.002, ceiling=0.005).read("mail.list", {})
    assert waits == pytest.approx(waited)


CHILD = """
import sys
from pathlib import Path
from aios.connectors.sidecars.rate_limit import RateLimit
from tests.effects.service import EFFECT, Service
file = Path(sys.argv[1])
limit = RateLimit(Service(file.with_name("done")), [(2, 60.0)], file, lambda: 1000.0, sys.exit)
limit.act(EFFECT), limit.read("mail.list", {})
"""


def test_calls_of_a_process_that_ended_count_and_the_next_one_waits_its_turn(tmp_path: Path) -> None:
    file, moment, pauses = tmp_path / "local/rates.sqlite", [1010.0], list[float]()
    here = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", CHILD, str(file)], check=True, cwd=here)

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        moment[0] += seconds

    service = Service(tmp_path / "done")
    with pytest.raises(TransientError, match="2 a minute") as caught:
        RateLimit(service, [(2, 60.0)], file, lambda: moment[0], pause).act(EFFECT)
    assert not caught.value.sent
    assert caught.value.retry_after == pytest.approx(50, abs=0.01)
    assert (service.asked, pauses) == ([], [])
    RateLimit(service, [(2, 60.0)], file, lambda: moment[0], pause, patience=60).act(EFFECT)
    assert service.asked == ["act"]
    assert pauses == pytest.approx([50], abs=0.01)


def test_a_count_that_cannot_be_kept_is_said_and_nothing_is_sent(tmp_path: Path) -> None:
    (tmp_path / "rates.sqlite").write_bytes(b"this is no database" * 100)
    house = House(tmp_path, limits={"rate": "9/m"})
    with pytest.raises(AiosError, match="cannot be counted") as caught:
        house.connector.act(EFFECT)
    assert "delete it" in caught.value.hint
    assert house.service.asked == []


def test_the_audit_has_one_line_for_each_crossing_and_never_what_crossed(tmp_path: Path) -> None:
    failure = AiosError(f"the service\nrefused {SECRET} \u0085 \udcff")
    house = House(tmp_path, ("before", failure), ("before", KeyboardInterrupt()))  # type: ignore[arg-type]
    for kind in (AiosError, KeyboardInterrupt):
        with pytest.raises(kind):
            house.connector.act(EFFECT)
    house.connector.act(EFFECT)
    house.connector.lookup(EFFECT)
    house.connector.read("mail.list", {"of": SECRET})
    outcomes = ["failed: the service refused [TOKEN]", "broken off", "done", "found"]
    assert [crossing["outcome"] for crossing in house.told()] == [*outcomes, "done: 0 documents, 0 findings"]
    assert {crossing["key"] for crossing in house.told()} == {EFFECT.key, ""}
    told = house.audit.read_text()
    assert SECRET not in told
    assert str(EFFECT.payload["text"]) not in told


def test_what_is_recorded_for_replay_has_no_secret_in_it(tmp_path: Path) -> None:
    house = House(tmp_path, ("", AiosError(f"{SECRET} is wrong")), record=True)
    with pytest.raises(AiosError):
        house.connector.lookup(EFFECT)
    house.connector.read("mail.list", {"token": SECRET, "deep": [{SECRET: f"Bearer {SECRET}"}]})
    assert house.recorded[0].error == "[TOKEN] is wrong"
    assert house.recorded[1].request == {"token": "[TOKEN]", "deep": [{"[TOKEN]": "Bearer [TOKEN]"}]}
    assert house.recorded[1].answer["data"] == {"said": "welcome [TOKEN]", "[TOKEN]": [1]}
    assert SECRET not in str([asdict(exchange) for exchange in house.recorded])


def test_what_is_not_allowed_never_reaches_the_service(tmp_path: Path) -> None:
    house = House(tmp_path, capabilities=["mail.list"])
    assert house.connector.capabilities() == {}
    with pytest.raises(RefusedError, match="may not be used"):
        house.connector.act(EFFECT)
    assert house.connector.read("mail.list", {}).data
    assert house.service.asked == []


def loaded(text: str, name: str = "it") -> tuple[dict[str, Connector], list[Finding]]:
    tree = OverlayTree(EmptyTree(), {f"state/connectors/{name}.yaml": text.encode()})
    here = Path("/nowhere")
    return load(tree, root=here, local=here, secret=lambda _: None, clock=lambda: datetime.now(UTC))


WRONG = [
    ("mode: live", 1, "connector-use", "static-site"),
    ("use: [files]", 1, "connector-use", "static-site"),
    ("mode: live\nuse: file", 2, "connector-use", "did you mean `files`?"),
    ("use: files\nsettings: none", 2, "connector-settings", "settings"),
    ("use: access-log\nsettings: {}", 2, "schema-required", "combined"),
    ("use: access-log\nsettings:\n  path: a\n  pahts: b", 4, "schema-unknown-field", "did you mean"),
    ("use: access-log\nsettings:\n  path: a\n  timezone: Mars", 2, "connector-settings", "Europe/Berlin"),
    ("use: access-log\nsettings:\n  path: a\n  site: https://[x", 2, "connector-settings", "https://"),
    ("use: access-log\nsettings:\n  path: ~nobody-here/a", 2, "connector-settings", "settings.path"),
    ("use: files\nmode: life", 2, "connector-mode", "observe, dry-run or live"),
    ("use: files\nlimits: 60/m", 2, "connector-limits", "rate: 60/m"),
    ("use: files\nlimits:\n  rate: 60/month", 3, "connector-rate", "60/m"),
    ("use: files\nlimits:\n  rate: 5/0s", 3, "connector-rate", "60/m"),
    ("use: files\nlimits:\n  per_hour: 60/m", 3, "connector-rate", "per_minute: 60"),
    ("use: files\nlimits:\n  per_second: true", 3, "connector-rate", "60/m"),
    ("use: files\nlimits:\n  rate: 10/7s\n  per_minute: 86", 2, "connector-rate", "leave one of them out"),
    ("use: files\nlimits:\n  rates: 60/m", 3, "connector-limits", "per_minute"),
    ("use: files\nretry: often", 2, "connector-retry", "attempts: 3"),
    ("use: files\nretry:\n  attempts: 0", 3, "connector-retry", "3 is"),
    ("use: files\nretry:\n  attemps: 5", 3, "connector-retry", "attempts"),
    ("use: files\nretry:\n  backoff: 5", 3, "connector-time", "2s, 1m"),
    (f"use: files\nretry:\n  ceiling: {'9' * 400}w", 3, "connector-time", "2s, 1m"),
    ("use: files\ncapabilities: sources.read", 2, "connector-capabilities", "[cms.publish]"),
    ("use: files\ncapabilities:\n- sources.reed", 3, "connector-capability", "did you mean `sources.read`?"),
    ("use: files\nsettings:\n  api_key: s3cret-value-nobody-may-see", 3, "secret", "{env: NAME}"),
    ("use: files\nx-note: ghp_0123456789abcdefghijABCDEFGHIJ", 2, "secret", "{env: NAME}"),
]


@pytest.mark.parametrize(("text", "line", "rule", "hint"), WRONG)
def test_a_wrong_declaration_is_a_finding_with_its_line_and_what_to_do(
    text: str, line: int, rule: str, hint: str
) -> None:
    connectors, findings = loaded(text)
    assert connectors == {}
    assert [(each.line, each.rule) for each in findings if hint in each.hint] == [(line, rule)], findings
    assert not any(secret in str(findings) for secret in (SECRET, "ghp_"))


def test_of_several_limits_those_that_bind_are_kept() -> None:
    assert declared_as(limits={"per_minute": 10, "per_hour": 1}).rates == ((1, 3_600),)
    assert declared_as(limits={"rate": {"per_minute": 1}, "per_hour": 90}).rates == ((1, 60),)
    assert declared_as(limits={"rate": "10 / 2 minutes", "per_day": 100}).rates == ((10, 120), (100, 86_400))


def test_all_that_can_be_declared_has_its_sidecar() -> None:
    text = "use: files\nbreaker: {failures: 3}\nlimits:\n  timeout: 60s\nschema_policy: freeze\n"
    connectors, findings = loaded(text + "map:\n  sources.read: {payload: {places: locations}}\n")
    assert findings == []
    assert {"breaker", "limits", "guard", "map"} <= set(layers(connectors["it"]))
    assert [each.rule for each in loaded("use: files", name="it's")[1]] == ["connector-name"]
