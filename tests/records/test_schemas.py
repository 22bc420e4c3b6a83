"""The declared formats themselves, and what they say about records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from jsonschema import Draft7Validator

from aios.domain.finding import Finding
from aios.store.documents import parse
from aios.store.schemas import Schemas
from aios.store.validators import compiled, problem_of
from tests.records.dict_tree import REPOSITORY, DictTree, company, schema_files

SHIPPED = sorted((REPOSITORY / "state" / "schemas").glob("*.json"))
KINDS = (
    "agent", "case", "company", "connector", "content", "cursor", "customer", "decision", "evidence", "funnel",
    "golden", "invoice", "lead", "memory-policy", "message", "metric", "note", "policy", "product", "project",
    "question", "run", "shape", "signal", "source", "suppression", "ticket", "workflow",
)  # fmt: skip


def subschemas(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema inside a schema, with a pointer to it."""
    yield path, schema
    for key in ("properties", "patternProperties", "definitions"):
        for name, inner in schema.get(key, {}).items():
            yield from subschemas(inner, f"{path}/{key}/{name}")
    for key in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(key), dict):
            yield from subschemas(schema[key], f"{path}/{key}")
    for key in ("anyOf", "oneOf", "allOf"):
        for index, inner in enumerate(schema.get(key, [])):
            yield from subschemas(inner, f"{path}/{key}/{index}")


def findings(path: str, text: str, extra: Mapping[str, bytes | str] | None = None) -> list[Finding]:
    schemas, problems = Schemas.from_tree(company(extra))
    assert problems == []
    document, unreadable = parse(path, text.encode())
    assert unreadable == []
    assert document is not None
    return schemas.validate(document)


def said(path: str, text: str) -> list[tuple[int, int, str, str]]:
    return [(each.line, each.column, each.message, each.hint) for each in findings(path, text)]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_schema_is_json_schema_and_tells_editors_about_every_field(path: Any) -> None:
    schema = json.loads(path.read_text())
    Draft7Validator.check_schema(schema)
    assert problem_of(schema) == ""
    assert compiled(schema) is not None
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema["title"]
    assert schema["description"]
    for pointer, inner in subschemas(schema):
        for name, field in inner.get("properties", {}).items():
            if "$ref" not in field:
                assert field.get("title"), f"{path.name}{pointer}/{name} has no title"
                assert field.get("description"), f"{path.name}{pointer}/{name} has no description"
        if "pattern" in inner and "propertyNames" not in pointer:
            assert inner.get("patternErrorMessage"), f"{path.name}{pointer}: say in words what the pattern wants"
        if inner.get("additionalProperties") is False and schema["x-aios"].get("role") is None:
            assert inner["patternProperties"].keys() == {"^x-"}, f"{path.name}{pointer} leaves no room for own fields"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_references_and_unique_fields_are_fields_of_the_schema(path: Any) -> None:
    schema = json.loads(path.read_text())
    about = schema["x-aios"]
    for field in [
        about.get("title"),
        *about.get("unique", ()),
        *about.get("references", ()),
        *about.get("ownership", ()),
    ]:
        inner = schema
        for part in (field or "").replace("[]", ".[]").split("."):
            if part:
                inner = inner["items"] if part == "[]" else inner["properties"][part]
    assert set(about.get("references", {}).values()) <= {*KINDS, "*"}


def test_the_box_holds_every_kind_and_no_finding() -> None:
    schemas, problems = Schemas.from_tree(company())
    assert problems == []
    assert schemas.kinds() == KINDS


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("state/company.yaml", "company"),
        ("state/customers/acme.yaml", "customer"),
        ("state/customers/acme.md", "customer"),
        ("state/customers/deep/acme.yaml", "customer"),
        ("state/customers/acme.json", None),
        ("state/customers/README.md", None),
        ("state/content/a.md", "content"),
        ("state/content/a.yaml", None),
        ("state/runs/2026/11/01jc.yaml", "run"),
        ("memory/lessons/a.md", "note"),
        ("workflows/publish.yaml", "workflow"),
        ("state/agents/writer.yaml", "agent"),
        ("state/agents/writer.md", None),
        ("state/schemas/agent.v1.json", None),
        ("state/unknown/a.yaml", None),
        ("README.md", None),
        ("a.yaml", None),
    ],
)
def test_a_file_belongs_to_the_kind_of_its_place(path: str, kind: str | None) -> None:
    assert Schemas.from_tree(company())[0].kind_of(path) == kind


