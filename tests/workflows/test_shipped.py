"""The workflows in the box are in order, with the agents and connectors in the box."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from aios.agents.contract import load_all
from aios.app import Company, found_company
from aios.connectors.access_log.connector import CAPABILITIES as ANALYTICS
from aios.connectors.files.connector import CAPABILITIES as FILES
from aios.connectors.static_site.connector import CAPABILITIES as SITE
from aios.domain.effect import Capability
from aios.domain.finding import Severity
from aios.domain.names import AGENTS, SCHEMAS, WORKFLOWS
from aios.domain.vocabulary import VOCABULARY
from aios.errors import InvalidError
from aios.runs.definition import load
from aios.runs.definition_check import is_unconnected
from aios.runs.definition_triggers import triggers
from aios.runs.start import start_run
from aios.runs.tick import due_now
from aios.store.documents import parse
from tests.conftest import commit_all
from tests.records.dict_tree import REPOSITORY, DictTree

NAMES = sorted(path.stem for path in (REPOSITORY / "workflows").glob("*.yaml"))
WITHOUT_ACCOUNT = {**SITE, **FILES, **ANALYTICS}
# What needs an account somewhere, as any connector may offer it.
WITH_ACCOUNT = {name: Capability(name, writes=acts, payload={}) for name, acts in VOCABULARY.items()}


def shipped() -> DictTree:
    places = [path for place in (AGENTS, SCHEMAS, WORKFLOWS) for path in sorted((REPOSITORY / place).glob("*.*"))]
    return DictTree({str(path.relative_to(REPOSITORY)): path.read_bytes() for path in places})


def test_there_are_three() -> None:
    assert {"publish-content", "refresh-content", "watch-content"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_workflow_is_clean(name: str) -> None:
    tree = shipped()
    agents, found = load_all(tree, parse=parse)
    assert found == []
    workflow, findings = load(tree, name, agents, {**WITH_ACCOUNT, **WITHOUT_ACCOUNT})
    assert [str(each) for each in findings] == []
    assert workflow is not None
    assert workflow.hash.startswith("sha256:")
    document, _ = parse(f"workflows/{name}.yaml", tree.files[f"workflows/{name}.yaml"])
    assert document is not None
    assert len(list(triggers(document.data))) == len(workflow.triggers)


@pytest.mark.parametrize("name", ["follow-up-invoices", "triage-support", "send-newsletter"])
def test_a_workflow_that_needs_an_account_waits_for_its_connector(name: str) -> None:
    tree = shipped()
    agents, _ = load_all(tree, parse=parse)
    _, findings = load(tree, name, agents, WITHOUT_ACCOUNT)
    (only,) = findings
    assert is_unconnected(only)
    assert only.severity is Severity.INFO
    assert "mail.send" in only.message


def test_what_starts_by_itself_and_lacks_a_connector_is_a_warning_and_a_misspelling_an_error() -> None:
    tree = shipped()
    agents, _ = load_all(tree, parse=parse)
    path = "workflows/send-newsletter.yaml"
    text = tree.files[path].decode()
    scheduled = text.replace("  manual: {}\n", '  schedule: {cron: "13 8 1 * *", timezone: UTC}\n')
    _, (only,) = load(DictTree({**tree.files, path: scheduled.encode()}), "send-newsletter", agents, WITHOUT_ACCOUNT)
    assert (is_unconnected(only), only.severity) == (True, Severity.WARNING)
    misspelt = text.replace("effect: mail.send", "effect: mail.sned")
    _, found = load(DictTree({**tree.files, path: misspelt.encode()}), "send-newsletter", agents, WITHOUT_ACCOUNT)
    assert [(each.rule, each.severity) for each in found] == [("workflow-uses", Severity.ERROR)]


def test_without_an_account_nothing_of_them_is_due_and_starting_one_says_what_is_missing(tmp_path: Path) -> None:
    found_company(tmp_path / "desk", name="Desk", email="me@desk.example", example=False)
    path = tmp_path / "desk/workflows/triage-support.yaml"
    path.write_text(path.read_text().replace("  # schedule:", "  schedule:"))
    commit_all(tmp_path / "desk", "Triage by itself")
    company = Company.find(tmp_path / "desk", clock=lambda: datetime(2099, 1, 5, 12, tzinfo=UTC))
    with company.git:
        findings = company.check(work_tree=False)
        assert [each for each in findings if each.severity is Severity.ERROR] == []
        assert "triage-support" not in {each.workflow for each in due_now(company.context, ())}
        with pytest.raises(InvalidError, match=r"cannot run: .* offers mail\.read, mail\.send"):
            start_run(company.context, "triage-support", {}, trigger={"kind": "manual", "key": "x"})
