"""`aios verify` and `aios propose` as jobs call them: outputs, summaries, exit codes, wrong input."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from aios.cli.group import guarded
from aios.errors import Exit
from aios.runs.handing_over import BUNDLE, HANDOFF
from aios.runs.verifying import verify_folder
from tests.runs import house
from tests.verifying import handing
from tests.verifying.handing import Handed

BRANCH = f"aios/{house.RUN}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Handed]:
    """A company as the commands open it, with its connectors and no others."""
    place = tmp_path_factory.mktemp("commands")
    root = handing.found(place / "company", workflow=house.WORKFLOW)
    return root, handing.honest(root, place / "job")


@dataclass(frozen=True)
class Ran:
    code: int
    stdout: str
    stderr: str


class Jobs:
    """The folders between jobs, and what Actions is told."""

    def __init__(self, folder: Path, root: Path, handed: Handed, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.root = shutil.copytree(root, folder / "company")
        self.orders, self.out = folder / "orders", folder / "out"
        self.orders.mkdir()
        self.order = replace(handed.order, id="0", stages=("agent", "propose"))
        told = {"schema": "orders.v1", "main": self.order.main, "orders": [self.order.as_dict()]}
        (self.orders / "orders.json").write_text(json.dumps(told))
        other = replace(handed, order=self.order, handoff=replace(handed.handoff, order="0", collected=""))
        material = other.material(collect_head=None)
        self.place = self.out / "0"
        self.place.mkdir(parents=True)
        (self.place / BUNDLE).write_bytes(material.bundle)
        (self.place / HANDOFF).write_bytes(material.handoff)
        self.digest = material.digest
        self.told, self.summary = folder / "told", folder / "summary"

    def aios(self, *args: str) -> Ran:
        self.capsys.readouterr()
        code = guarded(["-C", str(self.root), *args])
        return Ran(code, *self.capsys.readouterr())

    def verify(self, *more: str) -> Ran:
        return self.aios("verify", str(self.out), "--orders", str(self.orders), *more)

    def propose(self, digests: object) -> Ran:
        return self.aios("propose", str(self.out), "--orders", str(self.orders), "--digests", json.dumps(digests))

    def branches(self) -> list[str]:
        command = ["git", "branch", "--format=%(refname:short)"]
        done = subprocess.run(command, cwd=self.root, capture_output=True, check=True)
        return done.stdout.decode().split()


@pytest.fixture
def jobs(
    made: tuple[Path, Handed], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Jobs:
    found = Jobs(tmp_path, *made, capsys)
    monkeypatch.setenv("GITHUB_OUTPUT", str(found.told))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(found.summary))
    return found


def test_what_passes_is_named_by_its_digest_and_proposed(jobs: Jobs) -> None:
    verified = jobs.verify()
    assert verified.code == Exit.OK
    assert jobs.told.read_text() == f'digests={{"0":"{jobs.digest}"}}\n'
    assert "passed" in jobs.summary.read_text()
    assert jobs.branches() == ["main"]
    proposed = jobs.propose({"0": jobs.digest})
    assert proposed.code == Exit.OK
    assert BRANCH in jobs.branches()
    assert "aios/traces" in jobs.branches()
    again = jobs.propose({"0": jobs.digest})
    assert again.code == Exit.OK


def test_by_hand_what_verify_prints_as_json_is_what_propose_takes(jobs: Jobs) -> None:
    verdicts = json.loads(jobs.aios("verify", str(jobs.out), "--orders", str(jobs.orders), "--json").stdout)
    proposed = jobs.propose([{**each, "passed": False} for each in verdicts])
    assert (proposed.code, BRANCH in jobs.branches()) == (Exit.OK, False)
    proposed = jobs.propose(verdicts)
    assert (proposed.code, BRANCH in jobs.branches()) == (Exit.OK, True)


def test_the_same_bytes_give_the_same_words(jobs: Jobs) -> None:
    (jobs.place / HANDOFF).write_bytes(b"{}")
    first, second = jobs.verify("--json"), jobs.verify("--json")
    assert first.stdout == second.stdout
    assert json.loads(first.stdout)[0]["findings"][0]["rule"] == "handoff.file"


def test_where_none_passes_it_fails_and_the_summary_says_why_without_markup(jobs: Jobs) -> None:
    hostile = json.loads((jobs.place / HANDOFF).read_text()) | {"<img src=x> @olga closes #1": "x"}
    (jobs.place / HANDOFF).write_text(json.dumps(hostile))
    verified = jobs.verify()
    assert verified.code == Exit.FINDINGS
    assert jobs.told.read_text() == "digests={}\n"
    told = jobs.summary.read_text()
    assert "not passed" in told
    assert "<img" not in told.replace("\\<", "")
    assert " @olga" not in told


@pytest.mark.parametrize("what", ["missing", "link", "folder", "pipe"])
def test_what_is_not_there_or_no_file_is_told(jobs: Jobs, what: str) -> None:
    bundle = jobs.place / BUNDLE
    bundle.unlink()
    if what == "link":
        bundle.symlink_to("/etc/hostname")
    elif what == "folder":
        bundle.mkdir()
    elif what == "pipe":
        os.mkfifo(bundle)
    verified = jobs.verify("--json")
    assert verified.code == Exit.FINDINGS
    assert json.loads(verified.stdout)[0]["findings"][0]["rule"] == "handoff.missing"


def test_what_no_order_asked_for_is_not_looked_at(jobs: Jobs) -> None:
    shutil.copytree(jobs.place, jobs.out / "7")
    verified = jobs.verify()
    assert verified.code == Exit.OK
    assert "no order asked for it" in jobs.summary.read_text()
    assert "7" not in json.loads(jobs.told.read_text().removeprefix("digests="))


@pytest.mark.parametrize("name", [BUNDLE, HANDOFF])
def test_bytes_that_changed_after_verification_are_refused_and_nothing_is_taken(jobs: Jobs, name: str) -> None:
    assert jobs.verify().code == Exit.OK
    content = (jobs.place / name).read_bytes()
    (jobs.place / name).write_bytes(content + b" " if name == HANDOFF else content[:-1] + bytes([content[-1] ^ 1]))
    proposed = jobs.propose({"0": jobs.digest})
    assert proposed.code == Exit.REFUSED
    assert "is not what was verified" in proposed.stderr
    assert jobs.branches() == ["main"]


def test_what_did_not_pass_is_not_proposed(jobs: Jobs) -> None:
    assert jobs.propose({}).code == Exit.OK
    assert jobs.branches() == ["main"]


@pytest.mark.parametrize(
    ("digests", "told"),
    [({"7": "x"}, "an order that is none"), ([], "no mapping"), ({"0": 1}, "no mapping")],
    ids=str,
)
def test_digests_that_are_none(jobs: Jobs, digests: object, told: str) -> None:
    proposed = jobs.propose(digests)
    assert told in proposed.stderr
    assert jobs.branches() == ["main"]


def test_a_call_that_is_wrong_says_how_it_is_right(jobs: Jobs) -> None:
    assert "--orders" in jobs.aios("propose", str(jobs.out)).stderr
    assert "without DIR" in jobs.aios("propose", "--digests", "{}").stderr
    (jobs.orders / "orders.json").write_text("{}")
    assert "orders.json" in jobs.verify().stderr


def _sha(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_orders_that_an_agents_job_put_in_the_place_of_ours_are_used_by_nobody(jobs: Jobs) -> None:
    """Every job of a round may replace what another kept; the digest that the planning job gave is out of reach."""
    planned = _sha(jobs.orders / "orders.json")
    assert jobs.verify("--orders-digest", planned).code == Exit.OK
    told = json.loads((jobs.orders / "orders.json").read_text())
    told["orders"][0]["stages"] = ["collect", "agent", "propose"]
    (jobs.orders / "orders.json").write_text(json.dumps(told))
    for digest in (planned, ""):
        verified = jobs.verify("--orders-digest", digest)
        assert (verified.code, "changed on the way" in verified.stderr) == (Exit.REFUSED, True)
        args = ("--digests", json.dumps({"0": jobs.digest}), "--orders-digest", digest)
        proposed = jobs.aios("propose", str(jobs.out), "--orders", str(jobs.orders), *args)
        assert (proposed.code, "changed on the way" in proposed.stderr) == (Exit.REFUSED, True)
    assert jobs.branches() == ["main"]


@pytest.mark.parametrize("given", ["right", "other", "none", "gone"])
def test_what_was_collected_counts_as_the_collecting_job_named_it(tmp_path: Path, given: str) -> None:
    root = handing.found(tmp_path / "company")
    handed = handing.honest(root, tmp_path / "job")
    order, material = handed.order, handed.material()
    out, collected = tmp_path / "out" / order.id, tmp_path / "collected" / order.id
    out.mkdir(parents=True)
    collected.mkdir(parents=True)
    (out / BUNDLE).write_bytes(material.bundle)
    (out / HANDOFF).write_bytes(material.handoff)
    assert material.collected is not None
    (collected / HANDOFF).write_bytes(handing.text_of(material.collected))
    digests = {"right": {order.id: _sha(collected / HANDOFF)}, "other": {order.id: "0" * 64}, "none": {}}
    digests["gone"] = digests["right"]
    if given == "gone":
        (collected / HANDOFF).unlink()
    with handing.context(root).git as git:
        here = replace(handing.context(root), git=git)
        (verified,) = verify_folder(here, out.parent, [order], collected.parent, digests[given])
    assert verified.passed == (given == "right"), verified.findings
