"""The small company with a shared copy and a forge: one proposal is open there, shown in full."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from aios.domain.forge import Draft, Push
from aios.domain.names import STATUS, TRACES, branch_of
from aios.runs.adopting import Adopted, adopt_merged
from aios.runs.conductor import Standing, carry_on
from aios.runs.context import Context, Identity
from aios.runs.explaining import explain_run
from aios.runs.replay import Verdict, replay
from aios.runs.session import events_of
from aios.runs.shared_main import catch_up
from aios.store.git import Git
from aios.store.log import read_events
from aios.store.remote import Move, Remote
from aios.store.trees import CommitTree
from tests.gate.hub import BOT, Hub, git
from tests.runs import house

RUN, BRANCH, PIECE = house.RUN_ID, branch_of(house.RUN_ID), "state/content/a-fine-topic.md"
LATER = timedelta(hours=1)


@dataclass
class House:
    """`work` is a clone as a job has it. The service counts what it was told, whoever told it."""

    top: Path
    work: Path
    hub: Hub

    def context(self, place: str = "work", **changes: Any) -> Context:
        at = self.top / place
        if not at.exists():
            git(self.top, "clone", "-q", str(self.hub.bare), place)
            git(at, "config", "user.name", "bot")
            git(at, "config", "user.email", "bot@test.example")
            if git(self.hub.bare, "for-each-ref", TRACES):
                git(at, "branch", "-q", "aios/traces", "origin/aios/traces")
        here = Git(at)
        made = house.context(at, service=self.service, later=LATER, operator=Identity("bot", "bot@test.example"))
        return replace(made, **{"git": here, "remote": Remote(here), "forge": self.hub, **changes})

    @property
    def service(self) -> house.Counting:
        return house.Counting(self.top / "service")

    @property
    def sent(self) -> int:
        return len(self.service.done())

    def adopt(self, context: Context | None = None) -> list[Adopted]:
        here = context or self.context()
        with here.git:
            assert here.remote is not None
            here.remote.fetch()
            catch_up(here)
            return adopt_merged(here)

    def apply(self, context: Context | None = None) -> Standing:
        here = context or self.context()
        with here.git:
            return carry_on(here, RUN, effects=True)

    def approvals(self, place: str = "work") -> int:
        here = Git(self.top / place)
        with here:
            return sum(event.type == "proposal.approved" for event in events_of(here, RUN, main="main"))

    def propose(self, context: Context | None = None) -> int:
        """Push the branch as the propose job does, and show it on the forge; its number there."""
        here = context or self.context()
        with here.git:
            tip, remote = here.git.commit(BRANCH), here.remote
            assert remote is not None
            remote.fetch()
            remote.push([Move(BRANCH, tip, remote.tip(BRANCH)), *self._traces(here, remote)])
        number = self.hub.open(Draft(BRANCH, "main", "Publish a fine topic", "What it does.")).number
        self.hub.status(tip, STATUS, "success", "1 effect shown")
        return number

    def _traces(self, here: Context, remote: Remote) -> list[Move]:
        tip = here.git.rev(TRACES)
        return [Move(TRACES, tip, remote.tip("aios/traces"))] if tip and tip != remote.tip("aios/traces") else []

    def truth(self, *, approved_by: str = "", place: str = "work") -> None:
        """The log counts each step once, `explain` names who decided, and the run can be executed again from it."""
        here = self.context(place)
        with here.git:
            events = list(read_events(here.git, until="main", run=RUN))
            slots = [(e.type, e.trailer("Step"), e.trailer("Item"), e.trailer("Attempt")) for e in events]
            once = [slot for slot in slots if slot[0] not in {"proposal.refreshed", "proposal.continued"}]
            assert len(once) == len(set(once)), slots
            told = {link.what: link.says for link in explain_run(here, CommitTree(here.git, "main"), RUN)}
            assert (f"by operator:{approved_by} at" in told.get("approved", "")) == bool(approved_by), told
            assert ("proposal.approved" in {event.type for event in events}) == bool(approved_by)
            if events:
                assert any(what.startswith("step ") for what in told)
                differing = [each for each in replay(here, RUN) if each.verdict is Verdict.DIFFERS]
                assert not differing, differing[0]

    def piece(self, change: Callable[[str], str]) -> str:
        return change(git(self.hub.bare, "show", f"{BRANCH}:{PIECE}") + "\n")


def found(top: Path, *, rules: str = "") -> House:
    """A company, its shared copy, and one run up to its gate."""
    top.mkdir(parents=True)
    seed = top / "seed"
    seed.mkdir()
    house.found(seed)
    company = seed / "state/company.yaml"
    company.write_text(company.read_text().replace("[me@test.example]", '[me@test.example, "github:ann"]'))
    if rules:
        (seed / "state/policies/more.yaml").write_text(f"schema: policy.v1\nsummary: More.\nrules:\n{rules}")
    git(seed, "add", "-A")
    git(seed, "commit", "-q", "-m", "approvers")
    git(top, "clone", "-q", "--bare", "seed", "hub.git")
    shutil.rmtree(seed)
    made = House(top, top / "work", Hub(top / "hub.git"))
    here = made.context()
    with here.git:
        run = house.start(here)
        assert run == RUN
        carry_on(here, run)
    made.propose(here)
    return made


def copied(template: House, top: Path) -> House:
    """The same in another place; the clone is new, as a job's is."""
    shutil.copytree(template.hub.bare, top / "hub.git")
    hub = copy.deepcopy(template.hub)
    hub.bare = top / "hub.git"
    return House(top, top / "work", hub)


__all__ = ["BOT", "BRANCH", "PIECE", "RUN", "House", "Push", "copied", "found", "replace"]
