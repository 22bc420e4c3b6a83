"""A place that a read keeps is neither lost to a read beside it nor kept where what was read is thrown away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aios.domain.effect import Capability, Collected
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.cursors import reads_of
from aios.runs.gate import revise
from aios.runs.session import read_state
from aios.runs.start import start_run
from aios.store.trees import CommitTree
from tests.effects.post import Post
from tests.runs import house, office

WORKFLOW = """schema: workflow.v1
name: write-piece
summary: Two reads of one connector side by side, before somebody decides.
on: {manual: {}}
inputs:
  topic: {type: string, minLength: 3}
subject: "${{ slug(inputs.topic) }}"
steps:
  mails: {collect: mail.read}
  bills: {collect: invoices.list}
  write:
    agent: scribe
    needs: [mails, bills]
    with: {topic: "${{ inputs.topic }}", record: a-fine-topic}
  approve: {gate: operator, needs: [write]}
"""
PLACE = "state/cursors/post.yaml"


@dataclass
class Box(Post):
    """Each read tells from where it was asked to go on, and has come one further."""

    def capabilities(self) -> Mapping[str, Capability]:
        return {
            name: Capability(name, False, {"type": "object"}, cursor=True) for name in ("mail.read", "invoices.list")
        }

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        at = dict(params.get("cursor") or {"at": 0})["at"]
        return Collected({"from": at}, cursor={"at": at + 1})


def founded(tmp_path: Path) -> Context:
    here = office.founded(tmp_path / "co", workflow=WORKFLOW)
    return replace(here, connectors=lambda _: {"post": Box(tmp_path / "sent")}, engines=house.ENGINES)


def reads(here: Context, run: str) -> Mapping[str, Any]:
    return reads_of(CommitTree(here.git, "aios/" + "/".join(run.split("/")[:2])), PLACE)


def test_two_reads_of_one_connector_side_by_side_both_keep_their_places(tmp_path: Path) -> None:
    here = founded(tmp_path)
    run = start_run(here, "write-piece", {"topic": "A fine topic"}, trigger=house.TRIGGER)
    carry_on(here, run)
    assert reads(here, run) == {"mail.read": {"at": 1}, "invoices.list": {"at": 1}}


def test_what_is_read_anew_in_a_revision_is_read_from_where_the_run_began(tmp_path: Path) -> None:
    here = founded(tmp_path)
    run = start_run(here, "write-piece", {"topic": "A fine topic"}, trigger=house.TRIGGER)
    carry_on(here, run)
    revise(here, run, note="once more", step="mails")
    carry_on(here, run)
    last = read_state(here.git, run, main="main").steps["mails"].items[None].last
    assert last is not None
    assert (last.output, reads(here, run)["mail.read"]) == ({"from": 0}, {"at": 1})
