"""Editors learn from the same schemas."""

from __future__ import annotations

import json

from aios.store.editor import SETTINGS, editor_settings, schema_line
from aios.store.schemas import Schemas
from tests.records.dict_tree import company


def test_every_kind_in_yaml_is_mapped_to_its_schema() -> None:
    schemas, _ = Schemas.from_tree(company())
    mapping = json.loads(editor_settings(schemas)[SETTINGS])["yaml.schemas"]
    assert mapping["./state/schemas/customer.v1.json"] == ["/state/customers/**/*.yaml"]
    assert mapping["./state/schemas/company.v1.json"] == ["/state/company.yaml"]
    assert mapping["./state/schemas/workflow.v1.json"] == ["/workflows/**/*.yaml"]
    assert "./state/schemas/content.v1.json" not in mapping
    assert "./state/schemas/writer-input.v1.json" not in mapping


def test_the_first_line_names_the_schema_relative_to_the_file() -> None:
    schemas, _ = Schemas.from_tree(company())
    line = "# yaml-language-server: $schema="
    assert schema_line("state/customers/a.yaml", schemas) == f"{line}../schemas/customer.v1.json\n"
    assert schema_line("state/company.yaml", schemas) == f"{line}schemas/company.v1.json\n"
    assert schema_line("workflows/a.yaml", schemas) == f"{line}../state/schemas/workflow.v1.json\n"
    assert schema_line("state/runs/2026/11/a.yaml", schemas) == f"{line}../../../schemas/run.v1.json\n"
    assert schema_line("state/content/a.md", schemas) == ""
    assert schema_line("x.yaml", schemas) == ""
