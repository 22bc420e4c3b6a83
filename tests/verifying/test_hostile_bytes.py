"""A hostile job may write any bytes: bundle, pack, JSON. Nothing of it is unpacked that is not bounded, and nothing of
it gets into the repository."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aios.connectors.drift import Drift, data_of
from aios.connectors.shapes import Change, Kind
from aios.domain.handoff import HEAD, Stage
from aios.errors import InvalidError
from aios.runs.verifying import Material
from aios.store.packs import Caps, survey
from tests.verifying.handing import Handed, judged, rules, text_of


def packed(*objects: tuple[int, int, bytes], count: int | None = None) -> bytes:
    """A pack of (kind, size that it says, unpacked bytes)."""
    body = b"PACK" + (2).to_bytes(4) + (len(objects) if count is None else count).to_bytes(4)
    for kind, size, content in objects:
        first, rest = kind << 4 | size & 15, size >> 4
        head = bytearray([first | (128 if rest else 0)])
        while rest:
            head.append(rest & 127 | (128 if rest >> 7 else 0))
            rest >>= 7
        body += bytes(head) + zlib.compress(content)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def with_pack(handed: Handed, pack: bytes) -> Material:
    honest = handed.material()
    head, _, _ = honest.bundle.partition(b"\n\n")
    return replace(honest, bundle=head + b"\n\n" + pack)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"run": "write-piece/another/01kdkfcx00vbmq8a55wqjtxhm2"}, "handoff.order"),
        ({"order": "o-2"}, "handoff.order"),
        ({"main": "1" * 40}, "handoff.order"),
        ({"tip": "1" * 40}, "handoff.order"),
        ({"stage": "apply"}, "handoff.file"),
        ({"stage": "propose"}, "handoff.file"),
        ({"schema": "handoff.v2"}, "handoff.file"),
        ({"branch": "main"}, "handoff.file"),
        ({"head": "main"}, "handoff.file"),
        ({"head": "--upload-pack=x"}, "handoff.file"),
        ({"head": None}, "handoff.file"),
        ({"note": "x" * 3_000}, "handoff.file"),
        ({"note": {"a": 1}}, "handoff.file"),
        ({"note": "a\0b"}, "handoff.file"),
        ({"head": ""}, "handoff.file"),
        ({"head": "1" * 40}, "handoff.refs"),
        ({"traces": ""}, "handoff.refs"),
        ({"collected": "1" * 40}, "handoff.collected"),
    ],
    ids=str,
)
def test_json_that_is_not_the_orders(root: Path, handed: Handed, changes: dict[str, Any], rule: str) -> None:
    material = replace(handed.material(), handoff=text_of(handed.handoff, **changes))
    assert rules(judged(root, handed, material)) == [rule]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"5",
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"schema": "handoff.v1"}',
    ],
    ids=lambda content: repr(content[:20]),
)
def test_json_that_is_none(root: Path, handed: Handed, content: bytes) -> None:
    material = replace(handed.material(), handoff=content)
    assert rules(judged(root, handed, material)) == ["handoff.file"]


def test_a_drift_that_no_read_saw(root: Path, handed: Handed) -> None:
    change = Change("amount", Kind.RETYPED, "string")
    drift = json.dumps([data_of(Drift("site", "documents.list", "warn", (change,)))])
    told = replace(handed.material(), handoff=text_of(handed.handoff, drift=drift))
    assert rules(judged(root, handed, told)) == ["handoff.collected"]
    told = replace(handed.material(), handoff=text_of(handed.handoff, drift="[{}]"))
    assert rules(judged(root, handed, told)) == ["handoff.file"]


def test_json_that_is_too_long(root: Path, handed: Handed) -> None:
    long = text_of(handed.handoff) + b" " * 70_000
    assert rules(judged(root, handed, replace(handed.material(), handoff=long))) == ["handoff.file"]


def test_a_field_that_stands_twice(root: Path, handed: Handed) -> None:
    twice = text_of(handed.handoff)[:-1] + b', "run": ' + json.dumps(handed.order.run).encode() + b"}"
    assert rules(judged(root, handed, replace(handed.material(), handoff=twice))) == ["handoff.file"]


def test_an_order_that_asks_for_no_such_stage(root: Path, handed: Handed) -> None:
    other = replace(handed, order=replace(handed.order, stages=(Stage.COLLECT.value,)))
    assert rules(judged(root, other, handed.material())) == ["handoff.order"]


def test_an_order_whose_commits_are_not_here(root: Path, handed: Handed) -> None:
    other = replace(handed, order=replace(handed.order, tip="1" * 40), handoff=replace(handed.handoff, tip="1" * 40))
    assert rules(judged(root, other, other.material())) == ["handoff.order"]


def test_a_bundle_with_another_ref(root: Path, handed: Handed) -> None:
    refs = {HEAD: handed.handoff.head, "refs/heads/main": handed.handoff.head}
    assert rules(judged(root, handed, handed.material(refs=refs, traces=""))) == ["handoff.refs"]


def test_a_bundle_that_builds_on_something_else(root: Path, handed: Handed) -> None:
    older = handed.job.git.commit("main~1")
    verified = judged(root, handed, handed.material(without=[older]))
    assert rules(verified) == ["handoff.refs"]


@pytest.mark.parametrize("end", [10, 200, -40, -1])
def test_a_bundle_that_was_cut_off(root: Path, handed: Handed, end: int) -> None:
    honest = handed.material()
    assert rules(judged(root, handed, replace(honest, bundle=honest.bundle[:end]))) == ["handoff.bundle"]


@pytest.mark.parametrize("at", [0.3, 0.6, 0.9])
def test_a_bundle_with_one_bit_turned(root: Path, handed: Handed, at: float) -> None:
    turned = bytearray(handed.material().bundle)
    turned[int(len(turned) * at)] ^= 4
    assert rules(judged(root, handed, replace(handed.material(), bundle=bytes(turned)))) == ["handoff.bundle"]


def test_a_bundle_larger_than_any_may_be(root: Path, handed: Handed) -> None:
    verified = judged(root, handed, with_pack(handed, b"PACK" + bytes(65 * 1024 * 1024)))
    assert rules(verified) == ["handoff.bundle"]
    assert "more than" in verified.findings[0].message


BOMB = b"\0" * (30 * 1024 * 1024)


@pytest.mark.parametrize(
    ("pack", "told"),
    [
        (packed((3, len(BOMB), BOMB)), "a blob of 31457280 bytes"),
        (packed((3, 100, BOMB)), "not as large as it says"),
        (packed((2, 3 * 1024 * 1024, b"x")), "a tree of"),
        (packed((3, 1, b"x"), count=2**32 - 1), "4294967295 objects"),
        (packed((3, 1, b"x"), count=2), "cut off"),
        (packed((3, 1, b"x"), (3, 1, b"y"), count=1), "behind its last object"),
        (packed((4, 1, b"x")), "neither a commit nor a tree nor a blob"),
        (packed((5, 1, b"x")), "neither a commit nor a tree nor a blob"),
        (packed(*[(3, 18 * 1024 * 1024, bytes(18 * 1024 * 1024))] * 15), "would unpack to more than"),
        (b"PACK\0\0\0\7" + bytes(40), "no pack"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_pack_that_would_be_more_than_it_looks(root: Path, handed: Handed, pack: bytes, told: str) -> None:
    began = time.process_time()
    verified = judged(root, handed, with_pack(handed, pack))
    assert rules(verified) == ["handoff.bundle"]
    assert told in verified.findings[0].message
    assert time.process_time() - began < 5


def test_a_delta_that_would_make_gigabytes(handed: Handed) -> None:
    says = b"\x01" + b"\xff\xff\xff\xff\x0f" + b"\x01x"  # from one byte to four gigabytes
    body = b"PACK" + (2).to_bytes(4) + (1).to_bytes(4) + bytes([7 << 4 | len(says)]) + bytes(20) + zlib.compress(says)
    with pytest.raises(InvalidError, match="delta of 4294967295 bytes"):
        survey(body + bytes(20), Caps())


def entry(head: bytes, content: bytes) -> bytes:
    return b"PACK" + (2).to_bytes(4) + (1).to_bytes(4) + head + content + bytes(20)


@pytest.mark.parametrize(
    ("pack", "told"),
    [
        (entry(b"\xbf" + b"\xff" * 11 + b"\x01", zlib.compress(b"x")), "object of no possible size"),
        (entry(b"\x7e" + bytes(20), zlib.compress(b"\x01" + b"\xff" * 12 + b"\x01")), "delta of no possible size"),
        (entry(b"\x35", zlib.compress(b"x")), "not as large as it says"),
        (entry(b"\x31", zlib.compress(b"x")[:-4]), "not as large as it says"),
    ],
)
def test_numbers_in_a_pack_that_cannot_be(pack: bytes, told: str) -> None:
    with pytest.raises(InvalidError, match=told):
        survey(pack, Caps())


def test_no_more_is_unpacked_than_an_object_says_it_has() -> None:
    pack = packed((3, 1024 * 1024, BOMB))
    tracemalloc.start()
    try:
        with pytest.raises(InvalidError, match="not as large"):
            survey(pack, Caps())
        assert tracemalloc.get_traced_memory()[1] < 5 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_commit_that_does_not_come_with_its_files(root: Path, handed: Handed) -> None:
    commit = handed.job.commit("1" * 40, [handed.order.main], "x: y\n\nAios-Event: x\n")
    raw = handed.job.raw(commit).encode()
    head = b"# v2 git bundle\n-%s\n%s %s\n\n" % (handed.order.main.encode(), commit.encode(), HEAD.encode())
    material = Material(head + packed((1, len(raw), raw)), text_of(handed.handoff, head=commit, traces=""), None)
    assert rules(judged(root, handed, material)) == ["handoff.bundle"]


def test_nothing_of_what_was_refused_or_passed_is_in_the_repository(root: Path, handed: Handed) -> None:
    judged(root, handed, handed.material())
    for oid in (handed.handoff.head, handed.collected, handed.handoff.traces):
        there = subprocess.run(["git", "cat-file", "-e", oid], cwd=root, check=False, capture_output=True)
        assert there.returncode != 0
    refs = subprocess.run(["git", "for-each-ref", "--format=%(refname)"], cwd=root, check=True, capture_output=True)
    assert refs.stdout == b"refs/heads/main\n"
