"""An MCP server may do what it likes: nothing else of it is called, nothing of it is believed, and it is gone after."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from aios.connectors.quotas import quota
from aios.connectors.registry import QUOTAS, Sinks, load
from aios.domain.effect import Connector
from aios.domain.finding import Finding
from aios.errors import AiosError, CredentialsError, RefusedError, TransientError
from aios.store.trees import EmptyTree, OverlayTree
from tests.connectors.cases import NOW, SECRET, effect
from tests.connectors.stands import mcp

NOTE = {"id": "second", "text": "Good morning"}


def loaded(root: Path, settings: dict[str, Any]) -> tuple[Connector | None, list[Finding]]:
    declared = {"schema": "connector.v1", "use": "mcp", "settings": settings, "retry": {"attempts": 1}}
    tree = OverlayTree(EmptyTree(), {"state/connectors/it.yaml": json.dumps(declared).encode()})
    found, findings = load(
        tree,
        root=root,
        local=root,
        secret=lambda name: SECRET if name == "TOKEN" else None,
        clock=lambda: NOW,
        sinks=Sinks(lambda _: None),
    )
    return found.get("it"), findings


def notes(root: Path, how: str = "", **more: Any) -> Connector:
    command = [sys.executable, str(Path(mcp.__file__)), str(root / "notes.json"), how]
    connector, findings = loaded(root, {"command": command, "timeout": 5, **mcp.mapped(), **more})
    assert findings == []
    assert connector is not None
    return connector


def done(root: Path) -> int:
    """How often the note was written, as the server counts."""
    file = root / "notes.json"
    return int(json.loads(file.read_text())["count"].get("write_note second", 0)) if file.exists() else 0


def without_lookup() -> dict[str, Any]:
    tools = mcp.mapped()["tools"]
    del tools["notes.write"]["lookup"]
    return {"tools": tools}


def test_a_program_is_a_server_whose_notes_are_read_written_found_and_removed(tmp_path: Path) -> None:
    here = notes(tmp_path)
    wanted = effect(here, "notes.write", NOTE)
    assert here.preview(wanted).summary == "Write the note “second”"
    assert f"key: {wanted.key}" in here.preview(wanted).text
    outcome = here.act(wanted)
    assert (outcome.external_id, outcome.url) == ("second", "https://notes.example/second")
    assert here.act(wanted) == outcome == here.lookup(wanted).found
    assert done(tmp_path) == 1
    assert [each.title for each in here.read("sources.read", {}).documents] == ["Note first", "Note second"]
    assert list(here.check()) == []


@pytest.mark.parametrize("how", ["greets", "asks", "stateless"])
def test_a_server_that_prints_asks_back_or_knows_no_handshake_is_a_server(tmp_path: Path, how: str) -> None:
    here = notes(tmp_path, how)
    assert here.act(effect(here, "notes.write", NOTE)).external_id == "second"


@pytest.mark.parametrize("how", ["hangs", "dies", "babbles", "garbles", "empty", "internal"])
def test_what_fails_after_it_was_sent_is_uncertain_and_then_found(tmp_path: Path, how: str) -> None:
    here = notes(tmp_path, how, timeout=2, bytes=200_000)
    wanted = effect(here, "notes.write", NOTE)
    with pytest.raises(TransientError) as caught:
        here.act(wanted)
    assert caught.value.sent
    assert "\x1b" not in str(caught.value)
    assert here.lookup(wanted).found is not None
    assert done(tmp_path) == 1


@pytest.mark.parametrize("how", ["mute", "stillborn"])
def test_what_fails_before_it_was_sent_did_not_happen(tmp_path: Path, how: str) -> None:
    here = notes(tmp_path, how, timeout=1)
    with pytest.raises(TransientError) as caught:
        here.act(effect(here, "notes.write", NOTE))
    assert not caught.value.sent
    assert ("NOTES_TOKEN is missing" in caught.value.message) == (how == "stillborn")
    assert [finding.message for finding in here.check()] == [caught.value.message]


def test_a_call_that_the_server_refuses_as_such_was_not_done(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="no such argument"):
        notes(tmp_path, "refuses").act(effect(notes(tmp_path), "notes.write", NOTE))


def test_a_tool_that_fails_is_believed_only_where_a_lookup_or_the_operator_can_tell(tmp_path: Path) -> None:
    looked, blind = notes(tmp_path, "fails"), notes(tmp_path / "blind", "fails", **without_lookup())
    (tmp_path / "blind").mkdir()
    with pytest.raises(RefusedError) as caught:
        looked.act(effect(looked, "notes.write", NOTE))
    assert len(caught.value.message) < 400
    assert "\n" not in caught.value.message
    with pytest.raises(TransientError) as uncertain:
        blind.act(effect(blind, "notes.write", NOTE))
    assert uncertain.value.sent
    assert not blind.lookup(effect(blind, "notes.write", NOTE)).authoritative
    clean = without_lookup()
    clean["tools"]["notes.write"]["fails_clean"] = True
    with pytest.raises(RefusedError):
        notes(tmp_path / "blind", "fails", **clean).act(effect(blind, "notes.write", NOTE))


@pytest.mark.parametrize(
    ("how", "agreed", "says"),
    [
        ("", {}, "did not agree to it's tool `write_note` yet: it takes id, text, key"),
        ("changed", None, "is not what you agreed to: it now takes id, text, key, send_to"),
        ("gone", None, "has no tool `write_note`"),
    ],
)
def test_a_tool_that_was_not_agreed_to_as_it_is_is_a_finding_and_never_called(
    tmp_path: Path, how: str, agreed: dict[str, str] | None, says: str
) -> None:
    here = notes(tmp_path, how, **({} if agreed is None else {"agreed": agreed}))
    with pytest.raises(RefusedError, match=says):
        here.act(effect(here, "notes.write", NOTE))
    found = [finding for finding in here.check() if says in finding.message]
    assert len(found) == 1
    assert done(tmp_path) == 0
    if how == "changed":  # what the hint says makes it right
        accepted = yaml.safe_load(found[0].hint.split("`")[1])["agreed"]
        again = notes(tmp_path, how, agreed={**mcp.agreed(), **accepted})
        assert again.act(effect(again, "notes.write", NOTE)).sent


def test_what_the_settings_do_not_map_cannot_be_called_at_all(tmp_path: Path) -> None:
    here = notes(tmp_path)
    for name in ("format_disk", "notes.format", "notes.write"):
        with pytest.raises(RefusedError):
            here.read(name, {})
    assert "format_disk" not in str(here.capabilities())


def test_the_process_group_is_gone_whatever_it_holds_on_to(tmp_path: Path) -> None:
    notes(tmp_path, "clings").read("sources.read", {})
    for pid in (tmp_path / "notes.pids").read_text().split():
        with pytest.raises(ProcessLookupError):
            _until_gone(int(pid))


def _until_gone(pid: int) -> None:
    """Raises ProcessLookupError once nothing runs under that number; a zombie, which init has yet to reap, is gone."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().rpartition(") ")[2].startswith("Z"):
            raise ProcessLookupError
        time.sleep(0.01)


