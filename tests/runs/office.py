"""A company that writes mail: one agent drafts, one gate, and a post office that counts."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from aios.domain.agent import AgentCall, AgentReply, Tools
from aios.domain.front_matter import render_markdown
from aios.runs.conductor import Standing, carry_on
from aios.runs.context import Context
from aios.runs.gate import approve
from aios.runs.start import start_run
from aios.store.git import Git
from tests.effects.post import Post
from tests.runs import house

WORKFLOW = """schema: workflow.v1
name: write-piece
summary: Mail, drafted and sent.
on: {manual: {}}
inputs:
  topic: {type: string, minLength: 3}
subject: "${{ slug(inputs.topic) }}"
steps:
  write:
    agent: scribe
    with: {topic: "${{ inputs.topic }}"}
  approve:
    gate: operator
    needs: [write]
  send:
    effect: mail.send
    needs: [approve]
    with: {record: "${{ steps.write.message }}"}
"""
EACH = WORKFLOW.replace('with: {record: "${{ steps.write.message }}"}', "") + (
    '    for_each: "${{ steps.write.messages }}"\n    with: {record: "${{ item }}"}\n'
)
RULES = """schema: policy.v1
summary: Tests.
rules:
  - {name: effects, when: size(effects) > 0, then: ask, why: it leaves the house}
  - {name: night, at: apply, when: "time < '08:00' || time >= '20:00'", then: deny, why: nobody writes at night}
"""
AGENT = house.AGENT.format(name="scribe").replace('"memory/notes/*.md"', '"memory/notes/*.md", "state/messages/*.md"')


def messages(count: int, to: int) -> dict[str, str]:
    """Message records: `count` of them, each to so many people."""
    data: dict[str, Any] = {"schema": "message.v1", "status": "drafted", "trust": "derived"}
    found = {}
    for number in range(count):
        people = [f"p{number}-{each}@x.example" for each in range(to)]
        told = {**data, "subject": f"Letter {number}", "to": people}
        found[f"state/messages/letter-{number}.md"] = render_markdown(told, "Hello\n")
    return found


def founded(root: Path, *, workflow: str = WORKFLOW, count: int = 1, to: int = 4, limits: str = "") -> Context:
    """The company in `root`, its context at nine in the morning, with the post office beside it."""
    house.found(root, workflow=workflow)
    (root / "state/connectors/post.yaml").write_text(
        "schema: connector.v1\nuse: static-site\nmode: live\n"
        f"settings: {{path: p, url: 'https://x.example', title: x}}\n{limits}"
    )
    (root / "state/policies/rules.yaml").write_text(RULES)
    (root / "state/agents/scribe.yaml").write_text(AGENT)
    commit(root, "an office")

    def scribe(call: AgentCall, tools: Tools) -> AgentReply:
        texts = messages(count, to)
        ids = [path.rpartition("/")[2].removesuffix(".md") for path in texts]
        return AgentReply({"message": ids[0], "messages": ids}, texts)

    post = Post(root.parent / f"{root.name}-sent")
    here = house.context(root, engines={**house.ENGINES, "scribe": scribe})
    return replace(here, connectors=lambda _: {"post": post, "site": house.service_of(root)})


def post_of(here: Context) -> Post:
    found = here.connectors({})["post"]  # type: ignore[arg-type]
    assert isinstance(found, Post)
    return found


def commit(root: Path, message: str) -> None:
    for command in (["add", "-A"], ["commit", "-q", "-m", message]):
        subprocess.run(["git", *command], cwd=root, check=True)


def approved(here: Context) -> str:
    """A run whose mail is approved and not sent."""
    run = start_run(here, "write-piece", {"topic": "A fine topic"}, trigger=house.TRIGGER)
    carry_on(here, run)
    approve(here, run)
    return run


def apply(here: Context, run: str, *, later: timedelta = timedelta(0)) -> Standing:
    return carry_on(replace(here, clock=lambda: house.START + later), run, effects=True)


def step_of(git: Git, run: str, name: str = "send") -> Mapping[str, Any]:
    """What the run record on main tells of a step."""
    from aios.runs.effects import run_record
    from aios.runs.session import read_state

    here = house.context(git.root)
    found: Mapping[str, Any] = run_record(here, read_state(git, run, main="main"))["steps"][name]
    return found
