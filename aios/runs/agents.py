"""How agents do: every attempt in the log, by agent and version, and whether a version does worse than the last."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import comb
from typing import Any

from aios.agents.contract import load, load_all
from aios.domain.agent import Contract
from aios.domain.finding import Finding, Severity
from aios.domain.names import AGENTS
from aios.domain.tree import Tree
from aios.domain.workflow import StepKind
from aios.errors import AiosError
from aios.runs.context import Context
from aios.runs.definitions import check_workflows
from aios.runs.routing import uses_model
from aios.store.documents import parse
from aios.store.trees import CommitTree

FEWEST = 8  # attempts of each version that are compared
SURE = 0.05  # how likely chance alone may be where a version is said to do worse
_TRAILERS = ("Event", "Run", "Step", "Item", "Attempt", "Status", "Actor", "Key", "Usage", "Output")


@dataclass(frozen=True, slots=True)
class Done:
    """One attempt. `version` is 0 where the log does not say; `outcome` is succeeded, failed or asked."""

    agent: str
    version: int
    run: str
    at: datetime
    outcome: str
    usage: Mapping[str, Any] = field(default_factory=dict)
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one version of an agent. `score` is the median of what the editor said of its pieces."""

    agent: str
    version: int
    attempts: int
    failed: int
    asked: int
    runs: int
    rejected: int
    usd: float
    tokens: int
    score: float | None
    first: datetime
    last: datetime

    @property
    def bad(self) -> int:
        return self.failed + self.asked

    def as_dict(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in self.__slots__}
        return {**told, "first": self.first.isoformat(), "last": self.last.isoformat()}


@dataclass(frozen=True, slots=True)
class Known:
    """A contract with where it is used and what it would run on. `versions` come oldest first."""

    contract: Contract
    workflows: tuple[str, ...]
    runs_on: str
    versions: tuple[Record, ...]


def known_agents(context: Context, rejected: Iterable[str] = ()) -> list[Known]:
    """Every agent of main, by name. `rejected` are ids of runs that the operator rejected."""
    tree = CommitTree(context.git, context.main)
    contracts, _ = load_all(tree, parse=parse)
    workflows, _ = check_workflows(tree, context.connectors(tree))
    uses: dict[str, list[str]] = {}
    steps: dict[tuple[str, str], str] = {}
    for name, workflow in sorted(workflows.items()):
        for step in workflow.steps.values():
            if step.kind is StepKind.AGENT:
                steps[name, step.name] = step.uses
                uses.setdefault(step.uses, []).append(name)
    records = records_of(attempts(context, steps), set(rejected))
    return [
        Known(
            contract,
            tuple(dict.fromkeys(uses.get(name, ()))),
            _runs_on(context, contract, tree),
            tuple(record for record in records if record.agent == name),
        )
        for name, contract in sorted(contracts.items())
    ]


def attempts(context: Context, steps: Mapping[tuple[str, str], str]) -> list[Done]:
    """Every attempt at an agent's step on any branch, oldest first. `steps` tells whose a step is where a failure or a
    question does not say; its version is the contract's in the commit that tells of it, for a run is pinned to that."""
    form = "%H%x00%ct%x00" + "%x00".join(f"%(trailers:key=Aios-{name},valueonly,separator=%x20)" for name in _TRAILERS)
    asked = ("log", "--all", "--reverse", "-z", "--grep=^Aios-Step: ", f"--format={form}")
    told = context.git.text(*asked).split("\0")
    found: dict[str, Done] = {}
    versions: dict[tuple[str, str], int] = {}
    size = len(_TRAILERS) + 2
    for start in range(0, len(told) - size + 1, size):
        commit, at, event, run, step, _, _, status, actor, key, usage, output = told[start : start + size]
        outcome = "asked" if event == "question.asked" else status
        name, _, version = actor.removeprefix("agent:").partition("@") if actor.startswith("agent:") else ("", "", "")
        agent = name or steps.get((run.partition("/")[0], step), "")
        if not agent or outcome not in {"succeeded", "failed", "asked"} or key in found:
            continue
        if version.isdigit():
            versions[run, agent] = int(version)
        elif (run, agent) not in versions:
            versions[run, agent] = _version_at(context, commit.strip(), agent)
        score = _mapping(output).get("score")
        found[key or f"{run}{step}{start}"] = Done(
            agent,
            versions[run, agent],
            run,
            datetime.fromtimestamp(int(at.strip()), UTC),
            outcome,
            _mapping(usage),
            float(score) if isinstance(score, int | float) else None,
        )
    return list(found.values())


