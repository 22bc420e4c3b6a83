"""From a finished branch to a proposal: run record, planned effects, verdict; and its refresh."""

from __future__ import annotations

from collections.abc import Sequence

from aios.domain.event import Change, EventNote
from aios.domain.finding import Finding
from aios.domain.keys import key_of
from aios.domain.memory import Hit
from aios.domain.names import branch_of, run_record_path
from aios.domain.policy import Decision, Verdict
from aios.domain.proposal import PlannedEffect
from aios.domain.run import RunState, RunStatus
from aios.domain.tree import Tree
from aios.policies import facts as policy_facts
from aios.policies import judge, load_rules
from aios.proposals.record import END, build, effect_data, effects_of
from aios.runs.acts import acts_of
from aios.runs.context import Context
from aios.runs.definitions import Definitions
from aios.runs.feedback import propose_lessons
from aios.runs.history import OPENED, REFRESHED
from aios.runs.holding import today
from aios.runs.planning import plan_effects
from aios.runs.session import Session
from aios.runs.standing import standing
from aios.runs.tainting import raised_by_merging
from aios.runs.traces import commit_kept
from aios.runs.work import measured
from aios.store.documents import dump, parse
from aios.store.git import Git
from aios.store.judge import judge as judge_file
from aios.store.schemas import Schemas
from aios.store.trees import CommitTree, changed_paths
from aios.store.written import written


def propose(context: Context, session: Session, definitions: Definitions, gate: str) -> Verdict:
    """Write (or renew) the run record with effects and verdict, and commit it to the branch."""
    head = session.flush()
    effects = plan_effects(definitions, session.state, session.tree, gate) if gate != END else ()
    verdict, findings = assess(context, definitions, session.state, head, effects)
    path = run_record_path(session.run, session.state.started_at)
    first = session.tree.read(path) is None
    # A person reads this one: what they taught before is put to them with it.
    if first and gate != END and verdict.decision is not Decision.AUTO and propose_lessons(context, session):
        head = session.flush()
        verdict, findings = assess(context, definitions, session.state, head, effects)
    now = context.now()
    record = build(
        session.state,
        definitions.workflow,
        status=RunStatus.WAITING,
        verdict=verdict,
        effects=effects,
        findings=findings,
        proposed=now,
        extra={"gate": gate, **_told(context, session, path, gate)},
    )
    session.append(
        EventNote(
            type=OPENED if first else REFRESHED,
            title=title_of(session.state, effects),
            body=f"{verdict.decision.value}: {verdict.why}" + (f" ({verdict.rule})" if verdict.rule else ""),
            records=(path.removeprefix("state/").removesuffix(".yaml"),),
            run=session.run,
            step=gate,
            key=key_of("proposal", session.run, gate, head, [effect.key for effect in effects]),
            output={"effects": [effect.key for effect in effects], "decision": verdict.decision.value, "head": head},
        ),
        {path: dump(record).encode()},
    )
    session.flush()
    commit_kept(context.git, session.run, at=now)
    return verdict


def _told(context: Context, session: Session, path: str, gate: str) -> dict[str, object]:
    """What the run took and took over. What its record on main told at an earlier gate is still true: it stays."""
    content = context.git.read_blob(f"{context.main}:{path}")
    document = parse(path, content)[0] if content is not None else None
    earlier = document.data if document else {}
    kept = {name: earlier[name] for name in ("work", "reuse", "operator") if name in earlier}
    done = {"effects": [effect_data(effect) for effect in effects_of(earlier)]} if document and gate == END else {}
    if "work" in kept:
        return {**done, **kept}
    found = measured(context.git, session.run, session.state.base, session.tree, main=context.main)
    return {**done, **found, **kept}


def title_of(state: RunState, effects: tuple[PlannedEffect, ...]) -> str:
    """One sentence: what merging does."""
    if effects:
        return "; ".join(effect.summary for effect in effects)
    return f"keep what {state.workflow} found on {state.subject}"


