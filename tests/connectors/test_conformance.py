"""What every connector owes to those who use it. A new connector adds a case, and nothing else."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import jsonschema
import pytest
import yaml

from aios.connectors.registry import Sinks, load
from aios.domain.effect import Effect, HowKnown, Receipt
from aios.domain.loose import texts
from aios.errors import AiosError, CredentialsError, RefusedError, TransientError
from aios.store.trees import EmptyTree, OverlayTree
from tests.connectors.cases import CASES, NOW, REAL, SECRETS, Case, Stage, effect, stage, stand_of
from tests.connectors.stands import Stand


def params(wanted: Callable[[Case], object]) -> list[object]:
    """The cases, beside their stand-ins and, marked with the peer that it takes, beside the real services."""
    found: list[object] = [pytest.param(case, id=name) for name, case in CASES.items() if wanted(case)]
    real = [(name, case) for name, case in REAL.items() if wanted(case)]
    return found + [pytest.param(case, id=f"real {name}", marks=pytest.mark.peer(name)) for name, case in real]


@pytest.fixture(params=params(lambda _: True))
def case(request: pytest.FixtureRequest) -> Case:
    return cast(Case, request.param)


@pytest.fixture(params=params(lambda case: case.acts))
def writing(request: pytest.FixtureRequest) -> Case:
    return cast(Case, request.param)


@pytest.fixture(params=params(lambda case: case.reads))
def reading(request: pytest.FixtureRequest) -> Case:
    return cast(Case, request.param)


def held(case: Case, root: Path) -> tuple[object, object]:
    """Everything that the connector's service holds, and every file below a folder but for what the sidecars keep."""
    stand = stand_of(case, root)
    files = {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith("rates.sqlite") and path.parent.name != "quotas"
    }
    return stand.snapshot() if stand else None, files


def effects(here: Stage, case: Case) -> list[Effect]:
    return [effect(here.connector, capability, payload) for capability, payload in case.acts]


def test_capabilities_are_named_by_what_is_wanted_and_say_what_they_take(case: Case, tmp_path: Path) -> None:
    offered = stage(case, tmp_path).connector.capabilities()
    assert offered
    for name, capability in offered.items():
        assert name == capability.name
        assert name.count(".") == 1
        assert case.use not in name or case.use == "mail"  # no product: it is what is wanted, and how it is got
        assert capability.summary
        jsonschema.Draft7Validator.check_schema(capability.payload)
        assert not capability.compensation or capability.compensation in offered
        assert capability.writes or not capability.compensation
    assert {name for name, _ in (*case.acts, *case.reads)} <= set(offered)


def test_payloads_fit_their_schema(case: Case, tmp_path: Path) -> None:
    offered = stage(case, tmp_path).connector.capabilities()
    for name, payload in (*case.acts, *case.reads):
        jsonschema.validate(payload, offered[name].payload)


def test_looking_changes_nothing(case: Case, tmp_path: Path) -> None:
    here = stage(case, tmp_path)
    before = held(case, tmp_path)
    for planned in effects(here, case):
        preview = here.connector.preview(planned)
        assert preview.summary
        assert preview.text
        assert preview.reversible == bool(here.connector.capabilities()[planned.capability].compensation)
        here.connector.lookup(planned)
    for capability, params in case.reads:
        here.connector.read(capability, params)
    here.connector.check()
    assert held(case, tmp_path) == before


def test_what_was_never_done_is_not_found_and_it_says_what_that_proves(writing: Case, tmp_path: Path) -> None:
    here = stage(writing, tmp_path)
    for planned in effects(here, writing):
        found = here.connector.lookup(planned)
        offered = here.connector.capabilities()[planned.capability]
        assert (found.found, found.authoritative) == (None, offered.authoritative)


def test_what_was_done_is_found_with_the_same_outcome_even_later(writing: Case, tmp_path: Path) -> None:
    here = stage(writing, tmp_path)
    outcomes = {}
    for planned in effects(here, writing):
        outcomes[planned.key] = here.connector.act(planned)
        later = stage(writing, tmp_path).connector
        assert later.lookup(planned).found == outcomes[planned.key]
    for planned in effects(here, writing):
        assert here.connector.lookup(planned).found == outcomes[planned.key]


