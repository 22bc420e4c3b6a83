"""What is saved in the browser: only the changed fields change, comments stay, and nothing wrong is ever written."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aios.domain.finding import Finding
from aios.domain.tree import Changeset, Tree
from aios.editing.desk import Desk
from aios.editing.server import EditorServer
from aios.errors import AiosError, RefusedError, UsageError
from aios.store.check import check
from aios.store.documents import parse
from aios.store.trees import EmptyTree, OverlayTree

TOP = Path(__file__).parents[2]
ACME = """# yaml-language-server: $schema=../schemas/customer.v1.json
schema: customer.v1
name: Acme # as they write it
email: ops@acme.example
status: active
product: planwatch
x-crm: {stage: 3}   # nobody has a form for this
# they asked for this twice
notes: >-
  Asks for
  invoices.
"""
LETTER = """---
schema: note.v1
kind: lesson
title: "A lesson"   # short
trust: operator
created: 2026-03-02T09:00:00Z
---

Say it first.
"""


SCHEMAS = {path.relative_to(TOP).as_posix(): path.read_bytes() for path in TOP.glob("state/schemas/*.json")}


def found(tree: Tree) -> list[Finding]:
    return check(tree, None)


class House:
    """A company in memory: the shipped schemas and a few records."""

    def __init__(self) -> None:
        files = SCHEMAS | {
            "state/company.yaml": b"schema: company.v1\nname: Test\napprovers: [me@test.example]\ntimezone: UTC\n",
            "state/products/planwatch.yaml": b"schema: product.v1\nname: Planwatch\nstatus: live\n",
            "state/customers/acme.yaml": ACME.encode(),
            "state/customers/other.yaml": b"schema: customer.v1\nname: Other\nstatus: lead\nemail: o@other.example\n",
            "memory/lessons/a-lesson.md": LETTER.encode(),
        }
        self.tree: Tree = OverlayTree(EmptyTree(), files)
        self.said: list[str] = []
        self.desk = Desk(lambda: self.tree, found, self._commit)

    def _commit(self, message: str, changes: Changeset, seen: Tree) -> None:
        self.said.append(message)
        self.tree = OverlayTree(self.tree, changes)

    def read(self, path: str) -> str:
        return (self.tree.read(path) or b"").decode()

    def open(self, path: str) -> dict[str, Any]:
        """An entry as the editor holds it: its data, comments lost."""
        text = self.desk.answer("getEntry", {"path": path})["data"]
        document, _ = parse(path, text.encode())
        assert document is not None
        return copy.deepcopy(dict(document.data))

    def save(self, path: str, data: dict[str, Any], body: str | None = None, **more: str) -> None:
        text = yaml.safe_dump(data, sort_keys=True, allow_unicode=True)
        raw = text if body is None else f"---\n{text}---\n{body}"
        self.desk.answer("persistEntry", {"dataFiles": [{"path": path, "raw": raw, "slug": "x", **more}], "assets": []})


@pytest.fixture
def house() -> House:
    return House()


def test_one_changed_field_is_one_changed_line(house: House) -> None:
    data = house.open("state/customers/acme.yaml")
    house.save("state/customers/acme.yaml", data | {"name": "Acme Ltd"})
    assert house.read("state/customers/acme.yaml") == ACME.replace("name: Acme ", "name: Acme Ltd ").replace(
        "Acme Ltd # as", "Acme Ltd # as"
    )
    assert house.said == ["Edit customers/acme"]


def test_saving_what_was_not_changed_makes_no_commit(house: House) -> None:
    house.save("state/customers/acme.yaml", house.open("state/customers/acme.yaml"))
    assert house.said == []


def test_what_has_no_form_stays_and_what_was_emptied_goes(house: House) -> None:
    data = house.open("state/customers/acme.yaml")
    del data["x-crm"]
    house.save("state/customers/acme.yaml", data | {"notes": "", "domain": "", "seats": None, "tags": []})
    told = house.read("state/customers/acme.yaml")
    assert "x-crm: {stage: 3}   # nobody has a form for this" in told
    assert "notes" not in told
    assert "domain" not in told


def test_prose_is_replaced_and_its_front_matter_kept(house: House) -> None:
    data = house.open("memory/lessons/a-lesson.md")
    house.save("memory/lessons/a-lesson.md", data, body="Say it first, and plainly.\n")
    assert house.read("memory/lessons/a-lesson.md") == LETTER.replace("Say it first.", "Say it first, and plainly.")


def test_a_new_record_names_its_schema_and_leaves_out_what_is_empty(house: House) -> None:
    house.save("state/customers/new.yaml", {"name": "New", "status": "lead", "email": "", "tags": []})
    told = house.read("state/customers/new.yaml")
    assert told.startswith(
        "# yaml-language-server: $schema=../schemas/customer.v1.json\nschema: customer.v1\nname: New\n"
    )
    assert "email" not in told
    assert house.said == ["Add customers/new"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"email": "o@other.example"}, "o@other.example"),
        ({"product": "nothing-such"}, "nothing-such"),
        ({"status": "asleep"}, "status"),
        ({"since": "yesterday"}, "since"),
    ],
)
def test_what_check_would_refuse_is_refused_with_its_finding(house: House, change: dict[str, Any], said: str) -> None:
    data = house.open("state/customers/acme.yaml")
    with pytest.raises(RefusedError, match=said):
        house.save("state/customers/acme.yaml", data | change)
    assert house.read("state/customers/acme.yaml") == ACME
    assert house.said == []


def test_a_record_that_others_name_is_not_removed(house: House) -> None:
    with pytest.raises(RefusedError, match="planwatch"):
        house.desk.answer("deleteFiles", {"paths": ["state/products/planwatch.yaml"]})
    house.desk.answer("deleteFiles", {"paths": ["state/customers/other.yaml"]})
    assert house.said == ["Remove customers/other"]


def test_what_others_changed_meanwhile_is_merged_field_by_field(house: House) -> None:
    data = house.open("state/customers/acme.yaml")
    meanwhile = ACME.replace("status: active", "status: paused")
    house.tree = OverlayTree(house.tree, {"state/customers/acme.yaml": meanwhile.encode()})
    house.save("state/customers/acme.yaml", data | {"name": "Acme Ltd"})
    told = house.read("state/customers/acme.yaml")
    assert "status: paused" in told
    assert "name: Acme Ltd # as they write it" in told


def test_the_same_field_changed_twice_is_told_and_nothing_is_lost(house: House) -> None:
    data = house.open("state/customers/acme.yaml")
    meanwhile = ACME.replace("status: active", "status: paused")
    house.tree = OverlayTree(house.tree, {"state/customers/acme.yaml": meanwhile.encode()})
    with pytest.raises(RefusedError, match="changed meanwhile: status"):
        house.save("state/customers/acme.yaml", data | {"status": "churned"})
    assert house.read("state/customers/acme.yaml") == meanwhile


@pytest.mark.parametrize(
    "path",
    [
        "state/policies/outgoing.yaml",
        "state/agents/writer.yaml",
        "workflows/publish-content.yaml",
        "state/runs/2026/11/x.yaml",
        ".github/workflows/x.yml",
        "state/customers/../policies/outgoing.yaml",
        "/etc/passwd",
        "../outside.yaml",
        "README.md",
        "state/schemas/customer.v1.json",
    ],
)
def test_what_decides_and_what_lies_outside_is_not_edited_here(house: House, path: str) -> None:
    with pytest.raises(RefusedError, match="not edited here"):
        house.save(path, {"schema": "customer.v1", "name": "x", "status": "lead"})
    with pytest.raises(RefusedError, match="not edited here"):
        house.save("state/customers/acme.yaml", house.open("state/customers/acme.yaml"), newPath=path)
    with pytest.raises(RefusedError, match="not edited here"):
        house.desk.answer("getEntry", {"path": path})
    assert house.said == []


def test_a_record_moves_within_its_kind_only(house: House) -> None:
    data = house.open("state/customers/other.yaml")
    house.save("state/customers/other.yaml", data, newPath="state/customers/another.yaml")
    assert house.read("state/customers/another.yaml")
    assert not house.read("state/customers/other.yaml")
    with pytest.raises(RefusedError, match="no place for customer"):
        house.save("state/customers/another.yaml", data, newPath="state/products/another.yaml")


def test_pictures_and_unknown_questions_are_refused(house: House) -> None:
    with pytest.raises(RefusedError, match="pictures"):
        house.desk.answer("persistMedia", {"asset": {"path": "x.png", "content": ""}})
    with pytest.raises(UsageError, match="not known"):
        house.desk.answer("rm", {})


# ── the server ──


@pytest.fixture
def served(house: House, tmp_path: Path) -> Iterator[EditorServer]:
    import threading

    (tmp_path / "decap.js").write_text("// the editor")
    server = EditorServer(0, "secret", lambda _: {"index.html": "<p>editor"}, tmp_path, house.desk)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def ask(server: EditorServer, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
    place = urlsplit(server.address)
    connection = HTTPConnection(place.hostname or "", place.port or 0, timeout=10)
    told = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET" if body is None else "POST", path, body, told)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


INFO = b'{"action": "info", "params": {}}'


def test_the_server_gives_the_page_the_editor_and_answers(served: EditorServer) -> None:
    assert ask(served, "/secret/") == (200, "<p>editor")
    assert ask(served, "/secret/editor/decap.js") == (200, "// the editor")
    assert json.loads(ask(served, "/secret/api/v1", INFO)[1])["type"] == "aios"


def test_only_this_server_s_own_page_is_answered(served: EditorServer) -> None:
    assert ask(served, "/secret/api/v1", INFO, Origin="https://evil.example")[0] == 403
    assert ask(served, "/secret/api/v1", INFO, Host="evil.example")[0] == 403
    assert ask(served, "/other/api/v1", INFO)[0] == 404
    assert ask(served, "/api/v1", INFO)[0] == 404
    assert ask(served, "/secret/api/v1", INFO, Content_Type="text/plain")[0] == 404
    for outside in ("/secret/editor/../../x", "/secret/editor/%2e%2e/%2e%2e/etc/passwd", "/secret/editor//etc/passwd"):
        assert ask(served, outside)[0] == 404


def test_a_refusal_reaches_the_page_in_words(served: EditorServer) -> None:
    asked = {"action": "getEntry", "params": {"path": "state/policies/x.yaml"}}
    status, text = ask(served, "/secret/api/v1", json.dumps(asked).encode())
    assert status == 422
    assert "use an editor of text" in json.loads(text)["error"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"action": 3}', b'{"action": "persistEntry", "params": 7}', b"[" * 9999]
)
def test_nonsense_is_answered_and_the_server_lives(served: EditorServer, body: bytes) -> None:
    assert ask(served, "/secret/api/v1", body)[0] in {400, 422}
    assert ask(served, "/secret/api/v1", INFO)[0] == 200


SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@settings(max_examples=15, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["name", "status", "email", "product", "tags", "price", "x-y", "notes"]), VALUES)
)
def test_whatever_a_form_sends_main_stays_in_order(data: dict[str, Any]) -> None:
    house = House()
    sent = house.open("state/customers/acme.yaml") | data
    try:
        house.save("state/customers/acme.yaml", sent)
    except AiosError:
        assert house.said == []
    assert [finding for finding in found(house.tree) if finding.severity.value == "error"] == []
