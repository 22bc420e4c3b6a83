"""One order's handoff, judged from its bytes: the findings, and where its work ends where there are none.

Deterministic: the same bytes and orders give the same findings, whoever asks, whenever. No clock, no network, no
secret. Each layer is looked at only where the ones below it are in order: what is not even a pack has no commits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from aios.domain.event import Event
from aios.domain.finding import Finding
from aios.domain.handoff import Handoff, Order, Stage
from aios.domain.run import RunState
from aios.errors import AiosError
from aios.runs.context import Context
from aios.runs.definitions import load
from aios.runs.history import fact_of_event, fold
from aios.runs.verifying.before import begins_at, edited_by_hand, events_before
from aios.runs.verifying.bundle import opened
from aios.runs.verifying.chain import Made, chain, dates, moment_of
from aios.runs.verifying.contents import disorder, links, secrets, text_of
from aios.runs.verifying.contracts import SOURCES, Left, judge_left
from aios.runs.verifying.facts import Said, Story, judge_start
from aios.runs.verifying.file import read_handoff
from aios.runs.verifying.messages import as_git_reads_it, note_of
from aios.runs.verifying.paths import collisions, unsafe
from aios.runs.verifying.told import AGAIN, short, wrong
from aios.runs.verifying.traces import judge_traces
from aios.runs.verifying.trees import FILES, Changed, TooManyError, Trees
from aios.store.git import Git
from aios.store.log import read_events
from aios.store.trees import CommitTree

FINDINGS = 50  # that are told of one handoff


@dataclass(frozen=True, slots=True)
class Verified:
    """`digest` names the very bytes that were judged; `handoff` is None where the JSON is none."""

    order: Order
    digest: str
    findings: tuple[Finding, ...] = ()
    handoff: Handoff | None = None
    commits: int = 0

    @property
    def passed(self) -> bool:
        return not self.findings


@dataclass(frozen=True, slots=True)
class Material:
    """What was handed over for one order: bytes, read once. `collected` is what the collect stage handed over, None
    where nothing is known of one."""

    bundle: bytes
    handoff: bytes
    collected: Handoff | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over both files, each behind its length."""
        told = hashlib.sha256()
        for content in (self.bundle, self.handoff):
            told.update(len(content).to_bytes(8))
            told.update(content)
        return told.hexdigest()


def verify(context: Context, order: Order, material: Material) -> Verified:
    """Judge one handoff. What is wrong with it is told, never raised."""
    handoff, found = read_handoff(material.handoff, order)
    found = found or _known(context.git, order)
    commits = 0
    if handoff is not None and not found:
        with opened(context.git, material.bundle, order, handoff) as (apart, problems):
            found = list(problems)
            if apart is not None:
                case = _Case(context, apart, order, handoff, material.collected)
                found, commits = _judged(case), len(case.made)
    every = tuple(dict.fromkeys(found))[:FINDINGS]
    return Verified(order, material.digest, every, handoff, commits)


def _judged(case: _Case) -> list[Finding]:
    try:
        return case.findings()
    except TooManyError as error:
        return [wrong("size", "run.bundle", str(error))]
    except AiosError as error:
        return [wrong("state", "run.bundle", error.message, error.hint or AGAIN)]
    except Exception as error:  # noqa: BLE001  fails closed: a mistake of ours in one order is no reason to trust it
        told = f"it could not be judged: {type(error).__name__}: {error}"
        return [wrong("unexpected", "run.bundle", told, "this is a bug in aios; nothing of the handoff is used")]


def _known(git: Git, order: Order) -> list[Finding]:
    missing = [oid for oid in (order.main, order.tip) if oid and git.rev(oid) != oid]
    hint = "fetch all branches first; where the branch was deleted, the order is out of date"
    return [wrong("order", short(oid), "the order names it, and it is not here", hint) for oid in missing]


