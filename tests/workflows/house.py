"""A small world to check workflows in: three agents, four capabilities, the shipped schemas."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aios.domain.agent import Contract, Tier
from aios.domain.effect import Capability
from aios.domain.finding import Finding
from aios.domain.workflow import Workflow
from aios.runs.definition import load
from tests.records.dict_tree import company

RECORD = {"type": "string"}
QUESTION = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "weight": {"type": "number"}},
    "required": ["id", "weight"],
}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


PLANNER = Contract(
    name="planner",
    version=1,
    summary="Plans.",
    tier=Tier.OFFLINE,
    input=_object(["topic"], topic={"type": "string", "minLength": 3}, limit={"type": "integer"}),
    output=_object(["record", "questions"], record=RECORD, questions={"type": "array", "items": QUESTION}),
    reads=("state/**",),
    writes=("state/content/*.md",),
)
RESEARCHER = Contract(
    name="researcher",
    version=1,
    summary="Looks things up.",
    tier=Tier.OFFLINE,
    input=_object(["question"], question=QUESTION),
    output=_object(["note", "score"], note={"type": "string"}, score={"type": "number"}),
    reads=("state/**",),
    writes=("memory/research/*.md",),
)
WRITER = Contract(
    name="writer",
    version=1,
    summary="Writes.",
    tier=Tier.OFFLINE,
    input=_object(["record"], record=RECORD, notes={"type": "array"}),
    output=_object(["record", "words"], record=RECORD, words={"type": "integer"}),
    reads=("state/**",),
    writes=("state/content/${{ input.record }}.md",),
)
AGENTS = {agent.name: agent for agent in (PLANNER, RESEARCHER, WRITER)}
CAPABILITIES = {
    "analytics.read": Capability("analytics.read", False, _object([], days={"type": "integer", "minimum": 1})),
    "sources.read": Capability("sources.read", False, {"type": "object"}),
    "cms.publish": Capability("cms.publish", True, {"type": "object"}, "cms.unpublish"),
    "cms.unpublish": Capability("cms.unpublish", True, {"type": "object"}),
}

GOOD = """\
schema: workflow.v1
name: publish
summary: Plan, look up, write, approve, publish, watch.
on:
  manual: {}
  schedule: {cron: "17 6 * * 1", timezone: Europe/Berlin, inputs: {topic: weekly}}
  event: {type: content.requested, when: "event.kind == 'piece'", inputs: {topic: "${{ event.topic }}"}}
  signal: [{name: topic-opportunity}]
inputs:
  topic: {type: string, minLength: 3}
  days: {type: integer, minimum: 1, default: 7}
  note: {type: string, required: false}
subject: "${{ slug(inputs.topic) }}"
budget: {usd: 0.5, tokens: 60000, minutes: 10}
steps:
  plan:
    agent: planner
    with: {topic: "${{ inputs.topic }}", limit: 5}
  research:
    agent: researcher
    for_each: "${{ steps.plan.questions }}"
    parallel: 4
    with: {question: "${{ item }}"}
    retry: {attempts: 3, backoff: 2s, ceiling: 1m}
    timeout: 60s
  write:
    agent: writer
    needs: [research]
    when: "size(steps.plan.questions) > 0 && inputs.note == null"
    with: {record: "${{ steps.plan.record }}", notes: "${{ steps.research }}"}
    escalate: {below: 0.6, to: [operator]}
  approve:
    gate: operator
    needs: [write]
  publish:
    effect: cms.publish
    needs: [approve]
    compensate: cms.unpublish
    with: {record: "${{ steps.write.record }}"}
  measure:
    collect: analytics.read
    needs: [publish]
    after: 7d
    with: {days: "${{ inputs.days }}"}
"""


def checked(
    text: str | bytes, *, name: str = "publish", agents: dict[str, Contract] | None = None
) -> tuple[Workflow | None, list[Finding]]:
    """The workflow in that YAML, and its findings, in a company with the shipped schemas."""
    tree = company({f"workflows/{name}.yaml": text})
    return load(tree, name, AGENTS if agents is None else agents, CAPABILITIES)


def line_of(text: str, part: str) -> int:
    """The line, from 1, in which the part first stands."""
    return text[: text.index(part)].count("\n") + 1


def without_state(contract: Contract) -> Contract:
    """The same agent, allowed to write to memory only."""
    return replace(contract, writes=("memory/**",))
