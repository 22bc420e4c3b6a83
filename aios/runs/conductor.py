"""The conductor: carries a run on from wherever it stands, as far as it can go now.

on its branch until a gate → (approval) → effects, each with a bookkeeping commit on main → steps after them on a
fresh branch → what they leave is proposed in turn → done

In a stage it does only what is for that stage, and tells which comes next (`aios.runs.stages`).
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass

from aios.domain.agent import Question
from aios.domain.event import EventNote
from aios.domain.handoff import Stage
from aios.domain.keys import key_of
from aios.domain.policy import Decision
from aios.domain.run import Finish, RunState, RunStatus, Start, Wait
from aios.errors import RefusedError, TransientError
from aios.proposals.record import END, verdict_of
from aios.runs.adapting import put_on_record
from aios.runs.context import Context, Progress
from aios.runs.definitions import Definitions, load
from aios.runs.effects import EffectAskError, EffectPausedError, desk_of, perform_effect
from aios.runs.gate import Approved, approve, open_gate, record_of
from aios.runs.history import FINISHED
from aios.runs.main_branch import commit_to_main
from aios.runs.outcome import finish_changes
from aios.runs.propose import propose
from aios.runs.retrying import forget_failures
from aios.runs.runner import Runner, Stopped
from aios.runs.session import Session, leave, open_session
from aios.runs.sharding import Spread
from aios.runs.stages import STAGES, confined, may_propose, writes_main
from aios.runs.traces import commit_kept
from aios.store.maintain import maintain

UNDOING = "undoing it was begun: `aios revert` goes on with it, and nothing else of it is done"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands when the conductor lets go of it, and why, in one line.

    `stage` is the one that goes on with it now; empty where nothing does (it waits for time or for the operator, or is
    over). `spread` names the step whose items several jobs shall do.
    """

    run: str
    status: RunStatus
    step: str = ""
    why: str = ""
    until: str = ""
    question: dict[str, object] | None = None
    stage: str = ""
    spread: str = ""


def carry_on(
    context: Context,
    run: str,
    *,
    retry: bool = False,
    effects: bool = False,
    stage: Stage | None = None,
    spread: Spread | None = None,
) -> Standing:
    """Go on with a run. `effects` allows acts outside git that were approved; `retry` tries failed steps anew; `stage`
    is what this job may do of it (None: everything), `spread` says which steps are left to several jobs.

    Raises BusyError where another process works on the run.
    """
    spent: Counter[str] = Counter()
    here = confined(context, stage)
    while True:
        standing = _session(here, run, retry=retry, effects=effects, spent=spent, stage=stage, spread=spread)
        if standing is not None:
            if writes_main(stage):
                put_on_record(context)
                maintain(context.git)
            return standing
        retry = False


def _session(
    context: Context,
    run: str,
    *,
    retry: bool,
    effects: bool,
    spent: Counter[str],
    stage: Stage | None,
    spread: Spread | None,
) -> Standing | None:
    """One sitting at the run; None where something was merged and the run goes on from there."""
    with open_session(context, run) as session:
        state = session.state
        if not state.started_at:
            raise RefusedError(f"the run {run} was never started", "`aios runs --all` lists them")
        if state.finished or state.cancelled:
            return Standing(run, RunStatus(state.finished) if state.finished else RunStatus.CANCELLED)
        if state.reverting:
            return Standing(run, RunStatus.WAITING, why=UNDOING)
        definitions = load(context, state.workflow, state.base)
        if retry:
            forget_failures(session, definitions)
        stopped = Runner(context, session, definitions, stage, spread).run()
        commit_kept(context.git, run, at=context.now())
        left = _left(run, definitions, stopped, stage)
        if left is not None:
            return left
        if stopped.effects:
            if not effects:
                why, step = "approved; `aios apply` does it", stopped.effects[0].step
                return Standing(run, RunStatus.WAITING, step, why, stage=Stage.APPLY.value)
            standing = _effects(context, session, definitions, stopped.effects, spent)
            commit_kept(context.git, run, at=context.now())
            return standing
        if stopped.gate is not None:
            propose(context, session, definitions, stopped.gate.step)
            gate = stopped.gate.step
        elif isinstance(stopped.wait, Wait):
            return _waiting(session, stopped.wait)
        else:
            assert isinstance(stopped.finish, Finish)  # noqa: S101  `Stopped` holds exactly one of them
            standing = _finish(context, session, definitions, stopped.finish, stage)
            if standing is not None:
                return standing
            gate = END
        decision = _decision(session)
        context.report(Progress(run, gate, "waiting", detail=decision.value))
        if decision is not Decision.AUTO:
            return Standing(run, RunStatus.WAITING, gate, "waits for your decision")
    approved = approve(context, run, actor="policy")
    return _after_auto(run, gate, approved)


