"""A hostile job may leave any files: in any place, under any name, of any mode, with anything in them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from aios.domain.event import render_message
from aios.domain.record import ref_of
from aios.runs.verifying.paths import collisions, unsafe
from aios.runs.verifying.trees import Changed
from aios.store.git import Git
from tests.verifying.handing import Handed, judged, note_at, retold, rules, with_file, with_object

PIECE = "state/content/a-fine-topic.md"
NOTE = "---\nschema: note.v1\nkind: note\ntitle: A note\ntrust: derived\ncreated: 2026-11-02T09:00:00Z\n---\n{}\n"


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/steal.yml",
        ".GitHub/workflows/steal.yml",
        "workflows/write-piece.yaml",
        "workflows/new.yaml",
        "state/policies/rules.yaml",
        "State/Policies/rules.yaml",
        "state/schemas/note.v1.json",
        "state/agents/scribe.yaml",
        "state/agents/scribe.md",
        "state/connectors/site.yaml",
        "state/company.yaml",
        "state/runs/2026/11/01kdkfcx00vbmq8a55wqjtxhm2.yaml",
        "state/sources/mine.md",
        "state/signals/mine.yaml",
        "state/cursors/site.yaml",
        "memory/policy.yaml",
        ".gitattributes",
        ".gitmodules",
        "conftest.py",
        "README.md",
        "state/content/sub/piece.md",
    ],
)
def test_a_place_that_the_contract_does_not_grant(root: Path, handed: Handed, path: str) -> None:
    found = judged(root, handed, with_file_told(handed, path)).findings
    assert {each.rule for each in found} <= {"handoff.writes", "handoff.collision"}
    assert found


def with_file_told(handed: Handed, path: str, content: bytes = b"x\n"):  # type: ignore[no-untyped-def]
    """The same, and the commit names the record."""
    note = note_at(handed, -1)
    job, last = handed.job, handed.handoff.head
    told = replace(note, records=tuple(sorted({*note.records, ref_of(path)})))
    tree = job.with_entry(job.tree_of(last), path.encode().split(b"/"), "100644", job.blob(content))
    parent = job.git.commit(f"{last}~1")
    return handed.material(head=job.again(last, parent, tree=tree, message=render_message(told)))


def test_what_is_not_granted_may_not_be_deleted_either(root: Path, handed: Handed) -> None:
    assert rules(judged(root, handed, with_file(handed, "state/policies/rules.yaml", None))) == ["handoff.records"]
    material = with_file(handed, "memory/notes/part-1.md", None)
    assert rules(judged(root, handed, material)) == ["handoff.records"]


def test_a_start_or_a_failure_that_changes_files(root: Path, handed: Handed) -> None:
    job = handed.job
    first = handed.events[0].commit
    tree = job.with_entry(job.tree_of(first), [b"memory", b"notes", b"x.md"], "100644", job.blob(b"x\n"))
    assert rules(judged(root, handed, retold(handed, 0, tree=tree))) == ["handoff.writes"]


@pytest.mark.parametrize(
    ("mode", "content"),
    [("120000", b"../../../etc/passwd"), ("100755", b"#!/bin/sh\n"), ("100664", b"x\n")],
)
def test_what_is_no_plain_file(root: Path, handed: Handed, mode: str, content: bytes) -> None:
    found = rules(judged(root, handed, with_file(handed, "memory/notes/x.md", content, mode=mode)))
    assert found in (["handoff.mode"], ["handoff.bundle"])


def test_a_file_that_became_a_link(root: Path, handed: Handed) -> None:
    assert rules(judged(root, handed, with_file(handed, PIECE, b"/etc/passwd", mode="120000"))) == ["handoff.mode"]


def test_a_submodule(root: Path, handed: Handed) -> None:
    material = with_object(handed, "memory/notes/sub", handed.order.main, mode="160000")
    assert rules(judged(root, handed, material)) == ["handoff.mode"]


NAMES = [
    b".git/config", b".GIT/config", b".Git", b"git~1", b"GIT~1", b".g\xe2\x80\x8cit/config", b"\xef\xbb\xbf.git",
    b".git ", b".git.", b"..", b".", b"a\\b.md", b"c:x.md", b"x.md:s", b"x.", b"x ", b" x", b"con.md", b"NUL",
    b"cafe\xcc\x81.md", b"\xe2\x80\xaex.md", b"a\x1bb.md", b"a\nb.md", b"a\xe2\x80\x8bb.md", b"\xff\xfe.md", b"lpt1.md",
    b"a\xef\xbc\x8fb.md",
    b"x" * 256, b"/".join([b"d"] * 20), b"a?.md", b"a*.md", b"a|b.md", b'a"b.md', b"a<b.md",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_name_that_no_file_may_have(name: bytes) -> None:
    path = b"memory/notes/" + name
    assert [each.rule for each in unsafe([Changed(path, "", "", "100644", "1" * 40)])] == ["handoff.path"]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        (b".git/config", "bundle"),
        (b".g\xe2\x80\x8cit/config", "bundle"),
        (b"..", "bundle"),
        (b"NUL", "path"),
        (b"\xff", "path"),
    ],
    ids=repr,
)
def test_such_a_name_in_a_handoff(root: Path, handed: Handed, name: bytes, rule: str) -> None:
    """Git itself refuses the worst of them, before anything else looks."""
    assert rules(judged(root, handed, with_file(handed, b"memory/notes/" + name))) == [f"handoff.{rule}"]


@pytest.mark.parametrize(
    "path",
    ["memory/notes/part-1.md", "state/content/a-fine-topic.md", "memory/notes/übung-2.md", "memory/notes/日本.md"],
)
def test_a_plain_name_is_one(path: str) -> None:
    assert unsafe([Changed(path.encode(), "", "", "100644", "1" * 40)]) == []


@pytest.mark.parametrize(
    "path",
    [
        "state/content/Old-Piece.md",
        "State/content/x.md",
        "state/Content/x.md",
        "memory/notes/PART-1.md",
        "state/content",
    ],
)
def test_a_name_that_is_another_files_on_some_systems(path: str) -> None:
    there = ["state/content/old-piece.md", "memory/notes/part-1.md"]
    found = collisions(there, [Changed(path.encode(), "", "", "100644", "1" * 40)])
    assert [each.rule for each in found] == ([] if path == "state/content" else ["handoff.collision"])


def test_two_new_names_that_are_one(root: Path, handed: Handed) -> None:
    two = [Changed(path.encode(), "", "", "100644", "1" * 40) for path in ("memory/x/strasse.md", "memory/x/Straße.md")]
    assert [each.rule for each in collisions([], two)] == ["handoff.collision"]
    composed = Changed("memory/x/café.md".encode(), "", "", "100644", "1" * 40)
    assert [each.rule for each in collisions(["memory/x/cafe\u0301.md"], [composed])] == ["handoff.collision"]
    assert rules(judged(root, handed, with_file(handed, "memory/notes/Part-1.md"))) == ["handoff.collision"]


def test_one_name_twice_in_a_folder(root: Path, handed: Handed) -> None:
    job, last = handed.job, handed.handoff.head
    notes = job.entries(job.git.text("rev-parse", f"{last}:memory/notes").strip())
    twice = job.tree([notes[0], *notes])
    assert rules(judged(root, handed, with_object(handed, "memory/notes", twice, mode="40000"))) == ["handoff.bundle"]


def test_more_files_than_anybody_reads(root: Path, handed: Handed) -> None:
    job, last = handed.job, handed.handoff.head
    blob = job.blob(b"x\n")
    many = job.tree([("100644", blob, b"n%06d.md" % number) for number in range(4_990)])
    more = job.tree([("40000", many, b"z"), ("40000", many, b"zz")])
    material = with_object(handed, "memory/many", more, mode="40000")
    assert rules(judged(root, handed, material)) == ["handoff.size"]
    head, tree = last, job.with_entry(job.tree_of(last), [b"memory", b"many"], "40000", many)
    for number in range(5):  # each comes and goes
        head = job.again(last, head, tree=job.tree_of(last) if number % 2 else tree)
    assert rules(judged(root, handed, handed.material(head=head))) == ["handoff.size"]
    huge = job.tree([("100644", blob, b"n%06d.md" % number) for number in range(100_000)])
    material = with_object(handed, "memory/many", huge, mode="40000")
    assert rules(judged(root, handed, material)) == ["handoff.bundle"]


def test_folders_that_name_one_another(root: Path, handed: Handed) -> None:
    """Ten small objects that stand for ten thousand million files, or as many folders without any."""
    job = handed.job
    for oid, mode in ((job.tree([]), "40000"), (job.blob(b"x\n"), "100644")):
        for _ in range(10):
            oid, mode = job.tree([(mode, oid, b"d%d" % number) for number in range(10)]), "40000"  # noqa: PLW2901
        assert rules(judged(root, handed, with_object(handed, "memory/bomb", oid, mode=mode))) == ["handoff.size"]
        traces = job.commit(job.tree([(mode, oid, b"spans")]), [], "traces\n")
        assert rules(judged(root, handed, handed.material(traces=traces))) == ["handoff.size"]
    oid = job.tree([("100644", job.blob(b"x\n"), b"x.md")])
    for _ in range(100):
        oid = handed.job.tree([("40000", oid, b"d")])
    assert rules(judged(root, handed, with_object(handed, "memory/deep", oid, mode="40000"))) == ["handoff.size"]


def noted(text: str) -> bytes:
    return NOTE.format(text).encode()


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"\xff\xfe", "handoff.text"),
        (b"a\0b\n", "handoff.text"),
        (b"x" * (5 * 1024 * 1024), "handoff.size"),
        (b"x" * (2 * 1024 * 1024), "handoff.writes"),
        (noted("Key: sk_live_9876543210abcdefgh"), "handoff.secret"),
        (noted("-----BEGIN PRIVATE KEY-----"), "handoff.secret"),
        (noted("[a](javascript:alert(1))"), "handoff.link"),
        (noted("![a](https://evil.example/p.png?d=1)"), "handoff.link"),
        (noted("[a](nothing.md)"), "handoff.link"),
        (noted("x").replace(b"trust: derived", b"trust: [derived"), "handoff.check.yaml-syntax"),
        (noted("x").replace(b"kind: note\n", b""), "handoff.check.schema-required"),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_contents_that_nobody_may_leave(root: Path, handed: Handed, content: bytes, rule: str) -> None:
    found = judged(root, handed, with_file_told(handed, "memory/notes/more.md", content))
    assert {each.rule for each in found.findings} == {rule}, found.findings


def test_what_a_source_shows_may_be_quoted_and_links_that_lead_somewhere_may_be_set(root: Path, handed: Handed) -> None:
    quoted = noted("An [example](guide.html) key is sk_live_0123456789abcdef, see ![map](https://maps.example/m.png).")
    assert judged(root, handed, with_file_told(handed, "memory/notes/more.md", quoted)).findings == ()
    linked = noted(
        "[1](part-1.md) [2](../../state/content/old-piece.md#x) [3](https://x.example) [4](#top) `[5](no.md)`"
    )
    assert judged(root, handed, with_file_told(handed, "memory/notes/more.md", linked)).findings == ()


def test_a_secret_in_a_message(root: Path, handed: Handed) -> None:
    for changes in ({"title": "ghp_abcdefghijklmnopqrstuvwxyz0123456789"}, {"body": "AKIAABCDEFGHIJKLMNOP"}):
        assert rules(judged(root, handed, retold(handed, -1, **changes))) == ["handoff.secret"]


def test_a_note_that_is_worth_more_than_what_it_rests_on(root: Path, handed: Handed) -> None:
    source = next(path for path in handed.job.git.tree(handed.handoff.head) if path.startswith("state/sources/"))
    content = noted("x").replace(
        b"trust: derived", f"trust: operator\nsource: [{source.removeprefix('state/').removesuffix('.md')}]".encode()
    )
    found = judged(root, handed, with_file_told(handed, "memory/notes/more.md", content))
    assert {each.rule for each in found.findings} == {"handoff.trust"}


@pytest.mark.parametrize(
    ("path", "change", "rule"),
    [
        ("", ("trust: external", "trust: operator"), "trust"),
        ("", ("schema: source.v1", "schema: note.v1"), "contract"),
        ("", ("collected: 2026-11-02", "collected: 2026-11-01"), "contract"),
        ("memory/notes/x.md", ("", ""), "writes"),
        ("state/sources/old.md", ("", ""), "writes"),
        ("state/sources/old.md", None, "writes"),
    ],
    ids=str,
)
def test_a_read_that_leaves_something_else_than_new_sources(
    root: Path, handed: Handed, path: str, change: tuple[str, str] | None, rule: str
) -> None:
    job, first, note = handed.job, handed.events[1], note_at(handed, 1)
    source = next(each.path for each in first.changes)
    text = (job.git.read_blob(f"{first.commit}:{source}") or b"").decode()
    oid = job.blob(text.replace(*change).encode()) if change else ""
    tree = job.with_entry(job.tree_of(first.commit), (path or source).encode().split(b"/"), "100644", oid)
    records = tuple(sorted({*note.records, ref_of(path or source)}))
    found = rules(judged(root, handed, retold(handed, 1, tree=tree, records=records)))
    assert found == [f"handoff.{rule}"]


def test_a_read_that_is_told_otherwise(root: Path, handed: Handed) -> None:
    note = note_at(handed, 1)
    assert rules(judged(root, handed, retold(handed, 1, type="service.read"))) == ["handoff.writes"]
    assert rules(judged(root, handed, retold(handed, 1, records=(*note.records, "company")))) == ["handoff.records"]


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("state/company.yaml", b"x\n", "no trace has such a name"),
        ("context/ab/../../x.json", b"{}", ""),
        ("context/{hh}/" + "0" * 64 + ".json", b"{}", "not the hash"),
        ("context/00/{hash}.json", b"{}", "not the hash"),
        ("spans/{ulid}/" + "0" * 24 + ".jsonl", b"{}\n", "not the hash"),
        ("recordings/{ulid}/" + "0" * 64 + ".jsonl", b"no json\n", "something else than JSON"),
        ("recordings/" + "0" * 26 + "/" + "0" * 64 + ".jsonl", b"{}\n", "another run"),
        ("recordings/{ulid}/" + "0" * 64 + ".jsonl", b'{"key": "sk_live_9876543210abcdefgh"}\n', "secret"),
        ("context/{hh}/{hash}.json", b"[1]", "something else than JSON"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_traces_that_are_none(root: Path, handed: Handed, path: str, content: bytes, told: str) -> None:
    hashed = hashlib.sha256(content).hexdigest()
    path = path.format(ulid=handed.order.run.split("/")[2], hh=hashed[:2], hash=hashed)
    job, traces = handed.job, handed.handoff.traces
    tree = job.with_entry(job.tree_of(traces), path.encode().split(b"/"), "100644", job.blob(content))
    commit = job.commit(tree, [], "traces\n")
    verified = judged(root, handed, handed.material(traces=commit))
    if not told:
        assert rules(verified) == ["handoff.bundle"]  # `..` in a tree
        return
    assert rules(verified) in (["handoff.traces"], ["handoff.secret"])
    assert told in verified.findings[0].message


def test_a_commit_of_traces_that_does_not_stand_alone(root: Path, handed: Handed) -> None:
    job, traces = handed.job, handed.handoff.traces
    for parents, message, tree in (
        ([handed.order.main], "traces\n", job.tree_of(traces)),
        ([], "x\n\nAios-Event: proposal.approved\nAios-Run: x\n", job.tree_of(traces)),
        ([], "traces\n", job.with_entry(job.tree_of(traces), [b"spans", b"x"], "120000", job.blob(b"/etc"))),
    ):
        material = handed.material(traces=job.commit(tree, parents, message))
        assert rules(judged(root, handed, material)) == ["handoff.traces"]
    strangers = job.commit(job.tree_of(traces), [], "traces\n", who="Me <me@test.example>")
    assert rules(judged(root, handed, handed.material(traces=strangers))) == ["handoff.author"]


def test_the_repository_here_is_as_it_was(root: Path) -> None:
    with Git(root) as git:
        assert list(git.branches()) == ["main"]
        assert git.run("count-objects", "-v").split(b"\n")[2:4]
