"""A company whose runs are worked on elsewhere: what honest jobs hand over, and everything that a hostile one could.

Real git on both sides. `Job` is the hostile machine: it makes any object and packs any commits.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aios.domain.agent import AgentCall, AgentReply, Tools
from aios.domain.effect import Capability, Collected, CollectedDocument
from aios.domain.event import Event, EventNote, render_message
from aios.domain.handoff import HEAD, TRACES, Handoff, Order, Stage
from aios.domain.keys import digest
from aios.runs.conductor import carry_on
from aios.runs.context import AIOS_EMAIL, AIOS_NAME, Context
from aios.runs.start import start_run
from aios.runs.verifying import Material, Verified, verify
from aios.runs.verifying.messages import note_of
from aios.store.bundles import write
from aios.store.commits import commit_object
from aios.store.git import Git
from aios.store.log import read_events
from tests.runs import house

WORKFLOW = house.WORKFLOW.replace(
    "steps:\n",
    "steps:\n  read:\n    collect: documents.list\n    with: {}\n",
    1,
).replace("    agent: scout\n", "    agent: scout\n    needs: [read]\n", 1)
MANUAL = "An [example](guide.html) key is sk_live_0123456789abcdef, see ![map](https://maps.example/m.png)."
BARE = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "PATH", "HOME")


@dataclass(frozen=True)
class Reading(house.Counting):
    """The service, with a manual to read."""

    def capabilities(self) -> Mapping[str, Capability]:
        return {**super().capabilities(), "documents.list": Capability("documents.list", False, {"type": "object"})}

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        text = f"# Manual\n\n{MANUAL}\n"
        manual = CollectedDocument("https://docs.example/m", "The manual", text, digest(b"x"), "text/markdown")
        return Collected({}, (manual,))


def found(root: Path, *, rules: str = "", workflow: str = WORKFLOW) -> Path:
    """A committed company with one old piece, and these policy rules instead of its own."""
    house.found(root, workflow=workflow)
    if rules:
        (root / "state/policies/rules.yaml").write_text(f"schema: policy.v1\nsummary: Tests.\nrules:\n{rules}")
    source = root / "state/sources/old.md"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text("---\nschema: source.v1\ntitle: Old\nsummary: x\n---\nOld.\n")
    place = root / "state/content/old-piece.md"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(
        "---\nschema: content.v1\ntitle: Old\nsummary: An old piece.\nstatus: edited\n"
        "created: 2026-10-01T09:00:00Z\ntier: offline\ntrust: derived\n---\nOld words.\n"
    )
    when = {"GIT_AUTHOR_DATE": "2026-11-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-11-01T00:00:00Z"}
    for command in (["add", "-A"], ["commit", "-q", "-m", "a piece"]):
        subprocess.run(["git", *command], cwd=root, check=True, env={**os.environ, **when})
    return root


def context(root: Path, **changes: Any) -> Context:
    return house.context(root, service=Reading(root.parent / "service"), **changes)


@dataclass(frozen=True)
class Handed:
    """What was handed over, and what is needed to change it."""

    order: Order
    handoff: Handoff
    job: Job
    collected: str

    @property
    def events(self) -> list[Event]:
        return list(read_events(self.job.git, since=self.order.main, until=self.handoff.head))

    def material(self, **changes: Any) -> Material:
        """The bytes, with another head, traces or refs where they are told."""
        handoff = replace(self.handoff, **{k: v for k, v in changes.items() if k in {"head", "traces", "collected"}})
        refs = {HEAD: handoff.head} | ({TRACES: handoff.traces} if handoff.traces else {})
        bundle = self.job.bundle(changes.get("refs", refs), without=changes.get("without", [self.order.main]))
        head = changes.get("collect_head", self.collected)
        before = replace(self.handoff, head=head, stage=Stage.COLLECT) if head else None
        return Material(bundle, text_of(handoff), before)


def text_of(handoff: Handoff, **changes: Any) -> bytes:
    return json.dumps({**handoff.as_dict(), **changes}).encode()


@dataclass(frozen=True)
class Job:
    """A machine with the company's repository, and whoever is on it."""

    root: Path
    git: Git

    def blob(self, content: bytes) -> str:
        return self.git.run("hash-object", "-w", "--stdin", input=content).decode().strip()

    def tree(self, entries: Sequence[tuple[str, str, bytes]]) -> str:
        """(mode, id, name) → a tree object, whatever is in it."""
        content = b"".join(b"%s %s\0%s" % (mode.encode(), name, bytes.fromhex(oid)) for mode, oid, name in entries)
        command = ("hash-object", "-w", "-t", "tree", "--stdin", "--literally")
        return self.git.run(*command, input=content).decode().strip()

    def entries(self, tree: str) -> list[tuple[str, str, bytes]]:
        listed = self.git.run("ls-tree", "-z", tree).split(b"\0")
        parts = [line.partition(b"\t") for line in listed if line]
        return [(mode.lstrip("0"), oid, name) for facts, _, name in parts for mode, _, oid in [facts.decode().split()]]

    def with_entry(self, tree: str, path: Sequence[bytes], mode: str, oid: str) -> str:
        """The tree with one more entry, its folders made where they lack; names may be anything."""
        here = self.entries(tree) if tree else []
        name = path[0]
        if len(path) > 1:
            below = next((each for each in here if each[2] == name and each[0] == "40000"), None)
            mode, oid = "40000", self.with_entry(below[1] if below else "", path[1:], mode, oid)
        here = [each for each in here if each[2] != name]
        if oid:
            here.append((mode, oid, name))
        return self.tree(sorted(here, key=lambda each: each[2] + (b"/" if each[0] == "40000" else b"")))

    def commit(
        self,
        tree: str,
        parents: Sequence[str],
        message: str,
        *,
        who: str = f"{AIOS_NAME} <{AIOS_EMAIL}>",
        at: str = "1793610000 +0000",
        more: str = "",
    ) -> str:
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents), f"author {who} {at}"]
        content = "\n".join([*lines, f"committer {who} {at}{more}", "", message])
        command = ("hash-object", "-w", "-t", "commit", "--stdin", "--literally")
        return self.git.run(*command, input=content.encode(errors="surrogateescape")).decode().strip()

    def tree_of(self, commit: str) -> str:
        return self.git.text("rev-parse", f"{commit}^{{tree}}").strip()

    def raw(self, commit: str) -> str:
        found = self.git.read_object(commit)
        assert found is not None
        return found.content.decode()

    def again(self, commit: str, parent: str, **changes: Any) -> str:
        """A commit made anew on another parent: its message, tree or author as told."""
        head, _, message = self.raw(commit).partition("\n\n")
        at = head.splitlines()[-1].rpartition("> ")[2]
        tree = changes.pop("tree", None) or self.tree_of(commit)
        text = changes.pop("message", message)
        return self.commit(tree, changes.pop("parents", [parent]), text, **{"at": at, **changes})

    def bundle(self, refs: Mapping[str, str], *, without: Sequence[str]) -> bytes:
        place = self.root / "made.bundle"
        write(self.git, place, refs, without=without)
        return place.read_bytes()


