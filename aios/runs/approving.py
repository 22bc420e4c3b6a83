"""The operator's merge, made here: exactly what was shown goes to main, or nothing does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aios.domain.event import OPERATOR, EventNote, render_message
from aios.domain.keys import key_of
from aios.domain.names import CLOSED, branch_of, run_record_path
from aios.domain.policy import Decision
from aios.domain.proposal import PlannedEffect
from aios.domain.record import Where
from aios.domain.run import RunState, RunStatus
from aios.errors import RefusedError
from aios.proposals.merging import Conflicted, merge
from aios.proposals.record import END, awaited_effects, verdict_of
from aios.runs.context import Context
from aios.runs.definitions import Definitions, load
from aios.runs.gates import open_gate, record_of, verify_approver
from aios.runs.hand_edits import operators_share
from aios.runs.history import APPROVED, ASKED, STARTED
from aios.runs.planning import plan_effects
from aios.runs.propose import propose, raised_trust
from aios.runs.session import Session, open_session, read_state
from aios.runs.shared_main import land
from aios.store.commits import commit_object
from aios.store.edit import edit
from aios.store.log import read_events
from aios.store.remote import Move
from aios.store.trees import CommitTree, OverlayTree

KEEP_MAIN = "keep what main has"
KEEP_PROPOSAL = "take the proposal's"


class ConflictingError(RefusedError):
    """Main changed the same fields meanwhile, otherwise; the question of which stays is asked."""


@dataclass(frozen=True, slots=True)
class Approved:
    """What an approval did: the merge commit and the effects that may now happen."""

    run: str
    commit: str
    effects: tuple[PlannedEffect, ...]
    merged_fields: tuple[str, ...]
    outstanding: str = ""  # why the shared copy does not have it yet


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


@dataclass(slots=True)
class _Merge:
    """The merge to be: made on main's tip, and anew where that moved."""

    context: Context
    session: Session
    definitions: Definitions
    record: Mapping[str, Any]
    gate: str
    actor: str
    reason: str
    head: str
    both: tuple[str, ...] = ()

    def make(self, main: str) -> str:
        """The merge commit on top of `main`. Raises RefusedError where it conflicts, or would change what is sent."""
        context, git, state, head = self.context, self.context.git, self.session.state, self.head
        path = run_record_path(state.id, state.started_at)
        merged = merge(git, main, head, prefer=_preference(state, self.gate), own=path)
        if merged.conflicts:
            _ask_about(self.session, self.gate, merged.conflicts)
            raise ConflictingError(
                f"main moved and {len(merged.conflicts)} field(s) conflict: {merged.conflicts[0]}",
                f'`aios answer {state.ulid} "{KEEP_MAIN}"` or `"{KEEP_PROPOSAL}"`, or edit the branch; then approve'
                " again",
            )
        self.both = merged.both
        content = merged.changes.get(path) or git.read_blob(f"{head}:{path}") or b""
        changes = {**merged.changes, path: self._decided(content)}
        tree = OverlayTree(CommitTree(git, main), changes)
        _verify_effects(self.definitions, state, tree, self.gate, awaited_effects(self.record))
        return commit_object(
            git,
            parent=main,
            changes=changes,
            message=render_message(self._note(git.merge_base(main, head) or main)),
            at=context.now(),
            author=context.operator.name,
            email=context.operator.email,
            parents=self._steps(main),
        )

    def _steps(self, main: str) -> tuple[str, ...]:
        """What brings the run's steps to main: its branch; merged at the forge already and waiting for this word, what
        is kept of it, where it was squashed."""
        git = self.context.git
        if not git.is_ancestor(self.head, main):
            return (self.head,)
        kept = git.rev(f"{CLOSED}{self.session.state.ulid}")
        told = any(event.type == STARTED for event in read_events(git, until=main, run=self.session.run))
        return () if kept is None or told else (kept,)

    def _decided(self, content: bytes) -> bytes:
        context, now, run = self.context, self.context.now(), self.session.run
        final, before = self.gate == END, self.record.get("operator")
        decision = {"what": "approved", "by": self.actor, "at": now, **({"reason": self.reason} if self.reason else {})}
        share = operators_share(context, run, self.head, at=now, actor=self.actor, before=before)
        status = RunStatus.DONE if final else RunStatus.RUNNING
        fields: dict[Where | str, Any] = {
            "status": status.value,
            "decided": now,
            "decision": decision,
            "operator": share,
        }
        return edit(content.decode(), fields | ({"finished": now} if final else {})).encode()

    def _note(self, base: str) -> EventNote:
        run, effects = self.session.run, awaited_effects(self.record)
        path = run_record_path(run, self.session.state.started_at)
        raised = [f"- {finding.message}" for finding in raised_trust(self.context, base, self.head)]
        return EventNote(
            type=APPROVED,
            title=run,
            body="\n".join([*(f"- {effect.summary}" for effect in effects), *raised])
            or "No effect outside this repository.",
            records=(path.removeprefix("state/").removesuffix(".yaml"),),
            run=run,
            step=self.gate,
            actor=self.actor,
            key=key_of("approval", run, self.gate, self.head),
            output={"effects": [effect.key for effect in effects], "head": self.head, "reason": self.reason},
        )

    def leaving(self, _: str) -> Sequence[Move]:
        """The branch at the shared copy goes with the merge: a commit that somebody pushed to it since stops both."""
        branch, remote = branch_of(self.session.run), self.context.remote
        there = remote.tip(branch) if remote else None
        if there is None:
            return ()
        kept = self.context.git.rev(f"{CLOSED}{self.session.state.ulid}")
        if not any(self.context.git.is_ancestor(there, seen) for seen in (self.head, kept) if seen):
            raise RefusedError(
                f"`{branch}` has commits at the shared copy that you have not seen", "`aios sync`, and look again"
            )
        return (Move(branch, None, there),)

    def found(self, before: str, now: str) -> str:
        """The same approval among commits that came in."""
        for event in read_events(self.context.git, since=before, until=now, run=self.session.run):
            if event.type == APPROVED and event.trailer("Key") == key_of(
                "approval", self.session.run, self.gate, self.head
            ):
                return event.commit
        return ""


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
    head = session.flush()
    merging = _Merge(context, session, definitions, record, gate, actor, reason, head)
    landed = land(context, merging.make, also=merging.leaving, done=merging.found, name="merge")
    branch = f"refs/heads/{branch_of(session.run)}"
    if context.git.rev(branch) is not None:
        context.git.delete_ref(branch, head)
    return Approved(session.run, landed.commit, awaited_effects(record), merging.both, landed.outstanding)


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
