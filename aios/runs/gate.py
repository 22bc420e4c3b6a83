"""The operator's decisions: approve, reject, revise, answer, cancel. Each is one event, made once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aios.domain.event import OPERATOR, EventNote, render_message
from aios.domain.keys import key_of
from aios.domain.names import CLOSED, branch_of, run_record_path
from aios.domain.policy import Decision
from aios.domain.proposal import PlannedEffect
from aios.domain.record import Where
from aios.domain.run import STOP, RunState, RunStatus
from aios.domain.workflow import Step, StepKind
from aios.errors import RefusedError, UsageError
from aios.proposals.merging import Conflicted, merge
from aios.proposals.record import END, awaited_effects, verdict_of
from aios.runs.context import Context
from aios.runs.cursors import put_back
from aios.runs.definitions import Definitions, load
from aios.runs.hand_edits import operators_share
from aios.runs.history import ANSWERED, APPROVED, ASKED, CANCELLED, REJECTED, REVISED
from aios.runs.main_branch import commit_to_main
from aios.runs.options import choose
from aios.runs.planning import plan_effects
from aios.runs.propose import propose, raised_trust
from aios.runs.session import Session, open_session, read_state
from aios.store.catalog import Catalog
from aios.store.commits import advance, merge_commit
from aios.store.documents import dump, parse
from aios.store.edit import edit
from aios.store.trees import CommitTree, OverlayTree

KEEP_MAIN = "keep what main has"
KEEP_PROPOSAL = "take the proposal's"


@dataclass(frozen=True, slots=True)
class Approved:
    """What an approval did: the merge commit and the effects that may now happen."""

    run: str
    commit: str
    effects: tuple[PlannedEffect, ...]
    merged_fields: tuple[str, ...]


def open_gate(state: RunState) -> str:
    """The gate that waits; empty where none does."""
    return next((name for name, decision in state.gates.items() if decision == "open"), "")


def approve(context: Context, run: str, *, word: str = "", reason: str = "", actor: str = "") -> Approved:
    """Merge the proposal into main. Raises RefusedError where a rule, a conflict or a changed proposal forbids it."""
    with open_session(context, run) as session:
        gate = open_gate(session.state)
        if not gate:
            raise RefusedError(f"nothing of {run} waits for approval", "`aios inbox` tells what waits")
        definitions = load(context, session.state.workflow, session.state.base)
        record = record_of(session)
        _verify_unchanged(context, session, definitions, record, gate)
        verdict = verdict_of(record)
        _verify_verdict(context, session, verdict.decision, verdict.why, word, automatic=actor.startswith("policy"))
        return _merge(
            context,
            session,
            definitions,
            record,
            gate,
            actor=actor or f"{OPERATOR}:{context.operator.email}",
            reason=reason,
        )


def record_of(session: Session) -> Mapping[str, Any]:
    """The run record as the branch has it. Raises RefusedError where it cannot be read."""
    path = run_record_path(session.run, session.state.started_at)
    content = session.tree.read(path)
    document = parse(path, content)[0] if content is not None else None
    if document is None:
        raise RefusedError(f"the run record {path} cannot be read", "`aios check` says what is wrong")
    return document.data


def show_as_it_is(context: Context, run: str) -> None:
    """Bring an open proposal up to date with its branch, so that what is shown is what would be approved."""
    if not open_gate(read_state(context.git, run, main=context.main)):
        return
    with open_session(context, run) as session:
        gate = open_gate(session.state)
        if gate and gate != END:
            definitions = load(context, session.state.workflow, session.state.base)
            with suppress(RefusedError):
                _verify_unchanged(context, session, definitions, record_of(session), gate)


def _verify_unchanged(
    context: Context, session: Session, definitions: Definitions, record: Mapping[str, Any], gate: str
) -> None:
    """What is approved is what was shown: where the branch was edited since, show it anew first."""
    shown = {effect.key for effect in awaited_effects(record)}
    now = (
        {effect.key for effect in plan_effects(definitions, session.state, session.tree, gate)}
        if gate != END
        else set()
    )
    if shown != now:
        propose(context, session, definitions, gate)
        raise RefusedError(
            "the proposal was edited since it was last shown; its effects are brought up to date",
            f"look again with `aios show {session.state.ulid}`, then approve",
        )


def _verify_verdict(
    context: Context, session: Session, decision: Decision, why: str, word: str, *, automatic: bool
) -> None:
    if decision is Decision.DENY:
        raise RefusedError(f"a policy denies this proposal: {why}", "change the proposal (`aios revise`) or the policy")
    if decision is Decision.CONFIRM and word != session.state.subject:
        raise RefusedError(
            f"this proposal asks for a word: {why}", f"add --confirm {session.state.subject} if you mean it"
        )
    if not automatic:
        verify_approver(context)


def verify_approver(context: Context) -> None:
    """Raises RefusedError unless the operator is among the company's approvers, as main has them. Fails closed."""
    company = Catalog(CommitTree(context.git, context.main)).get("company", "company")
    approvers = [str(address).casefold() for address in (company.get("approvers") if company else None) or ()]
    if not approvers:
        raise RefusedError(
            "state/company.yaml names no approver that can be read: nobody can approve",
            "`aios check` says what is wrong",
        )
    if context.operator.email.casefold() not in approvers:
        raise RefusedError(
            f"{context.operator.email} is not among the company's approvers",
            "set git's user.email, or add the address to `approvers` in state/company.yaml",
        )


