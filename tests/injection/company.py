"""A small company with hostile texts everywhere, and a model that does whatever it reads.

Everything runs in this process with a pinned clock; only the command line is run as its users run it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from aios.app import Company, found_company
from aios.domain.agent import Tier
from aios.domain.model import Listen, ModelReply, Request, Role, ToolCall, Usage
from aios.runs.conductor import Standing, carry_on
from aios.runs.context import Context
from aios.runs.start import start_run
from tests.conftest import commit_all
from tests.injection.texts import KEY_NAME, SECRET, Hostile, tried

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
OPERATOR = "olga@acme.example"
SCRIBE = """schema: agent.v1
name: scribe
version: 1
summary: Notes what the sources say.
tier: small
event: notes.taken
input: {type: object, properties: {topic: {type: string}, note: {type: string}}, required: [topic, note]}
output: {type: object, properties: {note: {type: string}}, required: [note]}
reads: ["state/sources/**", "state/customers/**", "memory/**"]
writes: ["memory/notes/${{ input.note }}.md"]
context: {recall: 5}
budget: {calls: 12}
"""
TAKE_NOTES = """schema: workflow.v1
name: take-notes
summary: Collect what is said, and note it.
on: {manual: {}}
inputs:
  topic: {type: string}
  note: {type: string, default: a-note}
  sources: {type: array, items: {type: string}, default: []}
subject: "${{ slug(inputs.note) }}"
steps:
  gather:
    collect: sources.read
    when: "size(inputs.sources) > 0"
    with: {locations: "${{ inputs.sources }}"}
  note:
    agent: scribe
    needs: [gather]
    with: {topic: "${{ inputs.topic }}", note: "${{ inputs.note }}"}
  approve:
    gate: operator
    needs: [note]