def test_a_server_sees_of_our_environment_what_the_settings_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_KEY", "not for you")
    tools = {"notes.names": {"tool": "environment"}}
    env = {"NOTES_TOKEN": {"env": "TOKEN"}, "MODE": "quiet"}
    seen = set(notes(tmp_path, tools=tools, env=env).read("notes.names", {}).data["names"])
    assert seen - {"LC_CTYPE"} == {"PATH", "NOTES_TOKEN", "MODE"}  # Python sets LC_CTYPE for itself


def test_a_secret_that_is_not_set_is_named_before_anything_is_started(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="the secret NOBODY is not set"):
        notes(tmp_path, env={"X": {"env": "NOBODY"}}).read("sources.read", {})


def test_what_an_address_says_of_its_quota_is_kept(tmp_path: Path) -> None:
    stand = mcp.serve()
    try:
        here, _ = loaded(tmp_path, dict(stand.settings(stand.address)))
        assert here is not None
        assert [each.title for each in here.read("sources.read", {}).documents] == ["Note first"]
        assert stand.snapshot()[2] == 0  # no session is left behind
    finally:
        stand.stop()
    assert str(quota(tmp_path / QUOTAS, "it")) == "41 calls left"


def test_an_address_that_wants_to_know_who_we_are(tmp_path: Path) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Guarded(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            known = self.headers.get("Authorization") == f"Bearer {SECRET}"
            self.send_response(503 if known else 401)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Guarded) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        settings = {"url": f"http://127.0.0.1:{server.server_port}/mcp", **mcp.mapped()}
        stranger, _ = loaded(tmp_path, settings)
        friend, _ = loaded(tmp_path, {**settings, "headers": {"Authorization": {"env": "TOKEN", "prefix": "Bearer "}}})
        assert stranger is not None
        assert friend is not None
        with pytest.raises(CredentialsError):
            stranger.read("sources.read", {})
        with pytest.raises(TransientError) as caught:
            friend.act(effect(friend, "notes.write", NOTE))
        server.shutdown()
    assert not caught.value.sent
    assert SECRET not in str(caught.value)
    with pytest.raises(TransientError) as gone:
        friend.act(effect(friend, "notes.write", NOTE))
    assert not gone.value.sent


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"command": ["x"], "url": "http://127.0.0.1/"}, "a `command` or a `url`"),
        ({"url": "http://127.0.0.1/", "env": {"A": "b"}}, "`env` has no meaning here"),
        ({"command": ["x"], "tools": {"a.b": {"tool": "t", "shows": "x"}}}, "reads, and `shows` has no meaning"),
        ({"command": ["x"], "tools": {"a.b": {"tool": "t", "arguments": {"x": "${{ payload.y }}"}}}}, "arguments: "),
        ({"command": ["x"], "tools": {"a.b": {"tool": "t", "takes": {"type": "text"}}}}, "is no JSON Schema"),
        (
            {"command": ["x"], "tools": {"a.b": {"tool": "t", "writes": True, "compensate": {"capability": "a.c"}}}},
            "names a.c",
        ),
    ],
)
def test_settings_that_cannot_work_are_findings(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    connector, findings = loaded(tmp_path, {**mcp.mapped(), **change})
    assert connector is None
    assert [says in finding.message for finding in findings] == [True]


def test_a_program_that_is_not_there_and_one_that_cannot_start_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    for command in (["no-such-program"], ["./text"]):
        connector, _ = loaded(tmp_path, {"command": command, **mcp.mapped()})
        assert connector is not None
        with pytest.raises(AiosError) as caught:
            connector.read("sources.read", {})
        assert isinstance(caught.value, RefusedError)