def _merge(
    context: Context,
    session: Session,
    definitions: Definitions,
    record: Mapping[str, Any],
    gate: str,
    *,
    actor: str,
    reason: str,
) -> Approved:
    git, state = context.git, session.state
    head = session.flush()
    main = git.rev(context.main)
    if main is None:
        raise RefusedError(f"there is no branch {context.main}")
    path = run_record_path(session.run, state.started_at)
    merged = merge(git, main, head, prefer=_preference(state, gate), own=path)
    if merged.conflicts:
        _ask_about(session, gate, merged.conflicts)
        raise RefusedError(
            f"main moved and {len(merged.conflicts)} field(s) conflict: {merged.conflicts[0]}",
            f'`aios answer {state.ulid} "{KEEP_MAIN}"` or `"{KEEP_PROPOSAL}"`, or edit the branch; then approve again',
        )
    now = context.now()
    effects = awaited_effects(record)
    final = gate == END
    decision = {"what": "approved", "by": actor, "at": now, **({"reason": reason} if reason else {})}
    status = RunStatus.DONE if final else RunStatus.RUNNING
    share = operators_share(context, session.run, head, at=now, actor=actor, before=record.get("operator"))
    fields: dict[Where | str, Any] = {"status": status.value, "decided": now, "decision": decision, "operator": share}
    decided = edit(
        (merged.changes.get(path) or git.read_blob(f"{head}:{path}") or b"").decode(),
        fields | ({"finished": now} if final else {}),
    )
    changes = {**merged.changes, path: decided.encode()}
    _verify_effects(definitions, state, OverlayTree(CommitTree(git, main), changes), gate, effects)
    raised = [f"- {finding.message}" for finding in raised_trust(context, git.merge_base(main, head) or main, head)]
    note = EventNote(
        type=APPROVED,
        title=session.run,
        body="\n".join([*(f"- {effect.summary}" for effect in effects), *raised])
        or "No effect outside this repository.",
        records=(path.removeprefix("state/").removesuffix(".yaml"),),
        run=session.run,
        step=gate,
        actor=actor,
        key=key_of("approval", session.run, gate, head),
        output={"effects": [effect.key for effect in effects], "head": head, "reason": reason},
    )
    commit = merge_commit(
        git,
        ours=main,
        theirs=head,
        tree_changes=changes,
        message=render_message(note),
        at=now,
        author=context.operator.name,
        email=context.operator.email,
    )
    context.checkpoint("before merge")
    advance(git, context.main, commit, expected=main)
    context.checkpoint("after merge")
    git.delete_ref(f"refs/heads/{branch_of(session.run)}", head)
    return Approved(session.run, commit, effects, merged.both)