@dataclass(slots=True)
class _Case:
    """`apart` is the quarantined repository: ours, and what the bundle brings."""

    context: Context
    apart: Git
    order: Order
    handoff: Handoff
    collected: Handoff | None
    made: list[Made] = field(default_factory=list)
    trees: Trees = field(init=False)
    since: str = ""

    def __post_init__(self) -> None:
        self.trees = Trees(self.apart)
        self.since = begins_at(self.context.git, self.order)

    def findings(self) -> list[Finding]:
        self.made, found = chain(self.apart, self.since, self.handoff.head)
        found = found or self._commits()
        if found:
            return found
        changes = self._changes()
        every = [each for changed in changes for each in changed]
        found = unsafe(every) or collisions(self.apart.tree(self.since), every)
        found = found or self._facts(changes)
        if not found:
            found = self._contents(changes) + self._whole(every)
        if not found and self.handoff.traces:
            found = judge_traces(self.apart, self.trees, self.handoff.traces, self.order.run, self._known_outside())
        return found

    # Commits

    def _commits(self) -> list[Finding]:
        found = dates(self.made, earliest=moment_of(self.apart, self.since), ordered=self.order.at)
        for each in self.made:
            if note_of(each.message) is None:
                found.append(wrong("message", short(each.oid), "its message is not one that aios writes for a fact"))
        return found or self._stages()

    def _stages(self) -> list[Finding]:
        """Is `collected` one of these commits, and what the collect stage handed over?"""
        there, place = self.handoff.collected, "handoff.json"
        known = [self.since, *(each.oid for each in self.made)]
        if self.handoff.stage is Stage.COLLECT:
            wrongly = there not in ("", self.handoff.head)
            return [wrong("collected", place, "the collect stage went on behind `collected`")] if wrongly else []
        should = self.collected.head if self.collected else self.since
        if should not in known:
            return [wrong("collected", place, f"the collect stage left {should[:10]}, and that is none of its commits")]
        if (there or self.since) != should:
            return [wrong("collected", place, f"`collected` is not where the collect stage ended ({should[:10]})")]
        if self.handoff.drift != (self.collected.drift if self.collected else ""):
            return [wrong("collected", place, "it tells of another drift of services than the collect stage")]
        return []

    def _changes(self) -> list[list[Changed]]:
        """What each commit changed. Raises TooManyError."""
        before = self.apart.rev(self.since, kind="tree") or ""
        most = self.trees.count(before) + FILES
        found = []
        for each in self.made:
            if self.trees.count(each.tree) > most:
                raise TooManyError(f"{short(each.oid)} adds more than {FILES} files and folders")
            found.append(list(self.trees.changes(before, each.tree)))
            before = each.tree
        return found

    # Facts

    def _facts(self, changes: Sequence[Sequence[Changed]]) -> list[Finding]:
        context, order = self.context, self.order
        state = fold(order.run, map(fact_of_event, events_before(context.git, order)))
        if not state.started_at and not order.start:
            return [wrong("order", order.id, f"there is no run {order.run}, and the order starts none")]
        base = state.base if state.started_at else order.main
        definitions = load(context, state.workflow, base)
        told = list(read_events(self.apart, since=self.since, until=self.handoff.head)) if self.made else []
        if [event.commit for event in told] != [each.oid for each in self.made]:
            return [wrong("ancestry", short(self.handoff.head), "git tells its commits in another way")]
        edited = edited_by_hand(context.git, order, state.base)
        story, found = Story(definitions, state), list[Finding]()
        for each, event, changed, stage in zip(self.made, told, changes, self._made_by(), strict=True):
            found += self._fact(story, each, event, changed, stage, edited, base)
            if found:
                return found  # what comes next was made on a state that is not what it says
        return found

    def _made_by(self) -> list[str]:
        """Which stage made each commit."""
        if self.handoff.stage is Stage.COLLECT:
            return ["collect"] * len(self.made)
        oids = [each.oid for each in self.made]
        last = oids.index(self.handoff.collected) if self.handoff.collected in oids else -1
        return ["collect" if number <= last else "agent" for number in range(len(oids))]

    def _fact(
        self,
        story: Story,
        made: Made,
        event: Event,
        changed: Sequence[Changed],
        stage: str,
        edited: frozenset[str],
        base: str,
    ) -> list[Finding]:
        note = note_of(made.message)
        if note is None or not as_git_reads_it(event.trailers, made.message):
            return [wrong("message", short(made.oid), "git reads other trailers in its message than we do")]
        said = Said(short(made.oid), note, fact_of_event(event), stage)
        state = story.state
        if not state.started_at:
            found = judge_start(story.definitions, self.order.run, base, self.order.start, said)
            found += [wrong("writes", _shown(each.path), "a run's start changes no file") for each in changed]
            story.state = fold(self.order.run, [said.fact]) if not found else state
            return found
        start, found = story.tell(said)
        if found:
            return found
        files, wrongly = self._files(changed)
        paths = {each.path.decode() for each in changed if each.old}
        left = Left(
            said.place, made.parent, note, files, frozenset(paths), edited & files.keys(), self.context.engines.keys()
        )
        return wrongly or judge_left(self.apart, story.definitions, _based(state, base), start, left)

    def _files(self, changed: Sequence[Changed]) -> tuple[dict[str, str | None], list[Finding]]:
        files: dict[str, str | None] = {}
        found: list[Finding] = []
        for each in changed:
            path = each.path.decode()
            if not each.blob:
                files[path] = None
                continue
            text, wrongly = text_of(path, self.apart.read_blob(each.blob) or b"")
            files[path] = text
            found += wrongly
        return files, found

    # Contents

    def _contents(self, changes: Sequence[Sequence[Changed]]) -> list[Finding]:
        known, head = self._known_outside(), CommitTree(self.apart, self.handoff.head)
        folders = {path.rpartition("/")[0] for path in head.paths()}
        found: list[Finding] = []
        for made, changed, stage in zip(self.made, changes, self._made_by(), strict=True):
            if stage == "agent":
                found += secrets(short(made.oid), "", made.message, known)
            for each in changed:
                path = each.path.decode()
                if not each.blob or (stage == "collect" and path.startswith(SOURCES)):
                    continue
                before = (self.apart.read_blob(each.old) or b"").decode(errors="replace") if each.old else ""
                after = (self.apart.read_blob(each.blob) or b"").decode(errors="replace")
                found += secrets(path, before, after, known)
                if head.blob(path) == each.blob:

                    def exists(there: str) -> bool:
                        return head.blob(there) is not None or there.rstrip("/") in folders

                    found += links(path, before, after, exists, known)
        return found

    def _whole(self, every: Sequence[Changed]) -> list[Finding]:
        before, after = CommitTree(self.context.git, self.since), CommitTree(self.apart, self.handoff.head)
        return disorder(before, after, [_shown(each.path) for each in every], self.context.connectors)

    def _known_outside(self) -> Callable[[str], bool]:
        """Does a text stand in a source that was read from outside before any agent of this handoff was at work?"""
        tree = CommitTree(self.apart, self.handoff.collected or self.since)

        @cache
        def known(text: str) -> bool:
            return any(text.encode() in (tree.read(path) or b"") for path in tree.paths(SOURCES))

        return known


def _based(state: RunState, base: str) -> RunState:
    return state if state.base else replace(state, base=base)


def _shown(path: bytes) -> str:
    return path.decode(errors="backslashreplace")


def digests_of(verified: Sequence[Verified]) -> Mapping[str, str]:
    """Order id → digest, of those that passed."""
    return {each.order.id: each.digest for each in verified if each.passed}