def _left(run: str, definitions: Definitions, stopped: Stopped, stage: Stage | None) -> Standing | None:
    """Where the run stands if what comes next is for another stage; None where this one goes on with it."""
    if stopped.left is not None:
        step = stopped.left.step
        if stopped.spread:
            why = f"`{step}` has so many items that several jobs do them"
            return Standing(run, RunStatus.RUNNING, step, why, stage=Stage.AGENT.value, spread=step)
        return _for(run, STAGES[definitions.workflow.steps[step].kind], step)
    if stopped.gate is not None and not may_propose(stage):
        return _for(run, Stage.PROPOSE, stopped.gate.step)
    finish = stopped.finish
    if finish is not None and finish.status is not RunStatus.FAILED and not writes_main(stage):
        return _for(run, Stage.PROPOSE, END)
    return None


def _for(run: str, stage: Stage, step: str) -> Standing:
    return Standing(run, RunStatus.RUNNING, step, f"the next is for the stage `{stage.value}`", stage=stage.value)


def _after_auto(run: str, gate: str, approved: Approved) -> Standing | None:
    return Standing(run, RunStatus.DONE, gate, f"merged as {approved.commit[:10]} by policy") if gate == END else None


def _decision(session: Session) -> Decision:
    return verdict_of(record_of(session)).decision


def _waiting(session: Session, wait: Wait) -> Standing:
    step = session.state.steps.get(wait.step)
    question = dict(step.question) if step and step.question else None
    return Standing(session.run, RunStatus.WAITING, wait.step, wait.why, wait.until, question)


def _finish(
    context: Context, session: Session, definitions: Definitions, finish: Finish, stage: Stage | None
) -> Standing | None:
    """The run is over. None where what it left on its branch must be judged first."""
    state = session.state
    if finish.status is RunStatus.DONE and _leaves_something(context, session):
        if not may_propose(stage):
            return _for(session.run, Stage.PROPOSE, END)
        if open_gate(state) != END:
            propose(context, session, definitions, END)
        return None
    if finish.status is RunStatus.FAILED:
        return Standing(session.run, RunStatus.FAILED, why=finish.why)
    note = EventNote(
        type=FINISHED,
        title=session.run,
        run=session.run,
        key=key_of("finished", session.run),
        output={"status": finish.status.value},
    )
    commit_to_main(context, note, lambda tip: finish_changes(context, state, tip, finish.status))
    drop_branch(context, session)
    return Standing(session.run, finish.status, why=finish.why)


def drop_branch(context: Context, session: Session) -> None:
    """Remove the branch of a run that left nothing on it that main does not have; its commits stay reachable."""
    head = context.git.rev(session.branch)
    if head is not None:
        leave(context.git, session.run, head)


def _leaves_something(context: Context, session: Session) -> bool:
    """Does the branch change a file that main does not have so?"""
    tip = context.git.rev(session.branch)
    main = context.git.rev(context.main) or ""
    return tip is not None and bool(context.git.text("diff", "--name-only", f"{main}...{tip}").strip())


def _effects(
    context: Context, session: Session, definitions: Definitions, starts: tuple[Start, ...], spent: Counter[str]
) -> Standing | None:
    """Every effect that can be done now; one that waits or is in doubt holds up no other, unless all would wait."""
    run, asked, waits = session.run, [], []
    with suppress(TransientError, RefusedError):  # then no claim can be made either, and each says so
        desk_of(context).ledger.refresh()
    for start in starts:
        try:
            perform_effect(context, session, definitions, start, spent)
        except EffectAskError as ask:
            asked.append(ask)
        except EffectPausedError as paused:
            waits.append(paused)
            if paused.for_all:
                break
    if asked:
        question = _together([ask.question for ask in asked])
        return Standing(run, RunStatus.WAITING, asked[0].step, question.text, question=asdict(question))
    if waits:
        first = next((each for each in waits if each.for_all), waits[0])
        return Standing(run, RunStatus.WAITING, first.step, first.message, first.until)
    return None


def _together(questions: list[Question]) -> Question:
    """One question of all that is in doubt."""
    if len(questions) == 1:
        return questions[0]
    evidence = (f"{each.text} {'; '.join(each.evidence)}" for each in questions)
    return Question(f"did {len(questions)} effects happen?", questions[0].options, tuple(evidence))


def state_line(state: RunState) -> str:
    return f"{state.workflow} on {state.subject}"