def _preference(state: RunState, gate: str) -> str:
    guidance = state.steps[gate].guidance if gate in state.steps else ()
    answers = [answer for answer in guidance if answer in {KEEP_MAIN, KEEP_PROPOSAL}]
    return {KEEP_MAIN: "main", KEEP_PROPOSAL: "proposal"}[answers[-1]] if answers else ""


def _ask_about(session: Session, gate: str, conflicts: tuple[Conflicted, ...]) -> None:
    question = {
        "text": f"main and the proposal changed {len(conflicts)} field(s) differently: which shall stay?",
        "options": [KEEP_MAIN, KEEP_PROPOSAL],
        "evidence": [str(conflict) for conflict in conflicts],
    }
    _ask(session, gate, question)


def _ask(session: Session, step: str, question: Mapping[str, Any]) -> None:
    open_question = session.state.steps[step].question if step in session.state.steps else None
    if open_question == question:
        return
    session.append(
        EventNote(
            type=ASKED,
            title=str(question["text"]),
            body="\n".join(f"- {line}" for line in question["evidence"]),
            run=session.run,
            step=step,
            status="waiting",
            key=key_of("question", session.run, step, dict(question), session.context.now()),
            output=dict(question),
        )
    )
    session.flush()


def _verify_effects(
    definitions: Definitions, state: RunState, tree: OverlayTree, gate: str, approved: tuple[PlannedEffect, ...]
) -> None:
    """The merged tree must feed exactly the effects that were reviewed. Fail closed."""
    if gate == END:
        return
    merged = {effect.key for effect in plan_effects(definitions, state, tree, gate)}
    if merged != {effect.key for effect in approved}:
        raise RefusedError(
            "merging with main would change what is published; nothing was merged",
            f'`aios revise {state.ulid} --note "…"` makes the proposal anew on today\'s main',
        )


def reject(context: Context, run: str, *, reason: str) -> None:
    """Close the proposal: the reason goes to main with the run record, the branch is kept under `refs/aios/closed/`."""
    with open_session(context, run) as session:
        state = session.state
        gate = open_gate(state)
        if not gate:
            raise RefusedError(f"nothing of {run} waits for a decision", "`aios runs` tells where it stands")
        actor, now = f"{OPERATOR}:{context.operator.email}", context.now()
        path = run_record_path(run, state.started_at)
        record = dict(record_of(session))
        record |= {
            "status": RunStatus.REJECTED.value,
            "decided": now,
            "decision": {"what": "rejected", "by": actor, "at": now, "reason": reason},
            "operator": operators_share(
                context, run, session.flush(), at=now, actor=actor, before=record.get("operator")
            ),
        }
        note = EventNote(
            type=REJECTED,
            title=reason,
            records=(path.removeprefix("state/").removesuffix(".yaml"),),
            run=run,
            step=gate,
            actor=actor,
            key=key_of("rejection", run, gate),
            output={"reason": reason},
        )
        close(context, session, note, {path: dump(record).encode()})


def cancel(context: Context, run: str, *, reason: str = "") -> None:
    """Stop a run for good; what it wrote stays reachable under `refs/aios/closed/`."""
    with open_session(context, run) as session:
        state = session.state
        if not state.started_at or state.cancelled or state.finished:
            raise RefusedError(f"{run} is over already", "`aios runs --all` tells how it ended")
        now = context.now()
        path = run_record_path(run, state.started_at)
        existing = context.git.read_blob(f"{context.main}:{path}")
        base_record = (parse(path, existing)[0] if existing else None) or None
        record = dict(base_record.data) if base_record else _plain_record(state)
        record |= {
            "status": RunStatus.CANCELLED.value,
            "finished": now,
            "decision": {
                "what": "cancelled",
                "by": f"{OPERATOR}:{context.operator.email}",
                "at": now,
                "reason": reason,
            },
        }
        note = EventNote(
            type=CANCELLED,
            title=reason or run,
            records=(path.removeprefix("state/").removesuffix(".yaml"),),
            run=run,
            actor=f"{OPERATOR}:{context.operator.email}",
            key=key_of("cancel", run),
            output={"reason": reason},
        )
        close(context, session, note, {path: dump(record).encode()})