CUSTOMER = "schema: customer.v1\nname: Acme\nstatus: active\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CUSTOMER, []),
        (f"{CUSTOMER}x-own: [1, {{a: 2}}]\n", []),
        (
            CUSTOMER.replace("active", "activ"),
            [
                (
                    3,
                    1,
                    "`status` is `activ`; expected one of lead, trial, active, paused, churned",
                    "did you mean `active`?",
                )
            ],
        ),
        (f"{CUSTOMER}emial: a@b.example\n", [(4, 1, "`emial` is not a field of a customer", "did you mean `email`?")]),
        (f"{CUSTOMER}zip: 1\n", [(4, 1, "`zip` is not a field of a customer", "call a field of your own `x-zip`")]),
        (
            f"{CUSTOMER}contacts:\n  - nmae: Ines\n",
            [
                (5, 5, "`contacts[0]` has no `name`", "Full name"),
                (5, 5, "`nmae` is not a field in `contacts[0]`", "did you mean `name`?"),
            ],
        ),
        (f"{CUSTOMER}language: 5\n", [(4, 1, "`language` is `5`; expected text", "put it in quotes")]),
        (f"{CUSTOMER}notes:\n", [(4, 1, "`notes` is empty; expected text", "")]),
        (f"{CUSTOMER}tags: a\n", [(4, 1, "`tags` is `a`; expected a list", "")]),
        (f"{CUSTOMER}tags: [a, a]\n", [(4, 1, "`tags` holds an entry twice", "delete one")]),
        (f"{CUSTOMER}seats: 0\n", [(4, 1, "`seats` is `0`; expected at least 1", "")]),
        (
            f"{CUSTOMER}since: 2026-02-30\n",
            [(4, 1, "`since` is `2026-02-30`, which is not in the calendar", "a date looks like 2026-03-02")],
        ),
        (
            f"{CUSTOMER}since: yesterday\n",
            [(4, 1, "`since` is `yesterday`, which is not of the expected form", "a date looks like 2026-03-02")],
        ),
        (
            f"{CUSTOMER}price: {{amount: 49.9, currency: euro}}\n",
            [
                (4, 9, "`price.amount` is `49.9`; expected a whole number", ""),
                (
                    4,
                    23,
                    "`price.currency` is `euro`, which is not of the expected form",
                    "a currency is three capital letters, such as EUR",
                ),
            ],
        ),
        ("schema: customer.v1\nname: ''\n", [
            (1, 1, "this customer has no `status`", "Where they stand"),
            (2, 1, "`name` is empty", "write something, or leave the field out"),
        ]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_words_at_its_place(text: str, expected: list[tuple[int, int, str, str]]) -> None:
    assert said("state/customers/acme.yaml", text) == expected


def test_a_step_says_what_a_step_is() -> None:
    text = "schema: workflow.v1\nname: w\nsummary: s\nsteps:\n  a: {agent: x, gate: operator}\n  B: {agent: x}\n"
    assert [(line, message) for line, _, message, _ in said("workflows/w.yaml", text)] == [
        (5, "`steps.a`: a step is exactly one of `agent`, `collect`, `gate` or `effect`"),
        (6, "`B` cannot be a name here"),
    ]


def test_the_branch_that_was_meant_explains_an_alternative() -> None:
    text = "schema: workflow.v1\nname: w\nsummary: s\non: {schedule: [{crno: x}]}\nsteps: {a: {agent: x}}\n"
    assert [message for _, _, message, _ in said("workflows/w.yaml", text)] == [
        "`on.schedule[0]` has no `cron`",
        "`crno` is not a field in `on.schedule[0]`",
    ]
    text = text.replace("[{crno: x}]", "daily")
    assert [message for _, _, message, _ in said("workflows/w.yaml", text)] == [
        "`on.schedule`: one mapping, or a list of them"
    ]


def test_a_message_never_repeats_what_looks_like_a_secret() -> None:
    secret = "sk_live_" + "4f9a8b7c6d5e4f3a2b1c"
    text = "\n".join(map(str, findings("state/customers/a.yaml", f"{CUSTOMER}interval: {secret}\nseats: {secret}\n")))
    assert "looks like a secret" in text
    assert secret not in text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("name: Acme\n", "schema-missing"),
        ("schema: product.v1\n", "schema-kind"),
        ("schema: 7\n", "schema-kind"),
        ("schema: customer.v0x\n", "schema-kind"),
        ("schema: customer.v2\n", "schema-newer"),
    ],
)
def test_a_record_says_which_schema_it_follows(text: str, rule: str) -> None:
    found = findings("state/customers/a.yaml", text)
    assert [each.rule for each in found] == [rule]
    assert found[0].hint


