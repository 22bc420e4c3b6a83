"""What the strict reader accepts, what it refuses, and where it says so."""

from __future__ import annotations

import pytest
import yaml

from aios.store.documents import MAX_BYTES, parse

CUSTOMER = b"""# yaml-language-server: $schema=../schemas/customer.v1.json
schema: customer.v1
name: Acme Translations
since: 2026-03-02
price: {amount: 4900, currency: EUR}
contacts:
  - name: Ines Baum
    email: ines@acme.example
"""


def rules(content: bytes, path: str = "state/customers/a.yaml") -> list[tuple[int, int, str]]:
    document, findings = parse(path, content)
    assert (document is None) == bool(findings)
    return [(finding.line, finding.column, finding.rule) for finding in findings]


def test_a_record_is_read_into_json_types_with_the_place_of_every_part() -> None:
    document, findings = parse("state/customers/acme.yaml", CUSTOMER)
    assert findings == []
    assert document is not None
    assert document.data == {
        "schema": "customer.v1",
        "name": "Acme Translations",
        "since": "2026-03-02",
        "price": {"amount": 4900, "currency": "EUR"},
        "contacts": [{"name": "Ines Baum", "email": "ines@acme.example"}],
    }
    assert document.body is None
    assert document.positions["name",] == (3, 1)
    assert document.positions["price", "currency"] == (5, 23)
    assert document.positions["contacts", 0, "email"] == (8, 5)
    assert document.position(("contacts", 0, "role")) == (7, 5)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-03-02", "2026-03-02"),
        ("2026-03-02T10:00:00Z", "2026-03-02T10:00:00Z"),
        ("on", "on"),
        ("No", "No"),
        ("12:30:00", "12:30:00"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("-17", -17),
        ("0o17", 15),
        ("0x1F", 31),
        ("007", 7),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.", 1.0),
        ("'1'", "1"),
        ('"null"', "null"),
        ("1.2.3", "1.2.3"),
        ("+49 30 1234", "+49 30 1234"),
        ("=", "="),
    ],
)
def test_plain_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    document, findings = parse("a.yaml", f"a: {text}\n".encode())
    assert findings == []
    assert document is not None
    assert document.data["a"] == value
    assert type(document.data["a"]) is type(value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: [1, 2\nb: 3\n", [(2, 2, "yaml-syntax")]),
        (b"a: b: c\n", [(1, 5, "yaml-syntax")]),
        (b"a: 1\n\tb: 2\n", [(2, 1, "yaml-syntax")]),
        (b"a: !!python/object:os.system x\n", [(1, 4, "yaml-tag")]),
        (b"a: !!int 3\n", [(1, 4, "yaml-tag")]),
        (b"a: &x 1\nb: *x\n", [(1, 4, "yaml-anchor"), (2, 4, "yaml-alias")]),
        (b"a: {b: 1}\nc:\n  <<: {d: 1}\n", [(3, 3, "yaml-merge-key")]),
        (b"a: 1\nb: 2\na: 3\n", [(3, 1, "yaml-duplicate-key")]),
        (b"a:\n  b: 1\n  b: 1\n", [(3, 3, "yaml-duplicate-key")]),
        (b"1: a\n", [(1, 1, "yaml-key")]),
        (b"true: a\n", [(1, 1, "yaml-key")]),
        (b"? [a]\n: b\n", [(1, 3, "yaml-key")]),
        (b"a: .nan\n", [(1, 4, "yaml-number")]),
        (b"a: -.INF\n", [(1, 4, "yaml-number")]),
        (b"a: 1e999\n", [(1, 4, "yaml-number")]),
        (b"a: 9223372036854775808\n", [(1, 4, "yaml-number")]),
        (b"a: 1\n---\nb: 2\n", [(2, 1, "yaml-documents")]),
        (b"- 1\n", [(1, 1, "yaml-mapping")]),
        (b"just text\n", [(1, 1, "yaml-mapping")]),
        (b"", [(1, 1, "yaml-mapping")]),
        (b"# only a comment\n", [(1, 1, "yaml-mapping")]),
        (b"a: 1\nb: \xff\n", [(2, 4, "file-encoding")]),
        (b"\xef\xbb\xbfa: 1\n", [(1, 1, "file-bom")]),
        ("a: 1\n".encode("utf-16"), [(1, 4, "file-nul")]),
        (b"a: 1\nb: x\0\n", [(2, 5, "file-nul")]),
        ("ä: 1\nöö: \x07\n".encode(), [(2, 5, "yaml-syntax")]),
        (b"a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n", [(2, 1, "conflict-marker")]),
        (b"a: 1\n>>>>>>> topic\n", [(2, 1, "conflict-marker")]),
    ],
)
def test_what_is_not_allowed_is_a_finding_at_its_place(content: bytes, expected: list[tuple[int, int, str]]) -> None:
    assert rules(content) == expected


def test_several_mistakes_are_told_at_once() -> None:
    assert len(rules(b"a: *x\nb: .inf\n1: 2\na: 3\n")) == 4


def test_nesting_is_limited_before_anything_could_recurse() -> None:
    nested = "a: " + "[" * 31 + "]" * 31
    assert rules(nested.encode()) == []
    assert rules(f"a: {'[' * 32}{']' * 32}".encode()) == [(1, 35, "yaml-depth")]
    assert [rule for _, _, rule in rules(b"[" * 500_000)] == ["yaml-depth"]
    assert [rule for _, _, rule in rules(b"- " * 500_000)] == ["yaml-depth"]


def test_a_file_of_more_than_a_mebibyte_is_not_read() -> None:
    assert rules(b"a: " + b"x" * (MAX_BYTES - 3)) == []
    assert rules(b"a: " + b"x" * (MAX_BYTES - 2)) == [(0, 0, "file-size")]


def test_the_strict_reader_agrees_with_the_c_loader_where_both_versions_of_yaml_do() -> None:
    for content in (
        CUSTOMER.replace(b"2026-03-02", b"'2026-03-02'"),
        b"a: |\n  x\n\n  y\nb: >-\n  c\n  d\ne: {f: [1, 2.5]}\n",
    ):
        document, _ = parse("a.yaml", content)
        assert document is not None
        assert document.data == yaml.load(content, Loader=yaml.CSafeLoader)


def test_a_finding_in_front_matter_has_its_line_in_the_file() -> None:
    assert rules(b"---\na: 1\na: 2\n---\n\nProse\n", "a.md") == [(3, 1, "yaml-duplicate-key")]


def test_front_matter_that_is_never_closed_is_a_finding() -> None:
    assert rules(b"---\na: 1\n\nProse\n", "a.md") == [(1, 1, "front-matter")]


def test_prose_without_front_matter_has_no_data() -> None:
    document, findings = parse("a.md", b"Just prose.\n")
    assert findings == []
    assert document is not None
    assert (document.data, document.body, document.body_line) == ({}, "Just prose.\n", 1)


def test_prose_may_underline_headings_and_show_a_conflict_in_a_code_block() -> None:
    marks = "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n"
    assert rules(f"---\na: 1\n---\nTitle\n=======\n\n```\n{marks}```\n".encode(), "a.md") == []
    assert rules(f"---\na: 1\n---\nTitle\n\n{marks}".encode(), "a.md") == [(6, 1, "conflict-marker")]
