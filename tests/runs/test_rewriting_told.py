"""What becomes of fields when records are brought to a newer schema: told as the schema says it, and what is lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aios.domain.event import Change
from aios.runs.migrating import rewritten
from aios.runs.rewriting_told import Rewritten, rewriting_told
from aios.store.documents import parse
from aios.store.schemas import Schemas
from aios.store.trees import OverlayTree

TEXT = {"type": "string"}


class Nothing:
    """A tree without a file."""

    def read(self, path: str) -> bytes | None:
        del path
        return None

    def blob(self, path: str) -> str | None:
        del path
        return None

    def paths(self, prefix: str = "") -> list[str]:
        del prefix
        return []


def schema(version: int, upcast: Mapping[str, Any], fields: tuple[str, ...]) -> bytes:
    made = {
        "x-aios": {"directory": "customers", "upcast": upcast},
        "type": "object",
        "properties": {"schema": {"const": f"customer.v{version}"}, **dict.fromkeys(fields, TEXT)},
        "required": ["schema"],
        "additionalProperties": False,
    }
    return json.dumps(made).encode()


def migrated(
    upcast: Mapping[str, Any],
    fields: tuple[str, ...],
    files: Mapping[str, str],
    *,
    version: int = 2,
    edits: Mapping[str, str] | None = None,
) -> Rewritten:
    """What is told where `files` (name → YAML without its first line) are brought to the newest version."""
    schemas = {
        f"state/schemas/customer.v{version}.json": schema(version, upcast, fields),
        "state/schemas/customer.v1.json": schema(1, {}, ()),
    }
    old = {f"state/customers/{name}.yaml": f"schema: customer.v1\n{text}".encode() for name, text in files.items()}
    before = OverlayTree(Nothing(), {**schemas, **old})
    known, findings = Schemas.from_tree(before)
    assert findings == []
    new = {}
    for path, content in old.items():
        document, _ = parse(path, content)
        assert document is not None
        data, problems = known.read(document)
        assert data is not None, problems
        text = rewritten(path, content.decode(), document.data, data) + (edits or {}).get(path, "")
        new[path] = text.encode()
    after = OverlayTree(before, new)
    changes = [Change(path, before.blob(path) or "", after.blob(path) or "") for path in new]
    return rewriting_told(after, before, changes)


def test_names_defaults_and_losses_are_told_by_version() -> None:
    told = migrated(
        {"1": {"rename": {"found": "heard"}, "set": {"tier": "basic"}, "drop": ["fax"]}},
        ("heard", "tier"),
        {"a": "found: talk\nfax: '12'\n", "b": "found: post\nfax: '12'\ntier: gold\n", "c": "fax: '7'\n"},
    )
    assert told.lost == 3
    assert told.title == "Rewrite 3 files in the newest schema: 3 values lost"
    assert told.lines == [
        "lost in customer.v2: `fax`, “12” in 2 files, “7” in 1 file. What it said stays in the commits before",
        "customer.v1 → customer.v2, 3 files: `found` is called `heard` (2 files); `tier` comes, “basic” in 2 files",
    ]


def test_where_nothing_is_lost_the_title_says_so() -> None:
    told = migrated({"1": {"rename": {"found": "heard"}}}, ("heard",), {"a": "found: talk\n"})
    assert (told.lost, told.title) == (0, "Rewrite 1 file in the newest schema: nothing lost")


def test_a_dropped_value_that_looks_like_a_new_default_is_lost_all_the_same() -> None:
    told = migrated({"1": {"drop": ["fax"], "set": {"tier": "no"}}}, ("tier",), {"a": "fax: 'no'\n"})
    assert told.lost == 1
    assert told.lines[0].startswith("lost in customer.v2: `fax`, “no” in 1 file.")
    assert "`tier` comes" in told.lines[1]


def test_of_two_fields_that_come_to_one_name_the_other_is_lost() -> None:
    told = migrated(
        {"1": {"rename": {"mail": "email"}}}, ("email",), {"a": "email: old@x.example\nmail: new@x.example\n"}
    )
    assert told.lost == 1
    assert "“old@x.example”" in told.lines[0] or "“new@x.example”" in told.lines[0]


def test_names_are_followed_over_several_versions() -> None:
    steps = {"1": {"rename": {"found": "heard"}}, "2": {"rename": {"heard": "heard_of_us"}, "drop": ["fax"]}}
    told = migrated(steps, ("heard_of_us",), {"a": "found: talk\nfax: '1'\n"}, version=3)
    assert told.lost == 1
    assert told.lines[-1] == "customer.v1 → customer.v3, 1 file: `found` is called `heard_of_us` (1 file)"


def test_a_file_that_is_changed_in_another_way_too_is_left_to_the_state_diff() -> None:
    told = migrated(
        {"1": {"set": {"tier": "basic"}}},
        ("tier", "name"),
        {"a": "name: A\n", "b": "name: B\n"},
        edits={"state/customers/b.yaml": "# seen\n"},
    )
    assert told.paths == {"state/customers/a.yaml", "state/customers/b.yaml"}  # a comment changes no field
    told = migrated(
        {"1": {"set": {"tier": "basic"}}},
        ("tier", "name"),
        {"a": "name: A\n", "b": "tier: gold\n"},
        edits={"state/customers/b.yaml": "name: somebody\n"},
    )
    assert told.paths == {"state/customers/a.yaml"}


def test_long_values_and_many_of_them_are_cut_short() -> None:
    files = {f"c{number}": f"fax: '{number}{'9' * 60}'\n" for number in range(6)}
    line = migrated({"1": {"drop": ["fax"]}}, (), files).lines[0]
    assert line.count("“") == 3
    assert "3 other values" in line
    assert max(len(each.partition("”")[0]) for each in line.split("“")[1:]) == 40


def test_the_line_that_tells_editors_the_schema_names_the_new_one() -> None:
    text = "# yaml-language-server: $schema=../schemas/customer.v1.json\nschema: customer.v1\nname: A  # mine\n"
    new = rewritten(
        "state/customers/a.yaml", text, {"schema": "customer.v1", "name": "A"}, {"schema": "customer.v2", "name": "A"}
    )
    assert new == text.replace("customer.v1", "customer.v2")
    body = "---\nschema: note.v1\n---\n\n# yaml-language-server: $schema=../schemas/note.v1.json\n"
    kept = rewritten("memory/a.md", body, {"schema": "note.v1"}, {"schema": "note.v2"})
    assert kept == body.replace("schema: note.v1", "schema: note.v2")
