"""From what was handed over, or from a branch as it stands, to a proposal that others see: verdict, push, forge.

No step is done here, and nothing runs that an agent made. A push is a compare-and-swap: where the branch went on
meanwhile, all of it is done again on top; where main or the traces did, ours go on top of theirs. Every part may be
done again after a kill: what exists is found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from aios.domain.handoff import Order, Stage
from aios.domain.names import APPLY, branch_of
from aios.domain.run import RunStatus
from aios.errors import AiosError, MovedError, RefusedError
from aios.runs.approving import ConflictingError
from aios.runs.conductor import Standing, carry_on
from aios.runs.context import Context
from aios.runs.gates import open_gate
from aios.runs.handing_over import keep_drift
from aios.runs.history import fact_of_event, fold
from aios.runs.importing import Brought, bring_in, take_back
from aios.runs.session import read_state
from aios.runs.shared_main import catch_up
from aios.runs.syncing import push_main, push_traces
from aios.runs.verifying import Material
from aios.runs.verifying.before import events_before
from aios.store.remote import Move

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Proposed:
    """What became of one order or proposal. `merged` is the commit on main, where a policy merged; `number` and `url`
    are the proposal's at the forge; `wrong` is what could not be done, with what to do, and `kept` tells that the
    branch is pushed all the same."""

    run: str
    standing: Standing | None = None
    branch: str = ""
    merged: str = ""
    rebased: bool = False
    number: int = 0
    url: str = ""
    wrong: str = ""
    kept: bool = False
    notes: tuple[str, ...] = ()


def propose_handed(context: Context, order: Order, material: Material) -> Proposed:
    """Take in one handoff that was verified, judge it, push it, and show it. What goes wrong is told, not raised: one
    order holds up no other."""
    done = Proposed(order.run, branch=branch_of(order.run))
    try:
        return _handed(context, order, material, done)
    except AiosError as error:
        return replace(done, wrong=str(error))


def _handed(context: Context, order: Order, material: Material, done: Proposed) -> Proposed:
    for _ in range(_TRIES):
        if context.remote is not None:
            context.remote.fetch()
            catch_up(context)
        settled = _settled(context, order)
        brought = None if settled else bring_in(context, order, material)
        if brought is not None:
            keep_drift(context, brought.handoff)
        main = context.git.rev(context.main) or ""
        try:
            standing = carry_on(context, order.run, stage=Stage.PROPOSE)
        except ConflictingError as error:
            if brought is None:
                raise
            # A policy would have merged it: nobody is asked about what can be done anew on what main is now.
            take_back(context, brought)
            return replace(done, notes=(f"{error.message}: not taken, and done anew in the next round",))
        now = context.git.rev(context.main) or ""
        try:
            push(context, order.run)
        except MovedError:
            if brought is not None:
                take_back(context, brought)
            continue
        merged = now if now != main and (standing.status is RunStatus.DONE or _waits_for_apply(standing)) else ""
        told = (settled,) if brought is None else _notes(brought)
        rebased = brought is not None and brought.rebased
        return shown(context, replace(done, standing=standing, merged=merged, rebased=rebased, kept=True, notes=told))
    raise RefusedError(f"`{done.branch}` keeps moving at the remote", "run the job again; nothing is lost")


def _settled(context: Context, order: Order) -> str:
    """Why nothing of what was handed over is wanted any more: the run was decided on, or ended, since its order."""
    git = context.git
    try:
        now = read_state(git, order.run, main=context.main)
    except AiosError:
        return ""  # it is not known here yet
    if now.finished or now.cancelled:
        return f"{order.run} is over ({now.finished or RunStatus.CANCELLED.value}); what was handed over is not used"
    if any(oid and git.rev(oid) is None for oid in (order.main, order.tip)):
        return ""  # the import says it better
    before = fold(order.run, map(fact_of_event, events_before(git, order))).gates
    decided = [gate for gate, said in now.gates.items() if said != "open" and before.get(gate) != said]
    said = now.gates[decided[0]] if decided else ""
    return f"`{decided[0]}` was {said} meanwhile; what was handed over is not used" if decided else ""


def _waits_for_apply(standing: Standing) -> bool:
    return standing.stage == Stage.APPLY.value


def _notes(brought: Brought) -> tuple[str, ...]:
    told = [f"the job said: {brought.handoff.note}"] if brought.handoff.note else []
    if brought.rebased:
        told.append(f"`{brought.branch}` was edited meanwhile; what was handed over went on top of the edit")
    return tuple(told)


def push(context: Context, run: str) -> None:
    """Bring main, the run's branch and the traces to where they are shared. Raises MovedError where the branch went on
    there meanwhile."""
    remote = context.remote
    if remote is None:
        return
    push_main(context)
    context.checkpoint("main is pushed")
    branch = branch_of(run)
    here, there = context.git.rev(f"refs/heads/{branch}"), remote.tip(branch)
    merged = here is None and there is not None and context.git.is_ancestor(there, context.git.commit(context.main))
    if (here is not None and here != there) or merged:  # merged: what is there is on main
        remote.push([Move(branch, here, there)])
    context.checkpoint("branch is pushed")
    push_traces(context)


def shown(context: Context, done: Proposed) -> Proposed:
    """Show it at the forge, or start what applies a merge. The branch is pushed by now: what fails here is done again
    by `aios propose --refresh`."""
    if context.forge is None:
        return done
    from aios.runs.on_forge import show_on_forge, show_outcome

    try:
        if done.merged or (done.standing and _waits_for_apply(done.standing)):
            context.forge.dispatch(APPLY, {})  # a push by the job's own token starts nothing
        state = read_state(context.git, done.run, main=context.main)
        waits = any(step.question for step in state.steps.values())
        if state.cancelled or state.finished:
            show_outcome(context, done.run)
            return done
        if open_gate(state) or (waits and context.git.rev(f"refs/heads/{done.branch}")):
            proposal = show_on_forge(context, done.run)
            return replace(done, number=proposal.number, url=proposal.url)
        show_outcome(context, done.run)
    except AiosError as error:
        again = f"`{done.branch}` is pushed; `aios propose --refresh {done.run.split('/')[2]}` tries it again"
        return replace(done, wrong=f"{error} ({again})")
    return done
