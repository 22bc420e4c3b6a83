"""The matrix: each act of each connector × where we die × what fails. Each cell is a company with one approved effect.

`aios apply` is repeated as its operator would until death and fault have both happened and the run stands still;
what is asked is answered with the truth. Then the service is counted and the books are read.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aios.connectors.static_site.articles import load_all
from aios.connectors.static_site.output import DATA
from aios.domain.effect import Capability
from tests.connectors.cases import Case, effect, stage
from tests.connectors.stands import Stand
from tests.faults.proxy import Fault, HttpProxy, Trouble
from tests.faults.smtp import SmtpProxy
from tests.faults.world import (
    DIED,
    FIRED,
    HURRIED,
    TOLD,
    Attempt,
    Books,
    all_cases,
    attempt,
    beside,
    books,
    connect,
    found,
    settle,
)

# What is printed → the checkpoint at which a process dies; in the middle of an act it is the proxy that ends it.
BOUNDARIES = {
    "not killed": "",
    "before claim": "before claim",
    "after claim": "after claim",
    "during act": "during act",
    "after act": "after act",
    "before receipt": "before receipt",
    "during bookkeeping": "before commit to main",
}
FAULTS = tuple(Fault)
# Where the act itself fails so, no process gets to these boundaries: it is the look-up of the recovery that fails so.
RECOVERING = {
    (boundary, fault)
    for boundary in ("after act", "before receipt")
    for fault in (Fault.SLOW, Fault.ERROR_AFTER, Fault.CUT, Fault.LATE)
}
MOST = 8  # attempts; every cell needs fewer


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of one cell. `seen` is how often the service did the act, `how` the receipt's word on it, `asked` how
    often the operator was asked, `attempts` how many times `aios apply` ran. `died` and `failed`: did it happen at all?
    """

    seen: int
    how: str
    asked: int
    attempts: int
    died: bool
    failed: bool
    books: Books
    why: str = ""

    def __str__(self) -> str:
        asked = "asked, " if self.asked else ""
        return f"{self.seen} {asked}{self.how or self.why or 'not done'}"


