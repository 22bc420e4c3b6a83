"""The chain of jobs on one machine: each stage in a fresh clone, only a bundle and a JSON file between them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aios.domain.effect import Capability, Collected
from aios.domain.handoff import Order, Stage
from aios.domain.names import TRACES, branch_of
from aios.runs import jobs, orders
from aios.runs.conductor import Standing, carry_on
from aios.runs.context import AIOS_EMAIL, AIOS_NAME, Context
from aios.runs.handing_over import BUNDLE, keep_drift, read
from aios.runs.schedule import Firing
from aios.runs.sharding import Spread, shares
from aios.runs.syncing import adopt
from aios.store.bundles import take_in
from aios.store.commits import Draft, commit_many
from aios.store.git import Git
from aios.store.remote import Remote
from tests.runs import house

AT = "2026-11-02T09:00:00Z"
ASKED = Firing("write-piece", "manual", "test", AT, {"topic": "A fine topic"}, "a test")
NO_SPREAD = Spread(1_000, 8)

READING = house.WORKFLOW.replace(
    "  plan:\n    agent: scout\n",
    "  ask:\n    collect: numbers.read\n    with: {about: first}\n  plan:\n    agent: scout\n    needs: [ask]\n",
).replace(
    "  write:\n    agent: scribe\n    needs: [dig]\n",
    '  again:\n    collect: numbers.read\n    needs: [dig]\n    with: {about: "${{ steps.plan.record }}"}\n'
    "  write:\n    agent: scribe\n    needs: [dig, again]\n",
)


@dataclass(frozen=True)
class Reading(house.Counting):
    """The service of the house, which also tells numbers, and counts how often it was asked."""

    def capabilities(self) -> Mapping[str, Capability]:
        schema = {"type": "object"}
        return {**super().capabilities(), "numbers.read": Capability("numbers.read", False, schema)}

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        self._add({"key": f"read {params['about']}"})
        return Collected({"number": 7, "about": params["about"]})


def reading(root: Path, **changes: Any) -> Context:
    return house.context(root, service=Reading(root.parent / "service"), **changes)


@dataclass(frozen=True)
class Chain:
    """`root` is where everything is shared; `folder` holds clones and what jobs hand over; `make` gives the context of
    a clone."""

    root: Path
    folder: Path
    make: Callable[[Path], Context] = reading
    spread: Spread = NO_SPREAD
    after: str = ""

    def clone(self, name: str) -> Context:
        """A clone as a job gets it: main checked out, every other branch only as it was fetched."""
        place = self.folder / "clones" / name
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        for command in (["clone", "-q", str(self.root), str(place)],):
            subprocess.run(["git", *command], check=True)
        context = self.make(place)
        return replace(context, remote=Remote(context.git, "origin"))

    def plan(self, *, asked: Sequence[Firing] = (ASKED,), **more: Any) -> orders.Plan:
        context = self.clone("plan")
        with context.git:
            adopt(context)
            found = orders.plan(context, known=(), asked=asked, **more)
            orders.write(self.folder / "orders", found)
        return found

    def given(self) -> tuple[Order, ...]:
        return orders.read(self.folder / "orders")

    def collect(self) -> list[jobs.Report]:
        context = self.clone("collect")
        with context.git:
            return [
                jobs.work(context, order, Stage.COLLECT, received=None, out=self.folder / "collected")
                for order in self.given()
                if Stage.COLLECT.value in order.stages
            ]

    def agent(self) -> list[jobs.Report]:
        context = self.clone("agent")
        with context.git:
            return [
                jobs.work(
                    context,
                    order,
                    Stage.AGENT,
                    received=self.received("collected", order),
                    out=self.folder / "work",
                    spread=self.spread,
                )
                for order in self.given()
            ]

    def matrix(self, reports: Sequence[jobs.Report]) -> list[dict[str, str]]:
        return shares({each.order.id: each.left for each in reports if each.left}, self.spread.jobs)

    def share(self, order: Order, shard: str) -> jobs.Report:
        number, of = map(int, shard.split("/"))
        context = self.clone(f"share-{number}")
        with context.git:
            return jobs.share(
                context,
                order,
                number,
                of,
                received=self.folder / "work" / order.id,
                out=self.folder / "shares",
                spread=self.spread,
            )

    def join(self) -> list[jobs.Report]:
        context = self.clone("join")
        with context.git:
            return [
                jobs.join(
                    context,
                    order,
                    received=self.folder / "work" / order.id,
                    shares=sorted((self.folder / "shares" / order.id).glob("shard-*")),
                    out=self.folder / "joined",
                    spread=self.spread,
                )
                for order in self.given()
            ]

    def propose(self, name: str = "work") -> list[Standing]:
        """What the job that may write does with what was handed over, without what makes it safe."""
        context, found = self.make(self.root), []
        with context.git as git:
            for order in self.given():
                told = read(self.folder / name / order.id, order)
                take_in(git, self.folder / name / order.id / BUNDLE)
                if told.head not in (order.tip, order.main):
                    git.update_ref(f"refs/heads/{branch_of(order.run)}", told.head, order.tip or None, reason="test")
                if told.traces:
                    lay_traces(git, told.traces)
                keep_drift(context, told)
                found.append(carry_on(context, order.run, stage=Stage.PROPOSE))
        return found

    def received(self, name: str, order: Order) -> Path | None:
        folder = self.folder / name / order.id
        return folder if folder.is_dir() else None

    def round(self, *, asked: Sequence[Firing] = (ASKED,)) -> list[Standing]:
        """One round of the chain."""
        for name in ("orders", "collected", "work", "shares", "joined"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        self.plan(asked=asked)
        self.collect()
        spread = self.matrix(self.agent())
        if not spread:
            return self.propose()
        given = {order.id: order for order in self.given()}
        for each in spread:
            self.share(given[each["order"]], each["shard"])
        self.join()
        return self.propose("joined")


def lay_traces(git: Git, commit: str) -> None:
    files = git.tree(commit)
    contents = git.blobs(oid for _, oid in files.values())
    changes: dict[str, bytes | None] = {path: content for path, (_, content) in zip(files, contents, strict=True)}
    commit_many(git, TRACES, [Draft("traces\n", changes, AT, AIOS_NAME, AIOS_EMAIL)], expected=git.rev(TRACES))


def branch(root: Path, name: str = "aios/write-piece/a-fine-topic") -> str:
    done = subprocess.run(
        ["git", "rev-parse", "-q", "--verify", name], cwd=root, check=False, capture_output=True, text=True
    )
    return done.stdout.strip()