def test_the_same_act_twice_is_the_same_act(writing: Case, tmp_path: Path) -> None:
    here = stage(writing, tmp_path)
    for planned in effects(here, writing):
        first = here.connector.act(planned)
        before = held(writing, tmp_path)
        assert here.connector.act(planned) == first
        assert held(writing, tmp_path) == before


def test_an_act_can_be_undone_by_what_it_names(writing: Case, tmp_path: Path) -> None:
    here = stage(writing, tmp_path)
    offered = here.connector.capabilities()
    for planned in effects(here, writing):
        before = here.connector.preview(planned)
        done = here.connector.act(planned)
        receipt = Receipt(planned.key, "done", HowKnown.ACTED, "2026-03-09T12:00:00Z", done.external_id, done.url)
        undoing = here.connector.undo(planned, receipt)
        named = offered[planned.capability].compensation
        if undoing is None:
            assert not named
            assert not before.reversible
            continue
        assert undoing.capability == named
        assert undoing.payload["undoes"] == planned.key
        jsonschema.validate(undoing.payload, offered[named].payload)
        assert here.connector.act(undoing).sent
        if named == "cms.restore":
            continue  # back where it was: the next act of the case finds what it expects
        return


def test_a_dry_run_shows_and_sends_nothing(writing: Case, tmp_path: Path) -> None:
    here = stage(writing, tmp_path, mode="dry-run")
    before = held(writing, tmp_path)
    for planned in effects(here, writing):
        outcome = here.connector.act(planned)
        assert not outcome.sent
        assert outcome.response["payload"] == dict(planned.payload)
    assert held(writing, tmp_path) == before
    assert {crossing.outcome for crossing in here.crossings} == {"not sent"}


def test_observing_refuses_to_act_and_still_reads(case: Case, tmp_path: Path) -> None:
    here = stage(case, tmp_path, mode="observe")
    for planned in effects(here, case):
        with pytest.raises(RefusedError, match="only observes"):
            here.connector.act(planned)
    for capability, params in case.reads:
        here.connector.read(capability, params)


def test_what_it_does_not_offer_is_refused_with_a_hint(case: Case, tmp_path: Path) -> None:
    here = stage(case, tmp_path)
    other = Effect("it", "money.burn", "all", {}, "run", "step", "")
    for attempt in (lambda: here.connector.act(other), lambda: here.connector.read("money.count", {})):
        with pytest.raises(AiosError) as caught:
            attempt()
        assert caught.value.hint


def test_a_capability_that_was_not_granted_is_refused(case: Case, tmp_path: Path) -> None:
    offered = sorted(stage(case, tmp_path).connector.capabilities())
    granted = [offered[0]]
    here = stage(case, tmp_path, capabilities=granted)
    assert sorted(here.connector.capabilities()) == granted
    for planned in effects(here, case):
        if planned.capability not in granted:
            with pytest.raises(RefusedError):
                here.connector.act(planned)


def test_every_crossing_is_told_and_none_tells_a_secret(case: Case, tmp_path: Path) -> None:
    here = stage(case, tmp_path)
    for planned in effects(here, case):
        here.connector.act(planned)
    for capability, params in case.reads:
        here.connector.read(capability, params)
    assert len(here.crossings) == len(case.acts) + len(case.reads)
    told = "".join(map(str, here.crossings))
    assert not [secret for secret in SECRETS.values() if secret in told]
    assert all(crossing.at == NOW.strftime("%Y-%m-%dT%H:%M:%SZ") for crossing in here.crossings)


def test_reads_say_the_same_when_asked_again(reading: Case, tmp_path: Path) -> None:
    here = stage(reading, tmp_path)
    for capability, params in reading.reads:
        assert here.connector.read(capability, params) == here.connector.read(capability, params)


