"""Whatever bytes a file holds: no crash, no hang, and a finding where it is not a record."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aios.domain.front_matter import split
from aios.store.check import check
from aios.store.documents import MAX_BYTES, parse
from aios.store.merge import merge_documents
from tests.records.dict_tree import company
from tests.records.generated import layouts

RECORD = b"""# yaml-language-server: $schema=../schemas/customer.v1.json
schema: customer.v1
name: "Acme: Translations"
status: active
price: {amount: 4900, currency: EUR}
tags: [a, 'b']
contacts:
  - name: Ines
    email: ines@acme.example
notes: |
  Two
  lines.
"""
CONTENT = b"---\nschema: content.v1\ntitle: A\nstatus: planned\n---\n\nProse[^1].\n\n[^1]: Source\n"
TOKENS = st.sampled_from(
    [
        *[b"---\n", b"...\n", b"<<: ", b"&a ", b"*a", b"!!x ", b"? ", b": ", b"- ", b"[", b"]", b"{", b"}", b"|", b">"],
        *[b'"', b"'", b"#", b"%", b"@", b"`", b"\t", b"\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xc2\x85"],
        *[b"\xe2\x80\xa8", b"\xed\xa0\x80", b"<<<<<<< x\n", b"=======\n", b">>>>>>> x\n", b".inf", b"0x", b"1e999"],
        *[b"9" * 30, b"~", b"schema: run.v1\n"],
    ]
)
PATHS = st.sampled_from(
    ["state/customers/a.yaml", "state/content/a.md", "state/company.yaml", "workflows/w.yaml", "state/agents/a.yaml",
     "state/connectors/c.yaml", "state/policies/p.yaml", "memory/lessons/a.md", "state/schemas/customer.v1.json",
     "state/schemas/bird.v1.json", "state/odd/ä.yaml", "state/runs/2026/11/x.yaml"]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A record with pieces cut out, doubled and put in."""
    content = draw(st.sampled_from([RECORD, CONTENT]) | layouts().map(lambda record: record[1].encode()))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + 20)))
        piece = draw(TOKENS | st.binary(max_size=4) | st.just(content[start:end] * 2))
        content = content[:start] + piece + content[end:]
    return content


BYTES = st.binary(max_size=200) | st.lists(TOKENS | st.binary(max_size=3), max_size=30).map(b"".join) | mutated()


@settings(deadline=None, max_examples=500)
@given(PATHS, BYTES)
def test_any_bytes_are_a_document_or_a_finding(path: str, content: bytes) -> None:
    document, findings = parse(path, content)
    assert (document is None) == bool(findings)
    lines = content.count(b"\n") + content.count(b"\r") + content.count(b"\xc2\x85") + content.count(b"\xe2\x80") + 1
    for finding in findings:
        assert finding.path == path
        assert 0 <= finding.line <= lines + 1
        assert finding.message
        assert "\n" not in str(finding)


@settings(deadline=None, max_examples=150)
@given(PATHS, BYTES)
def test_a_check_of_any_file_ends_with_findings_and_never_with_an_exception(path: str, content: bytes) -> None:
    found = check(company({path: content}), None)
    document, unreadable = parse(path, content)
    if document is None and not path.endswith(".json") and "/odd/" not in path:
        assert set(unreadable) <= set(found)


@settings(deadline=None, max_examples=150)
@given(mutated(), mutated(), mutated())
def test_any_three_files_merge_or_conflict(base: bytes, ours: bytes, theirs: bytes) -> None:
    for path in ("state/customers/a.yaml", "state/content/a.md"):
        merged = merge_documents(path, base, ours, theirs)
        assert merged.content is not None
        if parse(path, base)[0] and parse(path, ours)[0] and parse(path, theirs)[0]:
            found = parse(path, merged.content)[1]
            assert not found or {each.rule for each in found} <= {"yaml-mapping", "front-matter", "conflict-marker"}


@given(st.text(st.sampled_from("-\n\r \ta:#'"), max_size=40))
def test_front_matter_and_body_are_parts_of_any_text(text: str) -> None:
    front, body, line = split(text)
    assert text.endswith(body)
    assert front in text
    assert text.count("\n", 0, len(text) - len(body)) + 1 == line


def filled(unit: bytes) -> Callable[[bytes, bytes], bytes]:
    return lambda head, tail: head + (unit * (MAX_BYTES // len(unit)))[: MAX_BYTES - len(head) - len(tail)] + tail


UNITS = [
    *[
        b"[",
        b"{",
        b"- ",
        b"? ",
        b": ",
        b'"',
        b"'a'\n",
        b"a,",
        b"a: b,",
        b"x",
        b" ",
        b"\n",
        b"#\n",
        b"&a ",
        b"*a ",
        b"! ",
    ],
    *[b"%a\n", b"---\n", b"- a\n", b"a:\n", b"9", b"1.", b"\\x41", b"x\n ", b"\t", b"\r", b"```\n", b"\xc2\x85"],
    *[b"<<<<<<< a\n", b"=======\n", b">>>>>>> a\n", b"<<<<<<< a\n=======\n>>>>>>> a\n```\n"],
    *[b"eyJabcdefghijk-", b"a://b:"],
]


@pytest.mark.parametrize("unit", UNITS, ids=repr)
def test_a_mebibyte_of_anything_is_read_in_bounded_time(unit: bytes) -> None:
    fill = filled(unit)
    started = time.process_time()
    for path, content in (
        ("a.yaml", fill(b"", b"")),
        ("a.yaml", fill(b"a: ", b"")),
        ("a.yaml", fill(b'a: "', b'"')),
        ("a.yaml", fill(b"a: |\n ", b"\n")),
        ("a.yaml", fill(b"a: [", b"]")),
        ("a.md", fill(b"---\n", b"")),
        ("a.md", fill(b"---\n", b"\n---\n")),
        ("a.md", fill(b"---\na: b\n---\n", b"")),
    ):
        parse(path, content)
    assert time.process_time() - started < 20


@pytest.mark.parametrize(
    "field",
    [
        "\n".join(f"statu{n}: 1" for n in range(50_000)),
        f"tags: [{','.join(['a,1'] * 200_000)}]",
        f"tags: [{','.join(f'a{n}' for n in range(100_000))},1]",
        f'email: "a@{".x" * 400_000} "',
        f'domain: "a{".a" * 400_000} "',
        f"product: {'a-' * 400_000}",
        f'notes: "{"eyJabcdefghijk-" * 60_000}"',
        f"contacts: [{','.join(['{nam: x}'] * 80_000)}]",
    ],
    ids=lambda text: text[:12],
)
def test_a_huge_record_with_mistakes_is_judged_in_bounded_time(field: str) -> None:
    text = f"schema: customer.v1\nname: A\nstatus: lead\n{field}\n"
    started = time.process_time()
    found = check(company({"state/customers/a.yaml": text}), None)
    assert time.process_time() - started < 10
    assert all(len(str(finding)) < 1000 for finding in found)
