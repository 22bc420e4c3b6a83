"""Two years of a made-up company's memory, day by day, run by run: what is learned, asked, corrected, used, folded.

Every day a customer is answered and visits and sales are watched; every week two pieces are written and an old one is
refreshed, whereby notes of old are superseded; every four weeks memory is compacted, if it is at all. Agents' work is
made up; all that concerns memory is the product's own: recall, working memory, run records, archivist, its checks.
Two companies of one seed live through the same, whatever either of them remembers.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aios.agents.contract import load
from aios.agents.offline.archivist import archivist
from aios.agents.tools import ContractTools
from aios.agents.working import WorkingMemory
from aios.domain.agent import AgentCall, AgentReply, Contract
from aios.domain.finding import Finding
from aios.domain.front_matter import render_markdown, render_yaml
from aios.domain.memory import Hit
from aios.domain.names import run_record_path
from aios.domain.tree import Tree
from aios.memory.recall import Memory
from aios.runs.remembering import memory_checked
from aios.store.catalog import Catalog, Parsed
from aios.store.documents import parse
from aios.store.trees import OverlayTree
from tests.benchmarks.growing_tree import GrowingTree

ROOT = Path(__file__).parents[2]
START = datetime(2024, 11, 4, tzinfo=UTC)  # a Monday
QUESTIONS = 4  # a piece
PASSAGES = 5  # a research note
COMPACTED = 28  # days
COMPACTIONS = 4  # attempts, where a check holds one back
_NOTE = re.compile(r"memory/\S+?\.md")

# Beside what the policy in the box says: what customers were told.
TICKETS = "kinds:\n  ticket: {fold_after_days: 90, unused_days: 60, passages: 1}\n"
_FORMS = "annual monthly early late small large public private first second shared plain".split()  # noqa: SIM905
_THINGS = """
    price plan churn notice refund invoice renewal discount trial support mail letter margin survey page copy headline
    experiment cohort segment upgrade downgrade seat usage credit limit contract term tax adviser reseller partner
    webinar guide checklist template onboarding migration export import backup audit
""".split()  # noqa: SIM905
_FOR = """
    agencies translators studios schools charities bakers dentists lawyers builders florists printers tutors brewers
    tailors potters binders