def test_documents_that_are_read_are_marked_by_their_origin_and_hash(reading: Case, tmp_path: Path) -> None:
    here = stage(reading, tmp_path)
    for capability, params in reading.reads:
        for document in here.connector.read(capability, params).documents:
            assert document.origin
            assert document.title
            assert document.sha256.startswith("sha256:")


def test_where_nobody_answers_it_may_work_later_and_certainly_nothing_was_sent(writing: Case, tmp_path: Path) -> None:
    stand = stand_of(writing, tmp_path)
    if stand is None or not is_reached(stand):
        return  # there is no address to be wrong: files, or a program of its own
    gone = stand.settings(f"127.0.0.1:{closed_port()}")
    here = stage(writing, tmp_path, settings={**gone, **writing.settings}, retry={"attempts": 1})
    before = stand.snapshot()
    for planned in effects(here, writing):
        with pytest.raises(TransientError) as caught:
            here.connector.act(planned)
        assert not caught.value.sent
    assert stand.snapshot() == before


def test_a_wrong_key_is_no_passing_failure_and_nothing_is_done(
    writing: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = stand_of(writing, tmp_path)
    if stand is None or not is_reached(stand) or "'env'" not in repr(stand.settings(stand.address)):
        return  # nobody asks who we are
    for name, value in list(SECRETS.items()):
        monkeypatch.setitem(SECRETS, name, value[::-1] if ":" not in value else f"{'0' * 24}:{'0' * 64}")
    here = stage(writing, tmp_path)
    before = stand.snapshot()
    for planned in effects(here, writing):
        with pytest.raises(CredentialsError):
            here.connector.act(planned)
    assert stand.snapshot() == before


def test_what_the_service_holds_of_a_payload_was_shown(writing: Case, tmp_path: Path) -> None:
    """The preview is read before it is approved: no text may reach the service that it did not show."""
    here = stage(writing, tmp_path)
    planned = effects(here, writing)[0]
    shown = here.connector.preview(planned)
    said = words(f"{shown.summary} {shown.text} {planned.target}")
    before = words(repr(held(writing, tmp_path)))
    here.connector.act(planned)
    new = words(repr(held(writing, tmp_path))) - before
    sent = {word for text in texts(dict(planned.payload)) for word in words(text)} & new
    assert sent
    assert sent <= said


def test_beyond_what_was_agreed_nothing_is_called(case: Case, tmp_path: Path) -> None:
    here = stage(case, tmp_path, limits={"rate": "1/h"}, retry={"attempts": 1})
    calls: list[Callable[[], object]] = [partial(here.connector.act, planned) for planned in effects(here, case)]
    calls += [partial(here.connector.read, capability, given) for capability, given in case.reads]
    calls[0]()
    before = held(case, tmp_path)
    for call in [*calls[1:], calls[0]]:
        with pytest.raises(TransientError) as caught:
            call()
        assert not caught.value.sent
        assert caught.value.retry_after
    assert held(case, tmp_path) == before


def is_reached(stand: Stand) -> bool:
    """Does the connector reach it by an address?"""
    return stand.settings("127.0.0.1:1") != stand.settings(stand.address)


def words(text: str) -> set[str]:
    """The words of four letters and more, small."""
    return set(re.findall(r"[^\W\d_]{4,}", text.replace("\\n", " ").casefold()))


def closed_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.parametrize("path", ["~nobody-of-that-name/x", "a\0b"])
def test_a_path_that_is_none_is_a_finding(tmp_path: Path, path: str) -> None:
    for name, settings in (("static-site", {"url": "https://x.example", "title": "X"}), ("access-log", {})):
        declared = {"schema": "connector.v1", "use": name, "settings": {**settings, "path": path}}
        tree = OverlayTree(EmptyTree(), {"state/connectors/it.yaml": yaml.safe_dump(declared).encode()})
        connectors, findings = load(
            tree, root=tmp_path, local=tmp_path, secret=lambda _: None, clock=lambda: NOW, sinks=Sinks(lambda _: None)
        )
        assert connectors == {}
        assert [finding.hint != "" for finding in findings] == [True]
