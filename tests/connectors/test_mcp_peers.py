"""The same connector beside servers that others wrote."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aios.connectors.http import Service
from aios.connectors.mcp.pipe import Pipe
from aios.connectors.mcp.session import STATELESS, Session, connected
from aios.connectors.mcp.streamable import Streamable
from aios.domain.effect import Connector
from aios.errors import RefusedError
from tests.connectors.cases import effect
from tests.connectors.test_mcp import loaded
from tests.peers import mcp

pytestmark = pytest.mark.peer("mcp")
TEXT = {"type": "string"}


def agreeing(root: Path, settings: dict[str, Any]) -> Connector:
    """The connector, with what its own findings say one may agree to."""
    here, findings = loaded(root, settings)
    assert findings == []
    assert here is not None
    hints = [finding.hint.split("`")[1].removeprefix("agreed: {").removesuffix("}") for finding in here.check()]
    again, _ = loaded(root, {**settings, "agreed": dict(hint.split(": ") for hint in hints)})
    assert again is not None
    assert list(again.check()) == []
    return again


def test_files_are_read_within_the_folder_that_the_server_was_given(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/one.md").write_text("# One\n\nA note.\n")
    (tmp_path / "secret.md").write_text("no")
    tool = {
        "tool": "read_text_file",
        "takes": {"type": "object", "properties": {"path": TEXT}, "required": ["path"], "additionalProperties": False},
        "arguments": {"path": "${{ params.path }}"},
        "documents": {"text": "${{ result.text }}", "title": "${{ params.path }}"},
    }
    here = agreeing(tmp_path, {"command": ["mcp-server-filesystem", "notes"], "tools": {"sources.read": tool}})
    found = here.read("sources.read", {"path": str(tmp_path / "notes/one.md")})
    assert [document.text for document in found.documents] == ["# One\n\nA note.\n"]
    with pytest.raises(RefusedError, match="Access denied"):
        here.read("sources.read", {"path": str(tmp_path / "secret.md")})


def test_a_graph_of_memories_is_written_once_found_and_undone(tmp_path: Path) -> None:
    entity = {"name": "${{ payload.name }}", "entityType": "customer", "observations": ["${{ key }}"]}
    given = {"type": "object", "properties": {"name": TEXT}, "required": ["name"]}
    seen = "result.data.entities.exists(each, each.name == payload.name && key in each.observations)"
    gone = "!result.data.entities.exists(each, each.name == payload.name)"
    graph = {"tool": "read_graph", "authoritative": True, "id": "${{ payload.name }}"}
    tools = {
        "customers.note": {
            "tool": "create_entities",
            "writes": True,
            "takes": given,
            "arguments": {"entities": [entity]},
            "id": "${{ payload.name }}",
            "lookup": {**graph, "found": seen},
            "compensate": {"capability": "customers.forget", "payload": {"name": "${{ payload.name }}"}},
        },
        "customers.forget": {
            "tool": "delete_entities",
            "writes": True,
            "takes": given,
            "arguments": {"entityNames": ["${{ payload.name }}"]},
            "id": "${{ payload.name }}",
            "lookup": {**graph, "found": gone},
        },
    }
    env = {"MEMORY_FILE_PATH": str(tmp_path / "graph.jsonl")}
    here = agreeing(tmp_path, {"command": ["mcp-server-memory"], "env": env, "tools": tools})
    wanted = effect(here, "customers.note", {"name": "Ann"})
    assert here.lookup(wanted).found is None
    outcome = here.act(wanted)
    assert here.act(wanted) == outcome == here.lookup(wanted).found
    assert (tmp_path / "graph.jsonl").read_text().count('"Ann"') == 1
    here.act(effect(here, "customers.forget", {"name": "Ann"}))
    assert "Ann" not in (tmp_path / "graph.jsonl").read_text()


def test_a_server_that_shows_everything_is_read_for_the_one_tool_that_is_mapped(tmp_path: Path) -> None:
    tool = {
        "tool": "get-sum",
        "takes": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}},
        "arguments": {"a": "${{ params.a }}", "b": "${{ params.b }}"},
    }
    image = {"tool": "get-tiny-image"}
    tools = {"figures.sum": tool, "pictures.read": image}
    here = agreeing(tmp_path, {"command": ["mcp-server-everything", "stdio"], "tools": tools})
    assert "5" in here.read("figures.sum", {"a": 2, "b": 3}).data["text"]
    assert [finding.message for finding in here.read("pictures.read", {}).findings] == [
        "get-tiny-image also gave image, which is left out"
    ]


@pytest.fixture(params=["stdio", "http"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    if request.param == "stdio":
        yield {
            "command": [sys.executable, str(mcp.script(tmp_path)), "stdio"],
            "env": {"PYTHONPATH": ":".join(sys.path)},
        }
        return
    with mcp.serving(tmp_path) as url:
        yield {"url": url}


def test_a_server_made_with_the_official_package_is_written_to_and_looked_up(
    server: dict[str, Any], tmp_path: Path
) -> None:
    key = {"key": "${{ key }}"}
    tool = {
        "tool": "write_note",
        "writes": True,
        "takes": {"type": "object", "properties": {"id": TEXT, "text": TEXT}},
        "arguments": {"id": "${{ payload.id }}", "text": "${{ payload.text }}", **key},
        "id": "${{ payload.id }}",
        "lookup": {"tool": "find_key", "arguments": key, "found": "result.data.done", "id": "${{ result.data.id }}"},
    }
    here = agreeing(tmp_path, {**server, "tools": {"notes.write": tool}})
    wanted = effect(here, "notes.write", {"id": "a", "text": "ä\n“b”"})
    outcome = here.act(wanted)
    assert outcome.external_id == "a"
    if "url" in server:  # a program forgets with its process
        assert here.act(wanted) == outcome == here.lookup(wanted).found


def test_without_a_handshake_it_answers_too(server: dict[str, Any], tmp_path: Path) -> None:
    """The newest version of the protocol: what our handshake falls back to where a server knows nothing else."""
    if "url" in server:
        wire: Any = Streamable(Service("it", server["url"]))
        session = Session("it", wire, 20.0, wire.headers, version=STATELESS)
    else:
        wire = Pipe("it", server["command"], server["env"], tmp_path, 1_000_000)
        session = Session("it", wire, 20.0, version=STATELESS)
    with connected(session):
        assert sorted(session.tools()) == ["find_key", "write_note"]
        assert session.call("find_key", {"key": "x"})["structuredContent"]["done"] is False
