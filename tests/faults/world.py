"""A company with one approved effect, and one attempt at it: a process that may die at a boundary."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from aios.app import Company
from aios.connectors import registry
from aios.connectors.sidecars.passing import Passing
from aios.domain.effect import Connector, Effect, Lookup, Outcome
from aios.effects import payloads
from aios.effects.ledger import Ledger
from aios.errors import AiosError, TransientError
from aios.proposals.record import effects_of
from aios.runs.acts import acts_of
from aios.runs.conductor import Standing, carry_on
from aios.runs.context import Context
from aios.runs.effects import run_record
from aios.runs.gate import approve
from aios.runs.session import read_state
from aios.runs.start import start_run
from aios.runs.unsettled import settle_by_operator, unsettled
from aios.store.git import Git
from aios.store.log import read_events
from tests.connectors import cases
from tests.faults import notes
from tests.faults.proxy import DELIVERED, Fault, Trouble, telling

TOP = Path(__file__).parents[2]
START = datetime(2026, 3, 9, 12, tzinfo=UTC)
TRIGGER = {"kind": "manual", "key": "test", "at": "2026-03-09T12:00:00Z"}
RETRY = {"attempts": 2, "backoff": "0.05s", "ceiling": "1s"}
DIED, FIRED, TOLD = "died", "fired", "told"
TIMEOUT = 1.5  # seconds that a connector waits for an answer, where it says how long: none passes by itself
HURRIED = {"mcp": {"timeout": 2}}  # settings of those that are told
WORKFLOW = """schema: workflow.v1
name: do-it
summary: One effect behind a gate.
on: {manual: {}}
subject: it
steps:
  approve: {gate: operator}
  do: {effect: CAPABILITY, needs: [approve], with: GIVEN}
"""
FILES = {
    "state/company.yaml": "schema: company.v1\nname: Test Co\nurl: https://test.example\ntimezone: UTC\nlanguage: en\n"
    "approvers: [me@test.example]\noutgoing: live\n",
    "state/policies/rules.yaml": "schema: policy.v1\nsummary: Tests.\nrules:\n"
    "  - {name: effects, when: size(effects) > 0, then: ask, why: it leaves the house}\n",
    "state/content/hello.md": "---\nschema: content.v1\ntitle: Hello\nsummary: A greeting.\nstatus: edited\n"
    "created: 2026-03-02T09:00:00Z\ntrust: operator\n---\nHello.\n",
    ".gitignore": ".aios/\n/public/\n",
}

WAYS = {
    "notes, idempotency keys and a look-up": notes.KEYS,
    "notes, idempotency keys only": notes.BLIND_KEYS,
    "notes, a look-up only": notes.LOOKS,
    "notes, neither": notes.FORGETS,
}


def all_cases() -> dict[str, cases.Case]:
    """Every connector that writes, our own small services first."""
    registry.KINDS["notes"] = notes.kind  # type: ignore[index]
    ours = {
        name: cases.Case("notes", {}, acts=(("note.add", {"text": "Hello"}),), serve=partial(notes.serve, way))
        for name, way in WAYS.items()
    }
    return ours | {name: case for name, case in cases.CASES.items() if case.acts}


@dataclass(frozen=True, slots=True)
class Troubled(Passing):
    """A connector to something that is no service, which fails once in the ways in which one fails."""

    trouble: Trouble
    folder: Path

    def lookup(self, effect: Effect) -> Lookup:
        trouble, fired = self.trouble, self.folder / FIRED
        if trouble.mourned and trouble.recovers and not fired.exists():
            fired.touch()
            raise TransientError(f"{trouble.fault}", sent=True)
        return self.inner.lookup(effect)

    def act(self, effect: Effect) -> Outcome:
        trouble, fired = self.trouble, self.folder / FIRED
        if trouble.number < 0 or trouble.recovers or fired.exists():
            return self.inner.act(effect)
        fired.touch()
        if trouble.fault in {Fault.BUSY, Fault.REFUSED} and not trouble.kills:
            raise TransientError(f"{trouble.fault}", sent=False)
        outcome = None
        for _ in range(2 if trouble.fault is Fault.TWICE else 1 if trouble.fault in DELIVERED else 0):
            outcome = self.inner.act(effect)
        if trouble.kills:
            os.kill(os.getpid(), signal.SIGKILL)
        if outcome is None or trouble.fault not in {Fault.NONE, Fault.TWICE}:
            raise TransientError(f"{trouble.fault}", sent=True)
        return outcome


@dataclass(frozen=True, slots=True)
class Telling(Passing):
    """Says when an act begins and when it is over."""

    tell: Callable[[str], None]

    def act(self, effect: Effect) -> Outcome:
        self.tell(f"act {os.getpid()}")
        try:
            return self.inner.act(effect)
        finally:
            self.tell("end")


def hurried(thing: Any) -> Any:
    """The same connector, which waits no longer than TIMEOUT wherever it says how long it waits."""
    if not is_dataclass(thing) or isinstance(thing, type):
        return thing
    changes: dict[str, Any] = {}
    for each in fields(thing):
        value = getattr(thing, each.name)
        if each.name == "timeout" and isinstance(value, int | float):
            changes[each.name] = min(float(value), TIMEOUT)
        elif is_dataclass(value) and (hurrying := hurried(value)) is not value:
            changes[each.name] = hurrying
    return replace(thing, **changes) if changes else thing


def connect(name: str, root: Path, settings: Mapping[str, Any]) -> Connector:
    """The connector of a case in its sidecars; what it keeps of its own lies beside the company."""
    connector: Connector = hurried(
        cases.stage(all_cases()[name], beside(root), settings=settings, retry=RETRY).connector
    )
    return connector


def beside(root: Path) -> Path:
    """The folder that the connector takes for its company's: what a static site publishes lies there."""
    return root.parent / f"{root.name}-outside"