def assess(
    context: Context,
    definitions: Definitions,
    state: RunState,
    head: str,
    effects: tuple[PlannedEffect, ...],
    *,
    base: str | None = None,
) -> tuple[Verdict, list[Finding]]:
    """The policies' verdict (as they stand on main) and what is wrong with the files that the branch changes since
    `base` (default: where it left main)."""
    git = context.git
    base = base or git.merge_base(context.main, head)
    changes = _changes(git, state, base, head)
    tree = CommitTree(git, head)
    schemas, _ = Schemas.from_tree(tree)
    findings = [
        finding
        for change in changes
        if change.after and schemas.kind_of(change.path)
        for finding in judge_file(change.path, tree.read(change.path) or b"", schemas).findings
    ]
    findings += raised_trust(context, base or head, head)
    rules, broken = load_rules(CommitTree(git, git.rev(context.main) or head), parse)
    facts = policy_facts.build(
        workflow=definitions.workflow.name,
        agents=sorted({step.uses for step in definitions.workflow.steps.values() if step.kind.value == "agent"}),
        changes=changes,
        effects=effects,
        trust=_trust(tree, [change.path for change in changes if change.after]),
        findings=findings,
        unverified=len(standing(tree, [change.path for change in changes if change.after]).unverified),
        subject=state.subject,
        today=today(context, effects, _acts(context, definitions, state, effects)),
    )
    verdict = judge(rules, facts)
    if broken and verdict.decision.strictness < Decision.ASK.strictness:
        verdict = Verdict(Decision.ASK, "", "a policy file is not in order", verdict.matched)
    return verdict, [*findings, *broken]


def _changes(git: Git, state: RunState, base: str | None, head: str) -> list[Change]:
    """What approving it would approve: the branch's changes, and where the run's files came to main without approval
    and are shown anew, those as well."""
    changes = changed_paths(git, base, head)
    path = run_record_path(state.id, state.started_at)
    document = parse(path, git.read_blob(f"{base}:{path}") or b"")[0] if base else None
    if document is None or document.data.get("status") != RunStatus.WAITING.value or not state.base:
        return changes
    own = {path for step in state.steps.values() for path in step.paths} - {change.path for change in changes}
    earlier = [change for change in changed_paths(git, state.base, head) if change.path in own]
    return sorted([*changes, *earlier], key=lambda change: change.path)


def _acts(
    context: Context, definitions: Definitions, state: RunState, effects: tuple[PlannedEffect, ...]
) -> dict[str, frozenset[str]]:
    connectors = context.connectors(definitions.tree)
    return {
        each.key: frozenset(act.key for act in acts_of(each, state.id, connectors.get(each.connector)))
        for each in effects
    }


def raised_trust(context: Context, base: str, head: str) -> list[Finding]:
    """Where merging the branch raises trust, as warnings."""

    def alike(tree: Tree, words: str) -> Sequence[Hit]:
        return context.recall(tree, words, 12, (), "", ("memory/**", "state/sources/**")) if words else ()

    git = context.git
    commits = list(written(git, base, head))

    def earlier(path: str) -> list[bytes]:
        wrote = [each.commit for each in commits if path in each.paths]
        texts = (git.read_blob(f"{commit}:{path}") for commit in wrote[1:])
        return [text for text in texts if text is not None]

    before, after = CommitTree(git, base), CommitTree(git, head)
    return raised_by_merging(changed_paths(git, base, head), before, after, alike, earlier)


def _trust(tree: Tree, paths: list[str]) -> list[str]:
    """The trust marks of the records that the branch adds or changes."""
    marks: set[str] = set()
    for path in paths:
        content = tree.read(path)
        document = parse(path, content)[0] if content is not None and path.endswith((".md", ".yaml")) else None
        if document is not None and isinstance(document.data.get("trust"), str):
            marks.add(document.data["trust"])
    return sorted(marks)


def reviewed_effects(context: Context, run: str, started_at: str) -> tuple[PlannedEffect, ...]:
    """The effects that the run record on the branch shows to the operator."""
    content = context.git.read_blob(f"{branch_of(run)}:{run_record_path(run, started_at)}")
    document = parse("run.yaml", content)[0] if content is not None else None
    return effects_of(document.data) if document else ()