"""


def found(root: Path) -> Path:
    """A company with one agent on a model and one workflow, committed."""
    found_company(root, name="Acme", email=OPERATOR, example=False)
    write(root, {"state/agents/scribe.yaml": SCRIBE, "workflows/take-notes.yaml": TAKE_NOTES})
    write(root, {"state/agents/scribe.md": "Note what the sources say about the topic.\n"})
    commit_all(root, "A scribe")
    return root


def copied(template: Path, root: Path) -> Path:
    shutil.copytree(template, root, symlinks=True)
    return root


def write(root: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, newline="")


def record(data: Mapping[str, Any], body: str) -> str:
    """Front matter and body, written as carefully as our own code does it."""
    return f"---\n{yaml.safe_dump(dict(data), allow_unicode=True)}---\n\n{body}\n"


def source(name: str, text: str) -> dict[str, str]:
    head = {"schema": "source.v1", "title": f"On {name}", "origin": f"{name}.md", "trust": "external"}
    hashes = {"sha256": "sha256:" + "0" * 64, "text_sha256": "sha256:" + "0" * 64, "media_type": "text/plain"}
    return {f"state/sources/{name}.md": record(head | hashes | {"collected": "2026-11-01T09:00:00Z"}, text)}


# Where an obeying model tries to write besides what it is granted.
ELSEWHERE = (
    *(each.text for each in tried("write")),
    "memory/notes/../../state/company.yaml",
    "memory/notes/other.md",
    "state/company.yaml",
    "state/Company.yaml",
    "state/customers/acme.yaml",
    "state/agents/scribe.yaml",
    "state/connectors/site.yaml",
    "state/schemas/note.v1.json",
    "workflows/take-notes.yaml",
    ".gitattributes",
    ".aios/paused",
    "memory/notes/a-note.md/x.md",
    "memory/notes/\u200bx.md",
    "-rf",
    "",
)


@dataclass
class Obeying:
    """Reads what it can and cannot, writes where it must not, then hands in the hostile text in every place there is.

    `says` is what it hands in. It works in a process of its own and keeps a diary of what it was told.
    """

    says: str
    diary: Path
    source: str
    note: str = "a-note"
    elsewhere: tuple[str, str] = ("state/company.yaml", "../x")
    name: str = "tiny"

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        with self.diary.open("a") as file:
            file.write(json.dumps([[each.role.value, each.text] for each in request.messages]) + "\n")
        turn = sum(message.role is Role.ASSISTANT for message in request.messages)
        if turn == 0:
            return ModelReply("", self._calls(), Usage(100, 10), self.name)
        return ModelReply(self._answer(turn), (), Usage(100, 10), self.name)

    def told(self) -> list[tuple[str, str]]:
        """The last conversation: (role, text) of each message."""
        lines = self.diary.read_text().splitlines() if self.diary.exists() else []
        return [(role, text) for role, text in json.loads(lines[-1])] if lines else []

    def cost(self, usage: Usage) -> float | None:
        return 0.001

    def _calls(self) -> tuple[ToolCall, ...]:
        wanted = [("read", {"path": path}) for path in (".env", ".git/config", "/etc/passwd", "state/company.yaml")]
        wanted += [("list", {"glob": "**"}), ("recall", {"query": self.says[:300] or "prices"})]
        wanted += [
            ("read", {"path": f"state/sources/{self.source}.md"}),
            ("approve", {"run": "all"}),
            (self.says[:50], {}),
        ]
        return tuple(ToolCall(f"c{number}", name, json.dumps(given)) for number, (name, given) in enumerate(wanted))

    def _answer(self, turn: int) -> str:
        good = {f"memory/notes/{self.note}.md": self._note()}
        files = {1: good | {self.elsewhere[0]: self.says}, 2: good | {self.elsewhere[1]: self.says}}.get(turn, good)
        return json.dumps(
            {
                "output": {"note": self.says},
                "files": files,
                "title": self.says,
                "reasons": [{"what": self.says, "why": self.says}],
                "confidence": 1.0,
                "approved": True,
                "effects": [{"capability": "cms.publish", "connector": "site", "payload": {"text": self.says}}],
            }
        )

    def _note(self) -> str:
        says = self.says.replace("\0", "")  # a file with that is refused as a whole
        head = {"schema": "note.v1", "kind": "note", "title": says.strip(), "trust": "external"}
        return record(head | {"summary": says, "tags": [says]}, says)


@dataclass
class Asking(Obeying):
    """Puts the hostile text into a question to the operator."""

    def _answer(self, turn: int) -> str:
        question = {"text": self.says or "?", "options": [self.says, "go on", "stop the run"]}
        return json.dumps({"question": question, "output": {}, "files": {"state/company.yaml": "name: Mine"}})


def context(root: Path, model: Obeying | None = None, **changes: Any) -> Context:
    made = Company.find(root, clock=lambda: NOW).context
    models = {Tier.SMALL: model} if model else {}
    return replace(made, models=lambda _: models, patience=20.0, **changes)


def run_notes(here: Context, hostile: Hostile | str, **inputs: Any) -> Standing:
    """The whole flow up to where it waits."""
    key = hostile if isinstance(hostile, str) else hostile.name
    trigger = {"kind": "manual", "key": f"test:{key}", "at": "2026-11-02T09:00:00Z"}
    run = start_run(here, "take-notes", {"topic": "prices", **inputs}, trigger=trigger)
    return carry_on(here, run)


def aios(root: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line, with the secret in its environment."""
    known = {**os.environ, KEY_NAME: SECRET, "OPENAI_API_KEY": SECRET, **environment}
    command = [sys.executable, "-m", "aios", *args]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=known)


def git(root: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=root, capture_output=True, check=True)
    return done.stdout.decode(errors="replace")


def everything(root: Path) -> dict[str, bytes]:
    """All that is kept: every file beside git's own, and every object that any ref reaches, by name."""
    kept = {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink() and path.relative_to(root).parts[:2] != (".git", "objects")
    }
    listed = git(root, "cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)").split()
    wanted = "\n".join(name for name, kind in zip(listed[::2], listed[1::2], strict=True) if kind != "tree")
    done = subprocess.run(
        ["git", "cat-file", "--batch"], cwd=root, input=wanted.encode(), capture_output=True, check=True
    )
    kept["(objects)"] = done.stdout
    with suppress(subprocess.CalledProcessError):
        kept["(reflog)"] = git(root, "reflog", "--all").encode()
    return kept