def test_prose_without_front_matter_is_no_record() -> None:
    assert [each.rule for each in findings("state/content/a.md", "Just prose.\n")] == ["front-matter"]


BIRD = '{"type": "object", "x-aios": {"directory": "birds"%s}, "properties": {"schema": {}, "song": {}}%s}'


def birds(extra: Mapping[str, bytes | str]) -> tuple[Schemas, list[Finding]]:
    return Schemas.from_tree(DictTree(extra))


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("bird.v1.json", "{", "schema-json"),
        ("bird.v1.json", "[]", "schema-json"),
        ("bird.v1.json", "\xff", "schema-json"),
        ("bird.v1.json", "[" * 100_000, "schema-json"),
        ("bird.json", BIRD % ("", ""), "schema-name"),
        ("bird.v1.json", '{"type": "object"}', "schema-place"),
        ("bird.v1.json", BIRD % (', "unique": "song"', ""), "schema-invalid"),
        ("bird.v1.json", BIRD % (', "uniq": []', ""), "schema-invalid"),
    ],
)
def test_a_schema_that_declares_nothing_useful_is_a_finding(name: str, text: str, rule: str) -> None:
    schemas, problems = birds({f"state/schemas/{name}": text.encode("latin-1")})
    assert [each.rule for each in problems] == [rule]
    assert schemas.kinds() == ()


def test_records_of_a_broken_schema_do_not_pass_for_checked() -> None:
    schemas, problems = birds({"state/schemas/bird.v1.json": BIRD % ("", ', "required": "song"')})
    assert problems == []
    document, _ = parse("state/birds/wren.yaml", b"schema: bird.v1\n")
    assert document is not None
    assert [each.rule for each in schemas.validate(document)] == ["schema-broken"]


def test_nothing_is_fetched_for_a_schema_that_refers_to_elsewhere() -> None:
    assert "elsewhere.example" in problem_of({"$ref": "https://elsewhere.example/x.json"})


def read(schemas: Schemas, text: str) -> tuple[Mapping[str, Any] | None, list[str]]:
    document, _ = parse("state/birds/wren.yaml", text.encode())
    assert document is not None
    data, found = schemas.read(document)
    return data, [each.rule for each in found]


def test_an_old_record_is_brought_up_by_pure_functions_when_it_is_read() -> None:
    tree = DictTree({f"state/schemas/bird.v{version}.json": BIRD % ("", "") for version in (1, 2, 3)})
    upcasters = {
        ("bird", 1): lambda data: {**data, "song": data.get("call", "")},
        ("bird", 2): lambda data: {key: value for key, value in data.items() if key != "call"},
    }
    schemas, problems = Schemas.from_tree(tree, upcasters=upcasters)
    assert problems == []
    assert schemas.kind("bird").version == 3
    assert read(schemas, "schema: bird.v1\ncall: tek\n") == ({"schema": "bird.v3", "song": "tek"}, [])
    assert read(schemas, "schema: bird.v2\nsong: trill\n") == ({"schema": "bird.v3", "song": "trill"}, [])
    assert read(schemas, "schema: bird.v4\n") == (None, ["schema-newer"])
    assert read(Schemas.from_tree(tree)[0], "schema: bird.v1\n") == (None, ["schema-older"])


