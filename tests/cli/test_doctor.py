"""The doctor finds what is wrong, says what to do about it, and changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aios.app import found_company
from aios.domain.effect import Claim
from aios.effects.ledger import Ledger
from aios.errors import Exit
from aios.store.git import Git


@pytest.fixture
def company(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    found_company(root, name="Mine", email="me@mine.example", example=False)
    return root


def doctor(root: Path, **environment: str) -> tuple[int, dict[str, Any]]:
    paths = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "aios", "doctor", "--json"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": paths, **environment},
    )
    return done.returncode, {each["what"]: each for each in json.loads(done.stdout)}


def git(root: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=root, check=True)


def test_a_new_company_is_in_order_but_for_what_only_its_operator_has(company: Path) -> None:
    code, told = doctor(company)
    assert code == Exit.OK
    assert {what for what, check in told.items() if check["state"] != "ok"} == {"logs"}
    assert "offline tier" in told["model"]["says"]


def test_outside_a_company_it_says_how_to_make_one(tmp_path: Path) -> None:
    code, told = doctor(tmp_path)
    assert (code, told["company"]["state"]) == (Exit.FAILED, "error")
    assert "aios init" in told["company"]["hint"]


def test_each_thing_that_is_wrong_is_named_with_what_to_do(company: Path) -> None:
    git(company, "config", "user.email", "stranger@x.example")
    git(company, "config", "--unset", "merge.aios.driver")
    (company / "state/customers").mkdir()
    (company / "state/customers/ann.yaml").write_text("schema: customer.v1\nname: [\n")
    with Git(company) as opened:
        claim = Claim("sha256:" + "1" * 64, "r", "s", "site", "cms.publish", "x", "h", "c", "w", "2026-03-02T09:00:00Z")
        assert Ledger(opened).claim(claim)
    subprocess.run([sys.executable, "-m", "aios", "pause"], cwd=company, check=True, capture_output=True)
    code, told = doctor(company)
    assert code == Exit.FAILED
    assert told["identity"]["says"] == "stranger@x.example may not approve here"
    assert "git config merge.aios.driver" in told["merge"]["hint"]
    assert "`aios check`" in told["records"]["hint"]
    assert "1 effect without a receipt" in told["ledger"]["says"]
    assert "paused" in told["effects"]["says"]


def test_a_git_that_does_not_find_us_is_noticed(company: Path) -> None:
    nowhere = ":".join(each for each in os.environ["PATH"].split(":") if not (Path(each) / "aios").exists())
    _, told = doctor(company, PATH=nowhere)
    assert told["merge"]["state"] == "warning"
    assert told["merge"]["hint"].startswith("export PATH=")


def test_a_connector_that_cannot_work_is_named(company: Path) -> None:
    (company / "state/connectors/site.yaml").write_text("schema: connector.v1\nuse: static-sight\nsettings: {}\n")
    git(company, "commit", "-qam", "Mistyped")
    code, told = doctor(company)
    assert code == Exit.FAILED
    assert "did you mean `static-site`?" in told["connector"]["says"]


def test_it_changes_nothing(company: Path) -> None:
    before = subprocess.run(["git", "for-each-ref"], cwd=company, capture_output=True, text=True, check=True).stdout
    doctor(company)
    after = subprocess.run(["git", "for-each-ref"], cwd=company, capture_output=True, text=True, check=True).stdout
    assert after == before
    clean = subprocess.run(["git", "status", "--porcelain"], cwd=company, capture_output=True, text=True, check=True)
    assert clean.stdout == ""