def honest(root: Path, folder: Path, *, note: str = "Part") -> Handed:
    """The run worked on by two honest jobs, up to its gate; `note` is what its notes are called."""
    job = shutil.copytree(root, folder)

    def scout(call: AgentCall, tools: Tools) -> AgentReply:
        reply = house.scout(call, tools)
        files = {path: text and text.replace("title: Part", f"title: {note}") for path, text in reply.files.items()}
        return replace(reply, files=files)

    here = context(job, engines={**house.ENGINES, "scout": scout})
    main = here.git.commit("main")
    start = {"workflow": "write-piece", "inputs": {"topic": "A fine topic"}, "trigger": house.TRIGGER}
    order = Order("o-1", house.RUN_ID, main, "", ("collect", "agent", "propose"), start, "2026-11-02T09:00:00Z")
    run = start_run(here, "write-piece", {"topic": "A fine topic"}, trigger=house.TRIGGER)
    assert run == order.run
    carry_on(here, run, stage=Stage.COLLECT)
    collected = here.git.commit(f"aios/{house.RUN}")
    carry_on(here, run, stage=Stage.AGENT)
    head = here.git.commit(f"aios/{house.RUN}")
    traces = alone(here.git)
    told = Handoff(order.id, run, main, "", collected, head, traces, Stage.AGENT, "0.1")
    return Handed(order, told, Job(job, here.git), collected)


def alone(git: Git) -> str:
    """The traces as one commit without parents."""
    tip = git.commit("refs/heads/aios/traces")
    files = {path: git.read_blob(oid) for path, (_, oid) in git.tree(tip).items()}
    text, at = "traces\n", "2026-11-02T09:00:00Z"
    return commit_object(git, parent=None, changes=files, message=text, at=at, author=AIOS_NAME, email=AIOS_EMAIL)


def judged(root: Path, handed: Handed, material: Material) -> Verified:
    return verify(context(root), handed.order, material)


def rules(verified: Verified) -> list[str]:
    return sorted({finding.rule for finding in verified.findings})


def note_at(handed: Handed, number: int) -> EventNote:
    """The note of one commit, from 0; negative ones count from the end."""
    found = note_of(handed.job.raw(handed.events[number].commit).partition("\n\n")[2])
    assert found is not None
    return found


def retold(handed: Handed, number: int, message: str | None = None, **changes: Any) -> Material:
    """The handoff with one commit made anew (its note or message changed) and those after it on top."""
    events = handed.events
    number %= len(events)
    parent = events[number].parents[0]
    texts = {name: changes.pop(name) for name in ("who", "at", "more", "parents", "tree") if name in changes}
    text = message if message is not None else render_message(replace(note_at(handed, number), **changes))
    parent = handed.job.again(events[number].commit, parent, message=text, **texts)
    collected = handed.collected
    if events[number].commit == collected:
        collected = parent
    for event in events[number + 1 :]:
        parent = handed.job.again(event.commit, parent)
        collected = parent if event.commit == collected else collected
    return handed.material(head=parent, collected=collected, collect_head=collected)


def with_file(handed: Handed, path: str | bytes, content: bytes | None = b"x\n", *, mode: str = "100644") -> Material:
    """The handoff whose last commit also leaves a file (None: deletes it)."""
    last, job = handed.handoff.head, handed.job
    oid = "" if content is None else job.blob(content)
    return with_object(handed, path, oid, mode=mode, last=last)


def with_object(handed: Handed, path: str | bytes, oid: str, *, mode: str = "100644", last: str = "") -> Material:
    last, job = last or handed.handoff.head, handed.job
    parts = (path if isinstance(path, bytes) else path.encode()).split(b"/")
    tree = job.with_entry(job.tree_of(last), parts, mode, oid)
    return handed.material(head=job.again(last, job.git.commit(f"{last}~1"), tree=tree))
