"""The workflows in the box are in order, with the agents and connectors in the box."""

from __future__ import annotations

import pytest

from aios.agents.contract import load_all
from aios.connectors.access_log.connector import CAPABILITIES as ANALYTICS
from aios.connectors.files.connector import CAPABILITIES as FILES
from aios.connectors.static_site.connector import CAPABILITIES as SITE
from aios.domain.names import AGENTS, SCHEMAS, WORKFLOWS
from aios.runs.definition import load
from aios.runs.definition_triggers import triggers
from aios.store.documents import parse
from tests.records.dict_tree import REPOSITORY, DictTree

NAMES = sorted(path.stem for path in (REPOSITORY / "workflows").glob("*.yaml"))


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
    workflow, findings = load(tree, name, agents, {**SITE, **FILES, **ANALYTICS})
    assert [str(each) for each in findings] == []
    assert workflow is not None
    assert workflow.hash.startswith("sha256:")
    document, _ = parse(f"workflows/{name}.yaml", tree.files[f"workflows/{name}.yaml"])
    assert document is not None
    assert len(list(triggers(document.data))) == len(workflow.triggers)