def context_of(root: Path, connector: Connector, *, seconds: int = 0, **changes: Any) -> Context:
    company = Company(Git(root), clock=lambda: START + timedelta(seconds=seconds))
    changes = {"pause": lambda _: None, **changes}
    return replace(company.context, connectors=lambda _: {"it": connector}, **changes)


def found(root: Path, name: str, number: int, settings: Mapping[str, Any]) -> str:
    """A company in `root` whose only run is approved: its effect is the `number`-th act of the case. Gives its id."""
    capability, payload = all_cases()[name].acts[number]
    given = {"record": "content/hello", **({} if capability in payloads.PAYLOADS else payload)}
    workflow = WORKFLOW.replace("CAPABILITY", capability).replace("GIVEN", json.dumps(given))
    files = {**FILES, "workflows/do-it.yaml": workflow}
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
        subprocess.run(["git", *command], cwd=root, check=True)
    with feeding(capability, payload):
        here = context_of(root, connect(name, root, settings))
        with here.git:
            run = start_run(here, "do-it", {}, trigger=TRIGGER)
            carry_on(here, run)
            approve(here, run)
    shutil.rmtree(beside(root), ignore_errors=True)
    return run


@contextmanager
def feeding(capability: str, payload: Mapping[str, Any]) -> Iterator[None]:
    """Whatever a record says, this is the payload. What no record feeds, the workflow gives."""
    before = payloads.PAYLOADS.get(capability)
    if before is None:
        yield
        return
    payloads.PAYLOADS[capability] = lambda *_: dict(payload)
    try:
        yield
    finally:
        payloads.PAYLOADS[capability] = before


@dataclass(frozen=True, slots=True)
class Attempt:
    """One `aios apply` as a process of its own, `seconds` after the run began, which dies at a boundary ("": at none).

    `port` is that of the proxy's desk; without a proxy `trouble` happens around the connector itself.
    """

    root: Path
    name: str
    settings: Mapping[str, Any]
    run: str
    port: int = 0
    seconds: int = 0
    dies: str = ""
    trouble: Trouble | None = None


def _nobody(_: str) -> None:
    return


def attempt(job: Attempt) -> None:
    """The process's whole life. What came of it is told in a file beside the company."""

    def checkpoint(name: str) -> None:
        if name == job.dies:
            (beside(job.root) / DIED).touch()
            os.kill(os.getpid(), signal.SIGKILL)

    beside(job.root).mkdir(exist_ok=True)
    with ExitStack() as open_:
        connector = connect(job.name, job.root, job.settings)
        tell = open_.enter_context(telling(job.port)) if job.port else _nobody
        if job.port:
            connector = Telling(connector, tell)
        elif job.trouble:
            connector = Troubled(connector, job.trouble, beside(job.root))
        here = context_of(job.root, connector, seconds=job.seconds, checkpoint=checkpoint, pause=lambda _: tell("wait"))
        open_.enter_context(here.git)
        try:
            standing = carry_on(here, job.run, effects=True)
            if standing.status.value == "failed":
                standing = carry_on(here, job.run, effects=True, retry=True)
            told = _told(standing)
        except AiosError as error:
            told = {"status": "error", "why": f"{type(error).__name__}: {error}", "question": None}
    (beside(job.root) / TOLD).write_text(json.dumps(told))


def _told(standing: Standing) -> dict[str, Any]:
    return {"status": standing.status.value, "why": standing.why, "question": standing.question}


def settle(job: Attempt, *, happened: bool) -> None:
    """`aios reconcile` with the truth, as the operator says it."""
    here = context_of(job.root, connect(job.name, job.root, job.settings), seconds=job.seconds)
    with here.git:
        for each in unsettled(here):
            settle_by_operator(here, each.key, happened=happened, url="")


@dataclass(frozen=True, slots=True)
class Books:
    """What the company's books say in the end: how the effect is known (its receipt's `how`, "" where it has none), how
    many events on main tell that it was done, the run's status on main, and the claims that nothing settled."""

    how: str
    events: int
    status: str
    open: int


def books(job: Attempt) -> Books:
    """What is written down: in the ledger, in the log and in the run record."""
    connector = connect(job.name, job.root, job.settings)
    here = context_of(job.root, connector)
    with here.git as git:
        done = [e for e in read_events(git, until="main", run=job.run) if e.trailer("Status") == "succeeded"]
        state, ledger = read_state(git, job.run, main="main"), Ledger(git)
        record = run_record(here, state)
        (act,) = [act for planned in effects_of(record) for act in acts_of(planned, job.run, connector)]
        receipt = ledger.get(act.key)[1]
        how = receipt.how.value if receipt else ""
        return Books(how, len(done), str(record.get("status")), len(ledger.unsettled()))
