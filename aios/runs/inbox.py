"""What waits, for whom, and why: one list, most urgent first, the same everywhere it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from aios.domain.event import one_line
from aios.domain.keys import moment_of_ulid
from aios.domain.names import BRANCHES, RESERVED_WORKFLOWS, branch_of, run_record_path
from aios.domain.run import Finish, RunState, RunStatus, Start, Wait
from aios.domain.wording import counted
from aios.domain.workflow import StepKind
from aios.effects.ledger import Hold, Ledger
from aios.errors import AiosError, UsageError
from aios.proposals.record import awaited_effects, effects_of, verdict_of
from aios.runs.adapting import ADAPTATION
from aios.runs.context import Context
from aios.runs.decide import decide
from aios.runs.definitions import load
from aios.runs.effects import run_record
from aios.runs.gate import open_gate
from aios.runs.history import utc
from aios.runs.questions import Question, open_questions
from aios.runs.session import read_state
from aios.runs.start import run_on_branch
from aios.store.documents import parse

# Most urgent first: what blocks work already begun stands before what would begin something.
KINDS = ("effect", "question", "failed", "confirm", "proposal", "digest", "denied", "interrupted", "approved", "timer")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that waits. `needs_you` tells a decision from a mere wait; `command` is what to type.

    A question that no run asks has its record in `record` and no `run`. `held` marks approved effects that were begun
    and wait: until `until`, where that is known.
    """

    id: str
    run: str
    kind: str
    title: str
    why: str
    since: str
    command: str
    effects: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    record: str = ""
    until: str = ""
    usd: float = 0.0
    tokens: int = 0
    held: bool = False

    @property
    def needs_you(self) -> bool:
        return self.kind != "timer"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"needs_you": self.needs_you}


def open_runs(context: Context) -> list[str]:
    """The runs that have a branch, sorted by branch name."""
    found = []
    for branch in sorted(context.git.branches(BRANCHES)):
        if branch.removeprefix(BRANCHES) in RESERVED_WORKFLOWS:
            continue
        run = run_on_branch(context, branch)
        if run.count("/") == 2:
            found.append(run)
    return found


def items(context: Context, unfinished: Iterable[str]) -> list[Item]:
    """Everything that waits. `unfinished` are the runs that main tells as not over."""
    found = [_item(context, run) for run in dict.fromkeys([*open_runs(context), *unfinished])]
    present = [item for item in found if item is not None] + [_asked(each) for each in open_questions(context)]
    return sorted(present, key=lambda item: (KINDS.index(item.kind), item.since, item.run))


def _item(context: Context, run: str) -> Item | None:
    try:
        state = read_state(context.git, run, main=context.main)
    except UsageError:
        return _without_steps(context, run)
    if state.finished or state.cancelled:
        return None
    if state.reverting:
        title = f"undoing {state.workflow} on {state.subject} was begun"
        return _make(state, "failed", title, "it is not done yet; nothing else of it is", f"aios revert {state.ulid}")
    question = next(((name, step.question) for name, step in state.steps.items() if step.question), None)
    if question:
        name, asked = question
        options = tuple(str(option) for option in (asked or {}).get("options") or ())
        text = str((asked or {}).get("text", ""))
        known = tuple(str(line) for line in (asked or {}).get("evidence") or ())
        command = f'aios answer {state.ulid} "…"'
        return _make(state, "question", text, f"`{name}` asks", command, options=options, evidence=known)
    gate = open_gate(state)
    if gate:
        return _proposal(context, state)
    return _by_decision(context, state)


def _without_steps(context: Context, run: str) -> Item:
    """A run of which main has the record alone: somebody merged it as one commit, and nothing approved it since."""
    workflow, subject, ulid = run.split("/")
    return Item(
        id=ulid,
        run=run,
        kind="failed",
        title=f"{workflow} on {subject} is on {context.main} without its steps",
        why="it was merged as one commit, and that merge is not approved",
        since=utc(moment_of_ulid(ulid).isoformat()),
        command="aios apply" if context.forge is not None else f"aios cancel {ulid}",
    )


def _asked(question: Question) -> Item:
    return Item(
        id=question.id,
        run="",
        kind="question",
        title=question.asks,
        why="",
        since=question.asked,
        command=f'aios answer {question.id} "…"',
        options=question.options,
        evidence=question.evidence,
        record=f"questions/{question.id}",
    )


def kept_by(state: RunState) -> str:
    """What merging does where no effect follows from it: a folding takes files away, anything else keeps some."""
    for step in state.steps.values():
        last = step.items[None].last if None in step.items else None
        output = last.output if last and isinstance(last.output, Mapping) else {}
        if state.workflow == ADAPTATION and output.get("asks"):
            return one_line(str(output["asks"]), 300)
        if output.get("folded"):
            into = counted(len(output.get("summaries") or ()), "summary", "summaries")
            return f"fold {counted(output['folded'], 'old note')} into {into}"
    return f"keep what {state.workflow} found on {state.subject}"


