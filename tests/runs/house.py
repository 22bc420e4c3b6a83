"""A small company for tests of the conductor: two tiny agents, one workflow, one service that counts what it was told.

Real git, real contracts and schemas; only the outside is a stand-in: a folder that keeps one line per act.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aios.domain.agent import AgentCall, AgentReply, Engine, Question, Reason, Tools
from aios.domain.effect import Capability, Collected, Connector, Effect, Lookup, Outcome, Preview, Receipt
from aios.domain.finding import Finding
from aios.domain.front_matter import render_markdown
from aios.domain.keys import run_ulid
from aios.domain.memory import Hit
from aios.domain.tree import Tree
from aios.runs.conductor import Standing, carry_on
from aios.runs.context import Context, Identity
from aios.runs.gate import approve, open_gate
from aios.runs.session import read_state
from aios.runs.start import start_run
from aios.store.git import Git

TOP = Path(__file__).parents[2]
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
TRIGGER = {"kind": "manual", "key": "test", "at": "2026-11-02T09:00:00Z"}
RUN = "write-piece/a-fine-topic"
RUN_ID = f"{RUN}/{run_ulid(START, 'test')}"

WORKFLOW = """schema: workflow.v1
name: write-piece
summary: A small workflow with everything in it.
on: {manual: {}}
inputs:
  topic: {type: string, minLength: 3}
subject: "${{ slug(inputs.topic) }}"
steps:
  plan:
    agent: scout
    with: {topic: "${{ inputs.topic }}", part: 0}
  dig:
    agent: scout
    needs: [plan]
    for_each: "${{ steps.plan.parts }}"
    parallel: 2
    with: {topic: "${{ inputs.topic }}", part: "${{ item }}"}
    retry: {attempts: 3, backoff: 1s}
    timeout: 30s
  write:
    agent: scribe
    needs: [dig]
    with: {topic: "${{ inputs.topic }}", record: "${{ steps.plan.record }}"}
  approve:
    gate: operator
    needs: [write]
  publish:
    effect: cms.publish
    needs: [approve]
    compensate: cms.unpublish
    with: {record: "${{ steps.write.record }}"}
  look:
    agent: scout
    needs: [publish]
    after: 1h
    with: {topic: "${{ inputs.topic }}", part: 9}
