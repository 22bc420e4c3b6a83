"""`aios connectors` and `aios doctor` on connectors: what an operator reads, and which exit code a script sees."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aios.app import Company, found_company
from aios.connectors.sidecars.audit import Crossing, by_connector
from aios.domain.effect import Claim
from aios.effects.ledger import Ledger
from aios.errors import Exit, TransientError, UsageError
from aios.store.git import Git
from tests.conftest import commit_all
from tests.connectors.stands import mcp

SECRET = "sesame-open-4711"  # noqa: S105  nobody's


@pytest.fixture
def company(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    found_company(root, name="Mine", email="me@mine.example", example=False)
    settings = {
        "command": [sys.executable, str(Path(mcp.__file__)), "notes.json"],
        "env": {"NOTES_TOKEN": {"env": "NOTES_TOKEN"}},
        "timeout": 20,
        **mcp.mapped(),
    }
    declared = {"schema": "connector.v1", "use": "mcp", "summary": "Notes.", "settings": settings}
    (root / "state/connectors/notes.yaml").write_text(json.dumps(declared, indent=2))
    commit_all(root, "Notes")
    return root


def aios(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if name != "NOTES_TOKEN"}
    return subprocess.run(
        [sys.executable, "-m", "aios", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={**known, **environment},
    )


def told(root: Path, *arguments: str, **environment: str) -> Any:
    return json.loads(aios(root, "connectors", *arguments, "--json", **environment).stdout)


def crossed(root: Path, outcome: str, ago: timedelta) -> None:
    at = (datetime.now(UTC) - ago).strftime("%Y-%m-%dT%H:%M:%SZ")
    by_connector(root / ".aios/crossings")(Crossing(at, "notes", "act", "notes.write", "x", "", "", 1, outcome, 0.1))


def test_the_list_says_of_each_what_it_offers_how_it_stands_and_what_it_waits_for(company: Path) -> None:
    by_name = {each["name"]: each for each in told(company, "list")}
    assert by_name["notes"]["offers"] == ["notes.remove", "notes.write", "sources.read"]
    assert by_name["notes"]["state"] == "no credentials"
    assert by_name["notes"]["waits for"] == ["NOTES_TOKEN is not set"]
    with_token = {each["name"]: each for each in told(company, "list", NOTES_TOKEN=SECRET)}
    assert with_token["notes"]["state"] == "unused"
    crossed(company, "done", timedelta(hours=3))
    lines = aios(company, "connectors", "list", NOTES_TOKEN=SECRET).stdout.splitlines()
    assert "notes\tmcp\tnotes.remove, notes.write, sources.read\tlive\tready\t3 hours ago\t\t" in lines


def test_a_connector_shows_its_layers_its_acts_and_its_settings_with_secrets_as_names(company: Path) -> None:
    shown = aios(company, "connectors", "show", "notes", NOTES_TOKEN=SECRET).stdout
    assert re.search(r"sidecars +audit → .*retry → mcp\n", shown)
    assert "“not found” proves that it never happened" in shown
    assert "undone by" in shown
    assert "env: NOTES_TOKEN" in shown
    assert SECRET not in shown
    detail = told(company, "show", "notes")
    assert (detail["sidecars"][0], detail["sidecars"][-1]) == ("audit", "mcp")
    assert detail["capabilities"]["notes.write"]["undone by"] == "notes.remove"


def test_trying_one_says_what_is_missing_and_where_it_belongs(company: Path) -> None:
    for value, says in ((None, "is not set"), (f"{SECRET}\n", "begins or ends with white space"), ("", "is empty")):
        tried = aios(company, "connectors", "test", "notes", **({} if value is None else {"NOTES_TOKEN": value}))
        assert tried.returncode == Exit.FINDINGS
        assert f"NOTES_TOKEN {says}" in tried.stdout
        assert "export NOTES_TOKEN=…  (`settings.env.NOTES_TOKEN` in state/connectors/notes.yaml)" in tried.stdout
        assert SECRET not in tried.stdout + tried.stderr
    works = aios(company, "connectors", "test", "notes", NOTES_TOKEN=SECRET)
    assert (works.returncode, works.stdout[0]) == (Exit.OK, "✓")
    assert SECRET not in works.stdout + works.stderr


def test_trying_one_prints_the_line_that_agrees_to_a_tool(company: Path) -> None:
    file = company / "state/connectors/notes.yaml"
    file.write_text(file.read_text().replace(mcp.agreed()["write_note"], "sha256:" + "0" * 64))
    commit_all(company, "Agreed to something else")
    tried = aios(company, "connectors", "test", "notes", NOTES_TOKEN=SECRET)
    assert tried.returncode == Exit.FINDINGS
    assert "is not what you agreed to: it now takes id, text, key" in tried.stdout
    assert f"agreed: {{write_note: {mcp.agreed()['write_note']}}}" in tried.stdout


def test_health_tells_rates_last_words_and_ages_and_fails_where_something_does(company: Path) -> None:
    crossed(company, "done", timedelta(days=9))
    crossed(company, "transient: notes did not answer in time", timedelta(minutes=5))
    health = aios(company, "connectors", "health", "notes", NOTES_TOKEN=SECRET)
    assert health.returncode == Exit.FINDINGS
    assert "1 call, 100.0% failed" in health.stdout
    assert "2 calls, 50.0% failed" in health.stdout
    assert "5 minutes ago): notes did not answer in time" in health.stdout
    assert "NOTES_TOKEN is set, the same for less than a day" in health.stdout
    crossed(company, "found", timedelta())
    row = told(company, "health", "notes", NOTES_TOKEN=SECRET)[0]
    assert (row["state"], row["calls"]["7"]["failed"], row["credentials"][0]["days"]) == ("ready", 1, 0)
    assert aios(company, "connectors", "health", "notes", NOTES_TOKEN=SECRET).returncode == Exit.OK


def test_a_claim_without_a_receipt_is_what_a_connector_waits_for(company: Path) -> None:
    with Git(company) as git:
        key = "sha256:" + "1" * 64
        claim = Claim(key, "r", "s", "notes", "notes.write", "x", "h", "c", "w", "2026-03-02T09:00:00Z")
        assert Ledger(git).claim(claim)
    waits = told(company, "show", "notes", NOTES_TOKEN=SECRET)["waits for"]
    assert waits == ["1 effect without a receipt (`aios apply`, `aios reconcile`)"]


def test_what_a_service_changed_and_a_breaker_that_is_open_are_told(company: Path) -> None:
    from aios.connectors.drift import DRIFT, Drift, to_folder
    from aios.connectors.shapes import Change, Kind
    from aios.connectors.sidecars.breaker import FILE, Breaker
    from tests.effects.service import EFFECT, Service

    change = Change("notes[].text", Kind.MISSING, "")
    to_folder(company / ".aios" / DRIFT)(Drift("notes", "sources.read", "evolve", (change,)))
    service = Service(
        company / ".aios" / "service", name="notes", fails=[("before", TransientError("nobody answered"))]
    )
    breaker = Breaker(service, 1, 3_600, company / ".aios" / FILE, lambda: datetime.now(UTC).timestamp())
    with pytest.raises(TransientError):
        breaker.act(EFFECT)
    row = told(company, "health", "notes", NOTES_TOKEN=SECRET)[0]
    assert row["state"] == "resting"
    assert row["drift"] == ["sources.read: `notes[].text` is missing"]
    assert "failed 1 times in a row and is left alone until" in row["breaker"]


def test_one_connector_is_paused_and_the_others_are_not(company: Path) -> None:
    assert aios(company, "connectors", "pause", "notes").returncode == Exit.OK
    here = Company(Git(company))
    assert "notes is paused on this machine" in here.paused("notes")
    assert here.paused("site") == here.paused() == ""
    assert here.context.paused("notes")
    assert told(company, "show", "notes", NOTES_TOKEN=SECRET)["state"] == "paused"
    aios(company, "connectors", "pause", "notes", "--off")
    assert here.paused("notes") == ""


def test_an_unknown_name_is_a_question_of_what_was_meant(company: Path) -> None:
    for verb in ("show", "test", "pause", "health"):
        asked = aios(company, "connectors", verb, "notse")
        assert asked.returncode == Exit.USAGE
        assert "did you mean `notes`?" in asked.stderr
    assert not (company / ".aios/paused-connectors").exists()


def test_a_declaration_that_cannot_be_used_is_listed_with_why(company: Path) -> None:
    (company / "state/connectors/mail.yaml").write_text("schema: connector.v1\nuse: carrier-pigeon\n")
    commit_all(company, "Pigeons")
    row = next(each for each in told(company, "list") if each["name"] == "mail")
    assert (row["state"], row["waits for"]) == ("broken", ["there is no connector `carrier-pigeon`"])
    assert aios(company, "connectors", "test", "mail").returncode == Exit.FINDINGS
    assert aios(company, "connectors", "show", "mail").returncode == Exit.OK


def test_a_company_without_connectors_is_told_how_to_have_one(company: Path) -> None:
    for file in (company / "state/connectors").glob("*.yaml"):
        file.unlink()
    commit_all(company, "Alone")
    for verb in ("list", "health"):
        done = aios(company, "connectors", verb)
        assert (done.returncode, done.stdout) == (Exit.OK, "")
        assert "`aios connectors example` prints one to start from" in done.stderr


def test_the_shell_completes_names(company: Path) -> None:
    asked = {"_AIOS_COMPLETE": "bash_complete", "COMP_WORDS": "aios connectors show n", "COMP_CWORD": "3"}
    program = "import sys; sys.argv = ['aios']; from aios.cli.group import root_command; root_command(prog_name='aios')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=company,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **asked},
    )
    assert done.stdout.split() == ["plain,notes"]


def test_the_doctor_names_variable_connector_and_setting_and_no_value(company: Path) -> None:
    def check(**environment: str) -> dict[str, str]:
        done = aios(company, "doctor", "--json", **environment)
        assert SECRET not in done.stdout + done.stderr
        return next(each for each in json.loads(done.stdout) if each["what"] == "notes")

    assert check()["says"] == "NOTES_TOKEN is not set"
    assert "state/connectors/notes.yaml" in check()["hint"]
    assert check(NOTES_TOKEN=f" {SECRET}")["says"] == "NOTES_TOKEN begins or ends with white space"
    assert check(NOTES_TOKEN=SECRET)["state"] == "ok"


def test_the_doctor_says_which_credentials_a_service_does_not_accept(company: Path) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Guarded(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(401)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Guarded) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        headers = {"Authorization": {"env": "NOTES_TOKEN", "prefix": "Bearer "}}
        settings = {"url": f"http://127.0.0.1:{server.server_port}/", "headers": headers, **mcp.mapped()}
        declared = {"schema": "connector.v1", "use": "mcp", "settings": settings}
        (company / "state/connectors/notes.yaml").write_text(json.dumps(declared))
        commit_all(company, "By address")
        done = aios(company, "doctor", "--json", NOTES_TOKEN=SECRET)
        server.shutdown()
    found = next(each for each in json.loads(done.stdout) if each["what"] == "notes")
    assert found["says"] == "notes answers 401"
    assert "it was given NOTES_TOKEN: is it still right?" in found["hint"]
    assert SECRET not in done.stdout


def test_an_unknown_connector_is_an_error_of_use(company: Path) -> None:
    from aios.runs.connections import one

    with pytest.raises(UsageError, match="no connector `x`"):
        one(Company(Git(company)).connections(), "x")


def test_a_declaration_that_is_not_committed_is_told_of(company: Path) -> None:
    started = aios(company, "connectors", "example", "plausible")
    assert started.returncode == Exit.OK
    (company / "state/connectors/stats.yaml").write_text(started.stdout)
    assert aios(company, "check").returncode == Exit.OK
    done = aios(company, "connectors", "test", "stats")
    assert done.returncode == Exit.USAGE
    assert "state/connectors/stats.yaml is not committed" in done.stderr
    assert "hint: git add state/connectors/stats.yaml && git commit" in done.stderr
    assert "state/connectors/stats.yaml is not committed as it is" in aios(company, "connectors", "list").stderr
    commit_all(company, "Stats")
    done = aios(company, "connectors", "test", "stats")
    assert done.stdout.startswith("✗ PLAUSIBLE_KEY is not set")
    assert "not committed" not in done.stderr


def test_what_is_in_the_box_is_listed_and_a_typo_is_told(company: Path) -> None:
    listed = json.loads(aios(company, "connectors", "example", "--json").stdout)
    assert {"mail", "http", "mcp"} <= {each["product"] for each in listed}
    assert all(each["what it is"] for each in listed)
    done = aios(company, "connectors", "example", "htpp")
    assert done.returncode == Exit.USAGE
    assert "did you mean `http`?" in done.stderr


def test_without_a_name_every_one_is_tried(company: Path) -> None:
    tried = aios(company, "connectors", "test")
    assert tried.returncode == Exit.FINDINGS
    assert [line.split()[1] for line in tried.stdout.splitlines() if line.startswith("✓")] == ["files", "logs", "site"]
    assert "✗ notes: NOTES_TOKEN is not set" in tried.stdout
    assert [each["works"] for each in told(company, "test")] == [True, True, False, True]


def test_a_variable_that_is_missing_in_two_places_is_told_once(company: Path) -> None:
    server = {"host": "mail.example", "username": "me", "password": {"env": "MAIL_NOT_SET"}}
    settings = {"smtp": server, "imap": server, "from": {"email": "me@mine.example"}}
    declared = {"schema": "connector.v1", "use": "mail", "settings": settings}
    (company / "state/connectors/mail.yaml").write_text(json.dumps(declared))
    commit_all(company, "Mail")
    assert aios(company, "connectors", "test", "mail").stdout.count("MAIL_NOT_SET is not set") == 1
