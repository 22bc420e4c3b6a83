"""The command line as a person and as a script meets it."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aios.cli.group import COMMANDS, HIDDEN
from aios.errors import Exit
from tests.runs import house


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.found(tmp_path_factory.mktemp("template") / "company")


@pytest.fixture
def company(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "company")


def aios(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", **environment}
    return subprocess.run(
        [sys.executable, "-m", "aios", *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists_and_teaches_with_an_example(name: str) -> None:
    command = importlib.import_module(f"aios.cli.{name.replace('-', '_')}").command
    assert command.help
    if name not in HIDDEN:
        assert command.epilog.startswith("Example: ")


def test_help_lists_every_command_and_every_exit_code(tmp_path: Path) -> None:
    told = aios("--help", cwd=tmp_path)
    assert told.returncode == Exit.OK
    for name in set(COMMANDS) - HIDDEN:
        assert f"  {name} " in told.stdout
    for code in Exit:
        assert str(int(code)) in told.stdout


COSTLY = (
    "git", "jsonschema", "jsonschema_rs", "yaml", "ruamel", "rich", "jinja2", "lxml", "cel_expr_python", "numpy",
    "aios.domain.agent", "aios.runs.context", "aios.store.documents",
)  # fmt: skip


def imported_by(*arguments: str, cwd: Path) -> str:
    script = f"import sys; from aios.cli.group import guarded; code = guarded({list(arguments)!r})"
    script += "; print(sorted(sys.modules), file=sys.stderr); sys.exit(code)"
    alone = {name: value for name, value in os.environ.items() if not name.startswith("COV")}  # it would be seen too
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True, env=alone).stderr


def test_help_imports_nothing_that_costs(tmp_path: Path) -> None:
    told = imported_by("--help", cwd=tmp_path)
    assert [name for name in (*COSTLY, "sqlite3") if f"'{name}'" in told] == []


def test_recall_over_an_index_that_is_up_to_date_imports_nothing_that_costs(company: Path) -> None:
    aios("recall", "price", cwd=company)
    told = imported_by("recall", "price", cwd=company)
    assert [name for name in COSTLY if f"'{name}'" in told] == []


def test_a_folder_where_the_index_belongs_is_named_and_left_alone(company: Path) -> None:
    (company / ".aios" / "recall.sqlite").mkdir(parents=True)
    assert aios("recall", "price", cwd=company).returncode == Exit.OK
    told = aios("rebuild", cwd=company)
    assert told.returncode == Exit.REFUSED
    assert "recall.sqlite is a folder" in told.stderr
    assert (company / ".aios" / "recall.sqlite").is_dir()


def test_a_wrong_command_is_one_line_with_a_hint(tmp_path: Path) -> None:
    told = aios("chek", cwd=tmp_path)
    assert told.returncode == Exit.USAGE
    assert "did you mean `aios check`?" in told.stderr
    assert told.stdout == ""


@pytest.mark.parametrize("arguments", [["check"], ["inbox"], ["run", "x"], ["log"], ["query", "select 1"], ["tick"]])
def test_outside_a_company_every_command_says_so_and_what_to_do(tmp_path: Path, arguments: list[str]) -> None:
    told = aios(*arguments, cwd=tmp_path)
    assert told.returncode in {Exit.USAGE, Exit.FAILED}
    assert "aios init" in told.stderr
    assert "Traceback" not in told.stderr


def test_check_says_where_what_and_how(company: Path) -> None:
    (company / "state/customers").mkdir()
    (company / "state/customers/acme.yaml").write_text(
        "schema: customer.v1\nname: Acme\nemail: no-address\nsinec: 2026-01-01\n"
    )
    told = aios("check", cwd=company)
    assert told.returncode == Exit.FINDINGS
    assert "state/customers/acme.yaml:4:1: error" in told.stdout
    assert "hint: did you mean `since`?" in told.stdout
    found = json.loads(aios("check", "--json", cwd=company).stdout)
    assert {"path", "line", "column", "rule", "message", "hint", "severity"} <= set(found[0])


def test_data_goes_to_stdout_and_messages_to_stderr(company: Path) -> None:
    told = aios("inbox", "--json", cwd=company)
    assert json.loads(told.stdout) == []
    told = aios("inbox", cwd=company)
    assert told.stdout == ""
    assert told.stderr == "Nothing waits for you.\n"


def test_no_colour_reaches_a_pipe(company: Path) -> None:
    told = aios("log", cwd=company)
    assert "\x1b" not in told.stdout + told.stderr
    assert "start" in told.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_of_the_shell(tmp_path: Path, shell: str) -> None:
    told = aios("completion", shell, cwd=tmp_path)
    assert "_AIOS_COMPLETE" in told.stdout


def test_an_unknown_input_names_the_known_ones(company: Path) -> None:
    told = aios("run", "write-piece", "--input", "topik=x", cwd=company)
    assert told.returncode == Exit.USAGE
    assert "has no input `topik`" in told.stderr
    assert "did you mean `topic`?" in told.stderr


def test_an_unknown_workflow_names_the_known_ones(company: Path) -> None:
    told = aios("run", "nope", cwd=company)
    assert told.returncode == Exit.USAGE
    assert "write-piece" in told.stderr


@pytest.mark.parametrize("sql", ["DROP TABLE records", "SELECT nothing FROM records", "ATTACH 'x' AS y", "SELEC 1"])
def test_a_query_that_writes_or_is_wrong_is_refused_in_one_line(company: Path, sql: str) -> None:
    told = aios("query", sql, cwd=company)
    assert told.returncode == Exit.USAGE
    assert "Traceback" not in told.stderr


def test_pause_stops_effects_and_status_says_so(company: Path) -> None:
    aios("pause", cwd=company)
    assert "paused on this machine" in aios("status", cwd=company).stdout
    aios("pause", "--off", cwd=company)
    assert "paused" not in aios("status", cwd=company).stdout


def test_the_merge_driver_is_called_by_git(company: Path, tmp_path: Path) -> None:
    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        env = {
            **os.environ,
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        return subprocess.run(["git", *arguments], cwd=company, env=env, capture_output=True, text=True, check=False)

    record = company / "state/customers/acme.yaml"
    record.parent.mkdir()
    (company / ".gitattributes").write_text("state/**/*.yaml merge=aios\n")
    git("config", "merge.aios.driver", "aios merge-driver %O %A %B %P")
    record.write_text("schema: customer.v1\nname: Acme\nstage: lead\nsince: 2026-01-01\n")
    git("add", "-A")
    git("commit", "-qm", "base")
    git("checkout", "-qb", "side")
    record.write_text("schema: customer.v1\nname: Acme Ltd\nstage: lead\nsince: 2026-01-01\n")
    git("commit", "-qam", "side")
    git("checkout", "-q", "main")
    record.write_text("schema: customer.v1\nname: Acme\nstage: active\nsince: 2026-01-01\n")
    git("commit", "-qam", "main")
    merged = git("merge", "-q", "side")
    assert merged.returncode == 0, merged.stdout + merged.stderr
    assert "name: Acme Ltd\nstage: active\n" in record.read_text()


@pytest.mark.parametrize("command", [["log"], ["query", "SELECT * FROM events"], ["check", "--json"]])
def test_a_full_disk_is_no_bug_of_ours(company: Path, command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [sys.executable, "-m", "aios", *command],
            cwd=company,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert "the disk is full" in told.stderr
    assert "bug" not in told.stderr
    assert told.returncode == Exit.FAILED
