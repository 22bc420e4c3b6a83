from __future__ import annotations

import pytest

from aios.agents.contract import load_all
from aios.domain.effect import Capability
from aios.runs.definition import load
from aios.store.documents import parse
from tests.memory.files import Files
from tests.monitor.company import ROOT, machinery

RECORD = {"type": "object", "properties": {"record": {"type": "string"}}, "required": ["record"]}
DAYS = {"type": "object", "properties": {"days": {"type": "integer"}}}
CAPABILITIES = {
    "analytics.read": Capability("analytics.read", writes=False, payload=DAYS),
    "cms.update": Capability("cms.update", writes=True, payload=RECORD),
}


def company() -> Files:
    return machinery().with_files({
        f"workflows/{path.name}": path.read_bytes() for path in (ROOT / "workflows").glob("*.yaml")
    })  # fmt: skip


@pytest.mark.parametrize("name", ["watch-content", "refresh-content"])
def test_the_workflow_is_in_order(name: str) -> None:
    tree = company()
    agents, _ = load_all(tree, parse=parse)
    workflow, findings = load(tree, name, agents, CAPABILITIES)
    assert [str(finding) for finding in findings] == []
    assert workflow is not None