def test_a_schema_may_declare_how_an_old_record_becomes_a_new_one() -> None:
    steps = ', "upcast": {"1": {"rename": {"call": "song"}, "set": {"seen": 0}, "drop": ["fax"]}}'
    schemas, problems = birds(
        {"state/schemas/bird.v1.json": BIRD % ("", ""), "state/schemas/bird.v2.json": BIRD % (steps, "")}
    )
    assert problems == []
    assert read(schemas, "schema: bird.v1\ncall: tek\nfax: 1\n") == (
        {"schema": "bird.v2", "song": "tek", "seen": 0},
        [],
    )


def test_an_upcast_that_is_no_upcast_is_a_finding_of_the_schema() -> None:
    steps = ', "upcast": {"1": {"rename": ["call"]}}'
    _, problems = birds({"state/schemas/bird.v2.json": BIRD % (steps, "")})
    assert [each.rule for each in problems] == ["schema-invalid"]


def test_every_agent_has_its_two_schemas() -> None:
    roles = ("planner", "researcher", "writer", "editor", "monitor", "deployer")
    wanted = {f"state/schemas/{role}-{side}.v1.json" for role in roles for side in ("input", "output")}
    assert wanted <= set(schema_files())


@pytest.mark.parametrize(
    ("keyword", "value", "message"),
    [
        ({"maxLength": 2}, "abc", "has 3 characters; at most 2 are allowed"),
        ({"minLength": 5}, "abc", "is `abc`, shorter than 5 characters"),
        ({"maximum": 1}, 2, "is `2`; expected at most 1"),
        ({"exclusiveMaximum": 1}, 1, "is `1`; expected less than 1"),
        ({"exclusiveMinimum": 1}, 1, "is `1`; expected more than 1"),
        ({"minItems": 1}, [], "has 0 entries; expected at least 1"),
        ({"maxItems": 1}, [1, 2], "has 2 entries; expected at most 1"),
        ({"minProperties": 1}, {}, "has 0 entries; expected at least 1"),
        ({"const": 3}, 4, "is `4`; expected `3`"),
        ({"format": "date"}, "soon", "is `soon`, which is not of the expected form"),
        (
            {"format": "date-time"},
            "2026-02-30T00:00:00Z",
            "is `2026-02-30T00:00:00Z`, which is not of the expected form",
        ),
        ({"format": "date-time"}, "2026-02-03", "is `2026-02-03`, which is not of the expected form"),
        ({"type": ["integer", "null"]}, "x", "is `x`; expected a whole number or empty"),
        ({"multipleOf": 2}, 3, "3 is not a multiple of 2"),
        ({"not": {}}, [1], "does not match its schema"),
        ({"format": "ipv4"}, "x", '"x" is not a "ipv4"'),
    ],
)
def test_every_keyword_speaks_plainly(keyword: dict[str, Any], value: Any, message: str) -> None:
    schema = {"x-aios": {"directory": "birds"}, "properties": {"song": keyword}}
    schemas, problems = birds({"state/schemas/bird.v1.json": json.dumps(schema)})
    assert problems == []
    document, _ = parse("state/birds/wren.yaml", json.dumps({"schema": "bird.v1", "song": value}).encode())
    assert document is not None
    assert [each.message for each in schemas.validate(document)] == [f"`song` {message}"]


def test_a_value_that_is_no_text_is_none_of_a_formats_business() -> None:
    schema = {"x-aios": {"directory": "birds"}, "properties": {"song": {"format": "date"}, "call": {"format": "email"}}}
    schemas, _ = birds({"state/schemas/bird.v1.json": json.dumps(schema)})
    document, _ = parse("state/birds/wren.yaml", b"schema: bird.v1\nsong: 1\ncall: a@b.example\n")
    assert document is not None
    assert schemas.validate(document) == []