@dataclass
class Column:
    """One act of one case, set up once: its company, its proxy, and how an undisturbed act is counted."""

    name: str
    case: Case
    number: int
    folder: Path
    run: str = ""
    whole: int = 0
    proxy: HttpProxy | SmtpProxy | None = None
    changing: tuple[str, ...] = field(default=())
    capability: Capability = field(init=False)

    @property
    def title(self) -> str:
        return f"{self.name}: {self.case.acts[self.number][0]}"

    def measure(self) -> None:
        """Do the act once, undisturbed: what the service counts then, and how many requests it takes."""
        if self.whole:
            return
        cell, counted, seen = self._tried("not killed", Fault.NONE, -1)
        assert cell.how == "acted", cell
        self.whole, self.changing = counted, tuple(seen)

    def cell(self, boundary: str, fault: Fault, request: int = -1) -> Cell:
        """`request` is the changing request of the act that the fault befalls: the last where it is negative."""
        self.measure()
        number = request if request >= 0 else max(0, len(self.changing) - 1)
        cell, counted, _ = self._tried(boundary, fault, number)
        return replace(cell, seen=-(-counted // self.whole))

    def _tried(self, boundary: str, fault: Fault, number: int) -> tuple[Cell, int, list[str]]:
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            root = Path(place) / "company"
            shutil.copytree(self.folder / "company", root)
            trouble = Trouble(fault, number, boundary == "during act", (boundary, fault) in RECOVERING)
            with self.service(root, trouble) as (stand, settings):
                job = Attempt(root, self.name, settings, self.run, self.proxy.desk.port if self.proxy else 0)
                return self._played(job, boundary, trouble, stand)

    def _played(self, job: Attempt, boundary: str, trouble: Trouble, stand: Stand) -> tuple[Cell, int, list[str]]:
        before, dies, asked, attempts = stand.count(), BOUNDARIES[boundary], 0, 0
        outside = beside(job.root)
        told: dict[str, Any] = {}
        while attempts < MOST:
            attempts += 1
            job = replace(job, seconds=job.seconds + 10, trouble=None if self.proxy else trouble)
            if self._has_died(outside, trouble):
                dies, trouble.mourned = "", True
            told = _tried_once(replace(job, dies="" if dies == "during act" else dies), alone=bool(dies))
            if self.proxy:
                self.proxy.desk.opens(True)
            if told.get("question"):
                asked += 1
                self._arrives()  # it is a while until somebody looks
                settle(job, happened=bool(stand.count() - before))
            elif told and told["status"] == "done":
                break
        seen = list(self.proxy.desk.act.seen) if self.proxy else []
        self._arrives()
        if self.proxy is None and trouble.fault is Fault.LATE and trouble.number >= 0:
            capability, payload = self.case.acts[self.number]
            connector = connect(job.name, job.root, job.settings)
            connector.act(effect(connector, capability, payload))
        counted = (stand.count() - before).total()
        written = books(job)
        failed = trouble.fired or (outside / FIRED).exists()
        died = self._has_died(outside, trouble)
        why = "" if written.how else str(told.get("why"))
        return Cell(counted, written.how, asked, attempts, died, failed, written, why), counted, seen

    def _arrives(self) -> None:
        if self.proxy:
            self.proxy.deliver()

    def _has_died(self, outside: Path, trouble: Trouble) -> bool:
        return (outside / DIED).exists() or trouble.killed or (trouble.kills and (outside / FIRED).exists())

    @contextmanager
    def service(self, root: Path, trouble: Trouble) -> Iterator[tuple[Stand, Mapping[str, Any]]]:
        """A fresh service in which everything before the act was done, and the connector's settings."""
        stand = self.case.serve() if self.case.serve else _files(root)
        try:
            own = {**self.case.settings, **HURRIED.get(self.case.use, {})}
            direct = stage(self.case, beside(root), settings={**stand.settings(stand.address), **own})
            for capability, payload in self.case.acts[: self.number]:
                direct.connector.act(effect(direct.connector, capability, payload))
            if self.proxy:
                self.proxy.begin(stand.address, trouble)
            address = self.proxy.address if self.proxy else stand.address
            yield stand, {**stand.settings(address), **own}
        finally:
            stand.stop()


def _files(root: Path) -> Stand:
    """A static site as something that counts: the acts that it knows of."""

    def count() -> Counter[str]:
        articles = load_all(beside(root) / "public" / DATA / "articles")
        return Counter(f"{act.capability} {id_}" for id_, article in articles.items() for act in article.acts)

    return Stand("", lambda _: {}, count, count, lambda: None)


def _tried_once(job: Attempt, *, alone: bool) -> dict[str, Any]:
    """What one attempt told, in a process of its own where it may die; nothing where it died."""
    told = beside(job.root) / TOLD
    told.unlink(missing_ok=True)
    if alone:
        process = FORKING.Process(target=attempt, args=(job,))
        process.start()
        process.join()
        assert process.exitcode in {0, -signal.SIGKILL}, f"the attempt ended with {process.exitcode}"
    else:
        attempt(job)
    found: dict[str, Any] = json.loads(told.read_text()) if told.exists() else {}
    return found


# Forks processes from a clean one: what is killed never held a lock of ours.
FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["tests.faults.world"])


@contextmanager
def column(name: str, number: int) -> Iterator[Column]:
    case = all_cases()[name]
    with tempfile.TemporaryDirectory() as place:
        made = Column(name, case, number, Path(place))
        if case.serve is not None:
            made.proxy = SmtpProxy() if case.use == "mail" else HttpProxy()
        root = made.folder / "company"
        root.mkdir()
        try:
            with made.service(root, Trouble()) as (_, settings):
                made.run = found(root, name, number, settings)
                made.capability = connect(name, root, settings).capabilities()[case.acts[number][0]]
            yield made
        finally:
            if made.proxy:
                made.proxy.close()


def columns() -> list[tuple[str, int]]:
    """Every act of every connector that writes."""
    return [(name, number) for name, case in all_cases().items() for number in range(len(case.acts))]