def _version_at(context: Context, commit: str, agent: str) -> int:
    """0 where the contract of that time cannot be read."""
    contract, _ = load(CommitTree(context.git, commit), agent, parse=parse)
    return contract.version if contract else 0


def records_of(done: Sequence[Done], rejected: set[str]) -> list[Record]:
    """By agent and version. What the editor scored counts for the writer of the same run too."""
    scores = {each.run: each.score for each in done if each.score is not None}
    groups: dict[tuple[str, int], list[Done]] = {}
    for each in done:
        groups.setdefault((each.agent, each.version), []).append(each)
    found = []
    for (agent, version), members in sorted(groups.items()):
        runs = {each.run for each in members}
        points = sorted(score for run in runs if (score := scores.get(run)) is not None)
        found.append(
            Record(
                agent,
                version,
                attempts=len(members),
                failed=sum(each.outcome == "failed" for each in members),
                asked=sum(each.outcome == "asked" for each in members),
                runs=len(runs),
                rejected=len(runs & rejected),
                usd=round(sum(_number(each.usage.get("usd")) for each in members), 6),
                tokens=int(sum(_number(each.usage.get(name)) for each in members for name in ("input", "output"))),
                score=points[len(points) // 2] if points and agent in {"writer", "editor"} else None,
                first=min(each.at for each in members),
                last=max(each.at for each in members),
            )
        )
    return found


def drift(records: Sequence[Record]) -> list[Finding]:
    """Where the newest version of an agent does worse than the one before, and chance is no good explanation."""
    found = []
    by_agent: dict[str, list[Record]] = {}
    for record in records:
        by_agent.setdefault(record.agent, []).append(record)
    for agent, versions in sorted(by_agent.items()):
        if len(versions) < 2:
            continue
        old, new = sorted(versions, key=lambda record: record.version)[-2:]
        for what, a, b, of_a, of_b in (
            ("failed or asked", old.bad, new.bad, old.attempts, new.attempts),
            ("was rejected", old.rejected, new.rejected, old.runs, new.runs),
        ):
            odds = chance(a, of_a, b, of_b)
            if min(of_a, of_b) >= FEWEST and odds < SURE:
                message = (
                    f"{agent}@{new.version} {what} {b} of {of_b} times, version {old.version} {a} of {of_a}; "
                    f"by chance once in {round(1 / odds) if odds else 'a great many'}"
                )
                path, hint = f"{AGENTS}{agent}.yaml", f"`aios agents history {agent}`, `git log {AGENTS}{agent}.md`"
                found.append(Finding(path, 0, 0, "agent-drift", message, hint, Severity.WARNING))
    return found


def chance(bad_before: int, before: int, bad_after: int, after: int) -> float:
    """How likely at least so many bad ones fall to the later group by chance (Fisher's exact test, one-sided)."""
    bad, whole = bad_before + bad_after, before + after
    if not before or not after:
        return 1.0
    ways = comb(whole, bad)
    return sum(comb(after, k) * comb(before, bad - k) for k in range(bad_after, min(bad, after) + 1)) / ways


def _runs_on(context: Context, contract: Contract, tree: Tree) -> str:
    offline = contract.name in context.engines and contract.tier.value == "offline"
    try:
        models = {tier.value: model.name for tier, model in context.models(tree).items()}
    except AiosError as error:
        return error.message
    if offline and not (models and uses_model(context, contract.name, tree)):
        return "offline"
    if not models:
        return "needs a model"
    return ", ".join(f"{tier}: {name}" for tier, name in models.items()) + (", else offline" if offline else "")


def _mapping(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
