"""`aios trace` as a person and as a script meets it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from aios.domain.span import trace_id
from aios.errors import Exit
from aios.runs.conductor import carry_on
from tests.runs import house
from tests.trace.test_run_trace import context
from tests.trace.test_waterfall import Page

RUN = "write-piece/a-fine-topic"


@pytest.fixture(scope="session")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company with a run whose proposal waits. Copy it; do not change it."""
    root = house.found(tmp_path_factory.mktemp("proposed") / "company")
    here = context(root)
    with here.git:
        carry_on(here, house.start(here))
    return root


@pytest.fixture
def company(proposed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(proposed, tmp_path / "company")


def aios(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", **environment}
    return subprocess.run(
        [sys.executable, "-m", "aios", *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )


def on_a_terminal(arguments: Sequence[str], cwd: Path, **environment: str) -> str:
    """What a terminal is shown."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "COLUMNS": "90", **environment}
    with subprocess.Popen([sys.executable, "-m", "aios", *arguments], cwd=cwd, env=env, stdout=theirs) as running:
        os.close(theirs)
        told = b""
        while select.select([ours], [], [], 30)[0]:
            try:
                told += os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
    os.close(ours)
    assert running.returncode == Exit.OK
    return told.decode()


def test_a_run_is_told_as_a_tree(company: Path) -> None:
    told = aios("trace", RUN, cwd=company)
    assert told.returncode == Exit.OK, told.stderr
    assert told.stdout.startswith(f"{RUN}  waits for you\n")
    assert "└─ ✓ scribe@1" in told.stdout
    assert "waits for you · policy: ask, it is published" in told.stdout
    assert "\x1b" not in told.stdout
    assert told.stderr == ""
    assert "scribe@1" not in aios("trace", RUN, "--depth", "1", cwd=company).stdout


def test_a_terminal_is_shown_colours_unless_it_wants_none(company: Path) -> None:
    coloured = on_a_terminal(["trace", RUN], company)
    assert "\x1b[36m" in coloured
    assert "\x1b" not in on_a_terminal(["trace", RUN], company, NO_COLOR="1")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert max(len(line) for line in plain.splitlines()) <= 90


def test_json_tells_the_run_its_totals_and_every_span_in_order(company: Path) -> None:
    told = json.loads(aios("trace", RUN, "--json", cwd=company).stdout)
    assert set(told) == {"run", "status", "totals", "notes", "spans"}
    assert told["status"] == "waits for you"
    assert [span["depth"] for span in told["spans"][:3]] == [0, 1, 2]
    assert told["totals"]["steps"] == 5
    assert set(told["spans"][0]) == {
        "id",
        "parent",
        "kind",
        "name",
        "start",
        "end",
        "error",
        "attributes",
        "depth",
    }


def test_a_page_is_written_beside_what_can_be_rebuilt_and_its_path_is_printed(company: Path) -> None:
    told = aios("trace", RUN, "--html", cwd=company)
    assert told.returncode == Exit.OK, told.stderr
    place = Path(told.stdout.strip())
    assert place.parent == company / ".aios/traces"
    assert "policy says ask: it is published" in Page(place.read_text()).text
    status = subprocess.run(["git", "status", "--porcelain"], cwd=company, capture_output=True, text=True, check=True)
    assert status.stdout == ""


def test_a_page_goes_where_the_operator_says(company: Path, tmp_path: Path) -> None:
    file = tmp_path / "trace.html"
    assert aios("trace", RUN, "--html", str(file), cwd=company).stdout.strip() == str(file)
    assert file.read_text().startswith("<!doctype html>")
    assert aios("trace", RUN, "--html", "-", cwd=company).stdout.startswith("<!doctype html>")


def test_otlp_goes_to_the_pipe_or_to_a_file(company: Path, tmp_path: Path) -> None:
    piped = json.loads(aios("trace", RUN, "--otlp", cwd=company).stdout)
    span = piped["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert span["traceId"] == trace_id(house.RUN_ID)
    file = tmp_path / "trace.json"
    assert aios("trace", RUN, "--otlp", str(file), cwd=company).returncode == Exit.OK
    assert json.loads(file.read_text())["resourceSpans"]


def test_mistakes_are_one_line_with_a_hint(company: Path, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "no/such/folder/trace.html")
    for arguments, code, said in (
        (["nobody"], Exit.USAGE, "no run or proposal is called"),
        ([RUN, "--json", "--html", "x"], Exit.USAGE, "at a time"),
        ([RUN, "--html", nowhere], Exit.FAILED, "cannot be written"),
        ([RUN, "--send", "not an address"], Exit.USAGE, "is no address"),
        ([RUN, "--send", "http://127.0.0.1:1"], Exit.FAILED, "cannot be reached"),
        ([RUN, "--send", "http://127.0.0.1:1", "--headers", "secret"], Exit.USAGE, "cannot be sent"),
    ):
        told = aios("trace", *arguments, cwd=company)
        assert (told.returncode, told.stdout) == (code, ""), told.stderr
        assert said in told.stderr
        assert "hint:" in told.stderr
        assert "Traceback" not in told.stderr
        assert "secret" not in told.stderr


def test_nothing_is_sent_while_the_company_is_paused(company: Path) -> None:
    aios("pause", cwd=company)
    told = aios("trace", RUN, "--send", "http://127.0.0.1:1", cwd=company)
    assert told.returncode == Exit.REFUSED
    assert "nothing goes out" in told.stderr
