"""The four roles one after the other, as a workflow would call them."""

from __future__ import annotations

from collections.abc import Sequence

from aios.agents.offline.editor import editor
from aios.agents.offline.planner import planner
from aios.agents.offline.researcher import researcher
from aios.agents.offline.writer import writer
from aios.domain.agent import AgentReply
from tests.agents.company import Company, call


def plan(company: Company, topic: str, *, guidance: Sequence[str] = (), **more: object) -> AgentReply:
    reply = planner(call("planner", {"topic": topic, **more}, guidance=guidance), company)
    company.apply(reply)
    return reply


def draft(company: Company, topic: str, *, guidance: Sequence[str] = (), **more: object) -> str:
    """Plan, research and write; gives the content record's path."""
    planned = plan(company, topic, guidance=guidance, **more)
    record = planned.output["record"]
    for item, question in enumerate(planned.output["questions"]):
        company.apply(researcher(call("researcher", {"record": record, "question": question}, item=item), company))
    company.apply(writer(call("writer", {"record": record}, guidance=guidance), company))
    return f"state/content/{record}.md"


def edit(company: Company, path: str, *, guidance: Sequence[str] = ()) -> AgentReply:
    record = path.rsplit("/", 1)[-1].removesuffix(".md")
    reply = editor(call("editor", {"record": record}, guidance=guidance), company)
    company.apply(reply)
    return reply