def _plain_record(state: RunState) -> dict[str, Any]:
    return {
        "schema": "run.v1",
        "run": state.id,
        "workflow": state.workflow,
        "definition": "",
        "base": state.base,
        "status": RunStatus.CANCELLED.value,
        "trigger": dict(state.trigger),
        "inputs": dict(state.inputs),
        "started": state.started_at,
    }


def close(context: Context, session: Session, note: EventNote, changes: Mapping[str, bytes | None]) -> None:
    """Say on main how the run ended, and move its branch out of the way."""
    head = session.flush()
    commit_to_main(context, note, changes, as_operator=True)
    branch = f"refs/heads/{branch_of(session.run)}"
    if context.git.rev(branch) is not None:
        context.git.update_ref(f"{CLOSED}{session.state.ulid}", head, None, reason=note.type)
        context.git.delete_ref(branch, head)


def revise(context: Context, run: str, *, note: str, step: str = "") -> None:
    """Send the proposal back with a note; the run goes on from `step` (the first agent step where it is not given)."""
    with open_session(context, run) as session:
        state = session.state
        if not open_gate(state):
            raise RefusedError(f"nothing of {run} waits for a decision", "`aios runs` tells where it stands")
        definitions = load(context, state.workflow, state.base)
        steps = definitions.workflow.steps
        if step and step not in steps:
            raise UsageError(f"there is no step `{step}`", f"the steps: {', '.join(steps)}")
        first = step or next(name for name, each in steps.items() if each.kind is StepKind.AGENT)
        names = list(steps)
        again = [
            name
            for name in names[names.index(first) :]
            if name in state.steps and steps[name].kind is not StepKind.GATE
        ]
        told = EventNote(
            type=REVISED,
            title=note,
            run=run,
            step="",
            actor=f"{OPERATOR}:{context.operator.email}",
            key=key_of("revision", run, context.now(), note),
            output={"note": note, "steps": again, **_spoken_to(steps, step)},
        )
        collects = [steps[name].uses for name in again if steps[name].kind is StepKind.COLLECT]
        reads = [(found.name, uses) for uses in collects if (found := definitions.connector_for(uses))]
        session.append(told, put_back(reads, session.tree, CommitTree(context.git, state.base)))
        session.flush()


def _spoken_to(steps: Mapping[str, Step], step: str) -> dict[str, str]:
    """The agent that a note is for, where the operator named a step of it."""
    return {"agent": steps[step].uses} if step and steps[step].kind is StepKind.AGENT else {}


def answer(context: Context, run: str, *, text: str) -> str:
    """Answer the run's open question; the step that asked. The run goes on at the next `aios resume`."""
    with open_session(context, run) as session:
        asked = next(((name, step.question) for name, step in session.state.steps.items() if step.question), None)
        if asked is None:
            raise RefusedError(f"{run} asks nothing", "`aios inbox` tells what waits")
        name, question = asked
        options = list((question or {}).get("options") or ())
        chosen = choose(text, options)
        session.append(
            EventNote(
                type=ANSWERED,
                title=chosen,
                body=str((question or {}).get("text", "")),
                run=run,
                step=name,
                actor=f"{OPERATOR}:{context.operator.email}",
                key=key_of("answer", run, name, context.now()),
                output={"answer": chosen, "question": (question or {}).get("text", "")},
            )
        )
        session.flush()
    if chosen == STOP:
        cancel(context, run, reason="the operator's answer")
    return name