"""

AGENT = """schema: agent.v1
name: {name}
version: 1
summary: {name} of the tests.
tier: offline
input: {{type: object}}
output: {{type: object}}
reads: ["state/content/**", "memory/**"]
writes: ["state/content/*.md", "memory/notes/*.md"]
"""

COMPANY = """schema: company.v1
name: Test Co
url: https://test.example
timezone: UTC
language: en
approvers: [me@test.example]
outgoing: live
"""


def scout(call: AgentCall, tools: Tools) -> AgentReply:
    """Plans three parts, or notes one of them; sees only what its needs left."""
    part = int(call.input["part"])
    record = "a-fine-topic"
    if part == 0:
        return AgentReply(
            {"record": record, "parts": [1, 2, 3]}, title="three parts", reasons=(Reason("three", "always"),)
        )
    seen = len(tools.paths("memory/notes/*.md"))
    note = {"schema": "note.v1", "kind": "note", "title": f"Part {part}", "trust": "derived", "created": call.now}
    text = render_markdown(note, f"Part {part} of {call.input['topic']}; {seen} notes were there before.\n")
    return AgentReply({"part": part}, {f"memory/notes/part-{part}.md": text}, title=f"part {part}")


def scribe(call: AgentCall, tools: Tools) -> AgentReply:
    """Writes the piece from the notes, and heeds guidance."""
    notes = [tools.read(path) or "" for path in tools.paths("memory/notes/*.md")]
    said = "".join(f"\nGuided: {line}" for line in call.guidance)
    data = {
        "schema": "content.v1",
        "title": str(call.input["topic"]),
        "summary": "A piece made by a test.",
        "status": "edited",
        "created": call.now,
        "tier": "offline",
        "trust": "derived",
    }
    body = "\n".join(note.rpartition("---")[2].strip() for note in notes) + said + "\n"
    return AgentReply(
        {"record": call.input["record"]}, {f"state/content/{call.input['record']}.md": render_markdown(data, body)}
    )


def asking(call: AgentCall, tools: Tools) -> AgentReply:
    """Asks before it writes."""
    if not call.guidance:
        return AgentReply({}, question=Question("which way?", ("left", "right"), ("both are fine",)))
    return scribe(call, tools)


ENGINES: dict[str, Engine] = {"scout": scout, "scribe": scribe}


@dataclass(frozen=True)
class Counting:
    """A service that keeps one line per act in a file, knows keys only where `remembers`, and fails as told."""

    folder: Path
    remembers: bool = True
    failures: tuple[Exception, ...] = ()

    @property
    def name(self) -> str:
        return "site"

    def capabilities(self) -> Mapping[str, Capability]:
        schema = {"type": "object"}
        return {
            "cms.publish": Capability("cms.publish", True, schema, "cms.unpublish"),
            "cms.unpublish": Capability("cms.unpublish", True, schema, "cms.publish"),
        }

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        return f"https://test.example/{payload['slug']}/"

    def preview(self, effect: Effect) -> Preview:
        return Preview(f"{effect.capability} {effect.target}", json.dumps(dict(effect.payload)), True, "take it down")

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        undone = {"cms.publish": "cms.unpublish", "cms.unpublish": "cms.publish"}[effect.capability]
        return replace(effect, capability=undone, payload={**effect.payload, "undoes": receipt.key})

    def lookup(self, effect: Effect) -> Lookup:
        done = [line for line in self.acts() if line["key"] == effect.key]
        if self.remembers and done:
            return Lookup(Outcome("1", effect.target), authoritative=True)
        return Lookup(None, authoritative=self.remembers)

    def act(self, effect: Effect) -> Outcome:
        told = self.acts()
        if len(told) < len(self.failures):
            self._add({"key": "failed"})
            raise self.failures[len(told)]
        self._add({"key": effect.key, "capability": effect.capability})
        return Outcome("1", effect.target)

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        return Collected({})

    def check(self) -> Sequence[Finding]:
        return []

    def acts(self) -> list[dict[str, str]]:
        file = self.folder / "acts"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def done(self) -> list[dict[str, str]]:
        return [act for act in self.acts() if act["key"] != "failed"]

    def _add(self, act: Mapping[str, str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "acts").open("a") as file:
            file.write(json.dumps(dict(act)) + "\n")
            file.flush()
            os.fsync(file.fileno())


def found(root: Path, *, workflow: str = WORKFLOW) -> Path:
    """A committed company in `root`."""
    files = {
        "state/company.yaml": COMPANY,
        "workflows/write-piece.yaml": workflow,
        "state/policies/rules.yaml": "schema: policy.v1\nsummary: Tests.\nrules:\n"
        "  - {name: notes, when: 'size(effects) == 0 && kinds == [\"memory\"]', then: auto, why: notes are kept}\n"
        "  - {name: effects, when: size(effects) > 0, then: ask, why: it is published}\n",
        "state/connectors/site.yaml": "schema: connector.v1\nuse: static-site\nmode: live\n"
        "settings: {path: public, url: 'https://test.example', title: Test Co}\n",
        ".gitignore": ".aios/\n/public/\n",
    }
    for name in ("scout", "scribe"):
        files[f"state/agents/{name}.yaml"] = AGENT.format(name=name)
        files[f"state/agents/{name}.md"] = "Do as the test says.\n"
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    shutil.copytree(TOP / "state/schemas", root / "state/schemas")
    for command in (
        ["init", "-q", "-b", "main", "."],
        ["config", "user.name", "Me"],
        ["config", "user.email", "me@test.example"],
        ["add", "-A"],
        ["commit", "-q", "-m", "start"],
    ):
        subprocess.run(["git", *command], cwd=root, check=True, env=_environment())
    return root


def _environment() -> dict[str, str]:
    when = "2026-11-01T00:00:00Z"
    return {**os.environ, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when, "GIT_CONFIG_GLOBAL": "/dev/null"}


def nothing_recalled(
    tree: Tree, query: str, limit: int, kinds: Sequence[str], now: str, only: Sequence[str]
) -> Sequence[Hit]:
    return ()


def context(root: Path, *, later: timedelta = timedelta(0), service: Counting | None = None, **changes: Any) -> Context:
    """A context with a pinned clock, `later` after the start; the service lives beside the company."""
    connector: Connector = service or service_of(root)
    made = Context(
        git=Git(root),
        main="main",
        clock=lambda: START + later,
        operator=Identity("Me", "me@test.example"),
        engines=ENGINES,
        recall=nothing_recalled,
        connectors=lambda _: {"site": connector},
        patience=5.0,
    )
    return replace(made, **changes)


def service_of(root: Path) -> Counting:
    return Counting(root.parent / f"{root.name}-service")


def start(here: Context) -> str:
    return start_run(here, "write-piece", {"topic": "A fine topic"}, trigger=TRIGGER)


def drive(root: Path, checkpoint: Callable[[str], None] = lambda _: None) -> Standing:
    """The whole life of a run, from wherever it stands: start, gate, approval, effect, an hour later the rest."""
    here = context(root, checkpoint=checkpoint)
    late = replace(here, clock=lambda: START + timedelta(hours=2))
    with here.git:
        run = start(here)
        if "publish" in read_state(here.git, run, main="main").steps:
            return carry_on(late, run)
        carry_on(here, run)
        if open_gate(read_state(here.git, run, main="main")) == "approve":
            approve(here, run)
        carry_on(here, run, effects=True)
        return carry_on(late, run)


def tree_of(root: Path, ref: str = "main") -> str:
    done = subprocess.run(["git", "rev-parse", f"{ref}^{{tree}}"], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()