""".split()  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Fact:
    """What was noted, where, and how one would ask for it. `figure` is nowhere else."""

    path: str
    question: str
    figure: str


@dataclass(slots=True)
class Company:
    """`index` is the file of its index. What it went through since the last look: `contexts` in tokens."""

    index: Path
    is_compacted: bool
    tree: GrowingTree = field(init=False)
    memory: Memory = field(init=False)
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    facts: dict[str, Fact] = field(default_factory=dict)  # those that hold, by path
    contexts: list[int] = field(default_factory=list)
    runs: int = 0
    noted: int = 0
    folded: int = 0
    refused: int = 0  # proposals of the archivist that a check held back
    parsed: Parsed = field(default_factory=dict)
    contracts: dict[str, Contract] = field(default_factory=dict)

    def __post_init__(self) -> None:
        places = ("state/schemas/*.json", "state/agents/*")
        files = {path.relative_to(ROOT).as_posix(): path.read_bytes() for place in places for path in ROOT.glob(place)}
        policy = (ROOT / "memory/policy.yaml").read_text().replace("kinds:\n", TICKETS, 1)
        self.tree = GrowingTree(files | {"memory/policy.yaml": policy.encode()})
        self.memory = Memory(self.index)
        for name in ("archivist", "planner", "researcher", "writer"):
            contract, findings = load(self.tree, name, parse=parse)
            if contract is None:
                raise SystemExit(str(findings[0]))
            self.contracts[name] = contract

    def live(self, day: int) -> None:
        now = START + timedelta(days=day)
        self._answer_a_customer(now + timedelta(hours=9))
        for hour, what in ((6, "visits"), (7, "sales")):
            self._watch(now + timedelta(hours=hour), what)
        if now.weekday() in {0, 3}:
            self._publish(now + timedelta(hours=13))
        if now.weekday() == 4:
            self._refresh(now + timedelta(hours=14))
        if self.is_compacted and day % COMPACTED == COMPACTED - 1:
            self._compact(now + timedelta(hours=20))

    # Runs

    def _answer_a_customer(self, now: datetime) -> None:
        """Somebody asks what the company knows, mostly of late; what they were told is noted."""
        known = list(self.facts.values())
        asked = known[-1 - min(int(self.chance.expovariate(1 / 60)), len(known) - 1)] if known else None
        hits = self._call("researcher", asked.question if asked else "anything", now)
        used = sorted({hit.path for hit in hits if asked and asked.figure in hit.text})
        things, figure = self.chance.sample(_THINGS, 2), self._figure()
        who = self.chance.choice(_FOR)
        said = f"A customer of the {who} wanted to know about {things[0]} and {things[1]}; told them {figure}."
        body = f"{said}\n\n{self._chatter(12)}\n\n{self._chatter(12)}\n"
        name = f"{now:%Y-%m-%d}"
        question = f"What was the customer of the {who} told about {things[0]} and {things[1]} in {now:%B %Y}?"
        self._note("ticket", f"memory/tickets/{name}.md", f"Ticket {name}: {things[0]}", body, now, question, figure)
        self._record("answer-customer", name, now, used)

    def _watch(self, now: datetime, what: str) -> None:
        views = self.chance.randint(100, 900)
        metric = {"schema": "metric.v1", "name": what, "value": views, "date": f"{now:%Y-%m-%d}"}
        self.tree.change({f"state/metrics/{now:%Y/%m/%d}-{what}.yaml": render_yaml(metric)})
        if now.weekday() == 6 and what == "visits":
            thing = self.chance.choice(_THINGS)
            body = f"Readers stay for the {thing}: {views} views this week.\n"
            data = {"schema": "note.v1", "kind": "lesson", "title": f"Pages on {thing}", "created": _at(now)}
            path = f"memory/lessons/pages-on-{thing}.md"  # learned again, it takes its own place
            self.tree.change({path: render_markdown({**data, "trust": "derived"}, body)})
        self._record("watch-content", f"{what}-{now:%Y-%m-%d}", now, [])

    def _publish(self, now: datetime) -> None:
        form, thing, whom = self.chance.choice(_FORMS), self.chance.choice(_THINGS), self.chance.choice(_FOR)
        name = f"{form}-{thing}-for-{whom}-{now:%y%m%d}"
        self._call("planner", f"{form} {thing} for {whom}", now)
        parts, used = [], set()
        for number in range(QUESTIONS):
            about = self.chance.sample(_THINGS, 2)
            question = f"What is known of {about[0]} and {about[1]} for the {form} {thing} for {whom}?"
            used |= {hit.path for hit in self._call("researcher", question, now)[:2] if "/research/" in hit.path}
            figure = self._figure()
            said = f"Of {about[0]} and {about[1]} at {whom} it is known that {figure} keep to the {form} {thing}."
            body = f"# {about[0]} and {about[1]}\n\n> {said}\n\n{self._passages()}"
            path = f"memory/research/{name}-q{number + 1}.md"
            title = f"{about[0].capitalize()} and {about[1]}: {PASSAGES} passages"
            self._note("research", path, title, body, now, question, figure, content=name)
            parts.append(f"## {about[0].capitalize()}\n\n{self._chatter(8)}")
        self._call("writer", f"{form} {thing} for {whom}", now)
        head = {"schema": "content.v1", "title": f"{form} {thing} for {whom}".capitalize(), "status": "published"}
        text = render_markdown({**head, "date": f"{now:%Y-%m-%d}"}, "\n\n".join(parts) + "\n")
        self.tree.change({f"state/content/{name}.md": text})
        self._record("publish-content", name, now, sorted(used))

    def _refresh(self, now: datetime) -> None:
        """An old fact is looked up again: there is a new figure, and its note takes the old one's place."""
        old = [fact for fact in self.facts.values() if "/research/" in fact.path]
        if len(old) < 60:
            return
        fact = old[self.chance.randrange(len(old) - 50)]
        figure = self._figure()
        hits = self._call("researcher", fact.question, now)
        used = sorted({hit.path for hit in hits if fact.figure in hit.text})
        body = f"# Looked up again\n\n> {fact.question} It is {figure} by now.\n\n{self._passages()}"
        path = f"{fact.path.removesuffix('.md')}-{now:%y%m%d}.md"
        before = self.tree.read(fact.path)
        document = parse(fact.path, before)[0] if before else None
        if document:  # else it was folded: what the summary says of it stands, and the newer one is found beside it
            data = {**document.data, "replaced_by": path}
            self.tree.change({fact.path: render_markdown(data, document.body or "")})
        del self.facts[fact.path]
        self._note("research", path, f"{fact.question} (anew)", body, now, fact.question, figure)
        self._record("refresh-content", path.rpartition("/")[2].removesuffix(".md"), now, used)

    def _compact(self, now: datetime) -> None:
        """The archivist proposes; where its contract's checks find nothing, the operator approves."""
        for _ in range(COMPACTIONS):
            reply = self._folding(now)
            wrong = self._lost(reply, now)
            if not wrong:
                self.tree.change(reply.files)
                self.folded += int(reply.output["folded"])
                break
            self.refused += 1
            for path in {path for finding in wrong for path in _NOTE.findall(finding.message)}:
                document = parse(path, self.tree.read(path) or b"")[0]
                if document:  # the operator does what the finding's hint says
                    self.tree.change({path: render_markdown({**document.data, "importance": 0.9}, document.body or "")})
        self._record("compact-memory", "old-notes", now, [])

    def _folding(self, now: datetime) -> AgentReply:
        contract = self.contracts["archivist"]
        records = Catalog(self.tree, parsed=self.parsed).records
        tools = ContractTools(self.tree, contract, recall=lambda *_: (), records=records)
        return archivist(AgentCall(contract, {}, f"compact-memory/old-notes/{_ulid(now)}", "fold", _at(now)), tools)

    def _lost(self, reply: AgentReply, now: datetime) -> list[Finding]:
        after = {path: None if text is None else text.encode() for path, text in reply.files.items()}

        def recall(tree: Tree, query: str, limit: int) -> list[Hit]:
            return self.memory.recall(tree, query, limit=limit, now=_at(now))

        contract = self.contracts["archivist"]
        checked = memory_checked(contract, reply.files, self.tree, OverlayTree(self.tree, after), recall)
        return list(checked.findings)

    # What runs are made of

    def _call(self, agent: str, question: str, now: datetime) -> list[Hit]:
        """What an agent on a model is given at the start."""
        contract = self.contracts[agent]
        hits = self.memory.recall(self.tree, question, limit=contract.context_recall, only=contract.reads, now=_at(now))
        given = WorkingMemory(contract.context_tokens)
        kept = given.begin(AgentCall(contract, {"question": question}, "run", "step", _at(now)), hits)
        tokens = given.manifest()["tokens"]
        self.contexts.append(tokens["instructions"] + tokens["task"])
        return kept

    def _note(
        self, kind: str, path: str, title: str, body: str, now: datetime, question: str, figure: str, content: str = ""
    ) -> None:
        self.noted += 1
        places = [{"source": f"state/sources/{kind}.md", "start": self.noted * 1_000, "end": self.noted * 1_000 + 200}]
        data: dict[str, Any] = {"schema": "note.v1", "kind": kind, "title": title, "question": question}
        data |= {"created": _at(now), "trust": "external" if kind == "ticket" else "derived", "x-passages": places}
        if content:
            data["content"] = content
        self.tree.change({path: render_markdown(data, body)})
        self.facts[path] = Fact(path, question, figure)

    def _record(self, workflow: str, subject: str, now: datetime, used: Sequence[str]) -> None:
        self.runs += 1
        run = f"{workflow}/{subject}/{_ulid(now)}"
        data = {
            "schema": "run.v1", "run": run, "workflow": workflow, "subject": subject, "status": "succeeded",
            "started": _at(now), "finished": _at(now + timedelta(minutes=4)), "reuse": {"notes": list(used)},
        }  # fmt: skip
        self.tree.change({run_record_path(run, _at(now)): render_yaml(data)})

    def _figure(self) -> str:
        return f"{self.chance.randint(11, 9_899)} of {self.chance.randint(9_900, 99_999)}"

    def _passages(self) -> str:
        """What else a note quotes."""
        return "".join(f"> {self._chatter(7)}\n\n— source {number}\n\n" for number in range(2, PASSAGES + 1))

    def _chatter(self, sentences: int) -> str:
        pick = self.chance.choice
        return " ".join(f"{pick(_THINGS).capitalize()} and {pick(_THINGS)} matter too." for _ in range(sentences))

    # A look at it

    def look(self, day: int, asked: Sequence[Fact]) -> Mapping[str, float]:
        """Figures as they are that evening; `asked` are facts of all ages. Closes the index, as a command does."""
        now = _at(START + timedelta(days=day, hours=22))
        times, found = [], 0
        self.memory.recall(self.tree, "warm up", now=now)
        for fact in asked:
            began = time.thread_time()
            hits = self.memory.recall(self.tree, fact.question, limit=10, now=now)
            times.append(time.thread_time() - began)
            found += any(fact.figure in hit.text for hit in hits)
        self.memory.close()
        notes = [path for path in self.tree.paths("memory/") if path.endswith(".md")]
        contexts, self.contexts = self.contexts, []
        return {
            "runs": self.runs,
            "notes": len(notes),
            "kib": sum(len(self.tree.files[path]) for path in notes) / 1024,
            "mb": sum(file.stat().st_size for file in self.index.parent.glob(f"{self.index.name}*")) / 1e6,
            "ms": sorted(times)[len(times) // 2] * 1e3,
            "context": sum(contexts) / len(contexts),
            "most": max(contexts),
            "found": found,
        }


def _at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _ulid(moment: datetime) -> str:
    """Made of the time alone: no two runs of a workflow begin in one second."""
    letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    number = int(moment.timestamp() * 1000)
    return "".join(letters[number >> (5 * place) & 31] for place in reversed(range(10))) + "0" * 16