def _proposal(context: Context, state: RunState) -> Item:
    path, branch = run_record_path(state.id, state.started_at), branch_of(state.id)
    merged = context.git.rev(branch) is None  # by hand, and not approved
    content = context.git.read_blob(f"{context.main if merged else branch}:{path}")
    document = parse("run.yaml", content)[0] if content else None
    record = document.data if document else {}
    verdict = verdict_of(record)
    why = f"it is on {context.main}, and nothing of it was approved; {verdict.why}" if merged else verdict.why
    effects = tuple(effect.summary for effect in awaited_effects(record))
    kind = {"confirm": "confirm", "digest": "digest", "deny": "denied"}.get(verdict.decision.value, "proposal")
    title = "; ".join(effects) or kept_by(state)
    return _make(
        state,
        kind,
        title,
        why,
        f"aios approve {state.ulid}" if merged else f"aios show {state.ulid}",
        effects=effects,
        since=str(record.get("proposed", "")),
    )


def _by_decision(context: Context, state: RunState) -> Item | None:
    try:
        workflow = load(context, state.workflow, state.base).workflow
    except AiosError as error:
        return _make(state, "failed", error.message, error.hint, f"aios cancel {state.ulid}")
    commands = decide(workflow, state, context.now())
    for command in commands:
        match command:
            case Finish(status=RunStatus.FAILED):
                return _make(state, "failed", command.why, "it can be tried again", f"aios resume {state.ulid} --retry")
            case Start() if workflow.steps[command.step].kind is StepKind.EFFECT:
                starts = [each for each in commands if isinstance(each, Start) and each.step == command.step]
                return _effects(context, state, starts, workflow.steps[command.step].uses)
            case Wait() if command.until:
                return _make(
                    state,
                    "timer",
                    f"{command.step} waits until {command.until}",
                    command.why,
                    "aios tick",
                    until=command.until,
                )
            case _:
                pass
    return _make(
        state,
        "interrupted",
        f"{state.workflow} on {state.subject} can go on",
        "it was interrupted",
        f"aios resume {state.ulid}",
    )


def _effects(context: Context, state: RunState, starts: list[Start], uses: str) -> Item:
    """Approved effects of a step that are not done, and why they wait if they were begun."""
    step, slots = starts[0].step, {(start.step, start.item) for start in starts}
    title = f"{step}: {uses}" + (f" ({len(starts)} of them)" if len(starts) > 1 else "")
    hold = _hold(context, state, slots)
    if hold is None:
        return _make(state, "approved", title, "approved, not done yet", "aios apply")
    if hold.kind == "doubt":
        why = "nobody knows whether it happened"
        item = _make(state, "effect", hold.why, why, "aios reconcile", since=hold.at)
    elif hold.kind == "credentials":
        item = _make(state, "effect", f"{title}: a key is refused", hold.why, "aios apply", since=hold.at)
    elif hold.until > context.now():
        item = _make(
            state, "timer", f"{step} waits until {hold.until}", hold.why, "aios apply", since=hold.at, until=hold.until
        )
    else:
        item = _make(state, "approved", title, hold.why, "aios apply", since=hold.at)
    return replace(item, held=True)


def _hold(context: Context, state: RunState, slots: set[tuple[str, int | None]]) -> Hold | None:
    """Why the first of the effects that were begun waits. A doubt that was settled meanwhile holds nothing."""
    ledger = Ledger(context.git)
    for each in effects_of(run_record(context, state)):
        hold = ledger.held(each.key, state.id) if (each.step, each.item) in slots else None
        if hold and (hold.kind != "doubt" or any(claim.run == state.id for claim in ledger.unsettled())):
            return hold
    return None


def _make(
    state: RunState,
    kind: str,
    title: str,
    why: str,
    command: str,
    *,
    effects: tuple[str, ...] = (),
    options: tuple[str, ...] = (),
    evidence: tuple[str, ...] = (),
    since: str = "",
    until: str = "",
) -> Item:
    ended = [attempt.at for step in state.steps.values() for each in step.items.values() for attempt in each.attempts]
    return Item(
        id=state.ulid,
        run=state.id,
        kind=kind,
        title=title,
        why=why,
        since=since or max(ended, default=state.started_at),
        command=command,
        effects=effects,
        options=options,
        evidence=evidence,
        until=until,
        usd=round(state.usd, 6),
        tokens=state.tokens,
    )
