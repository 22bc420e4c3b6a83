"""Gathering what a review tells: from the run record, the branch, the manifests and the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from aios.agents.checks import CHECKS
from aios.agents.evidence import evidence_path
from aios.domain.event import Change, Event
from aios.domain.names import branch_of, run_record_path
from aios.domain.run import RunState
from aios.domain.wording import counted
from aios.domain.workflow import StepKind
from aios.errors import UsageError
from aios.policies.facts import TRUST_RAISED
from aios.proposals.record import awaited_effects, verdict_of
from aios.proposals.reviewed import Review
from aios.proposals.state_diff import state_diff
from aios.runs.context import AIOS_EMAIL, Context
from aios.runs.definitions import Definitions, load
from aios.runs.folding_told import folding_told
from aios.runs.history import Fact
from aios.runs.inbox import kept_by
from aios.runs.meanwhile import meanwhile
from aios.runs.migrating import MIGRATION
from aios.runs.overlapping import overlaps_of
from aios.runs.propose import raised_trust
from aios.runs.rewriting_told import Rewritten, rewriting_told
from aios.runs.session import read_state
from aios.runs.shown_at import places_of, web_of
from aios.runs.spent import month_until
from aios.runs.standing import standing
from aios.runs.traces import manifest_of
from aios.store.documents import parse
from aios.store.fields import ReadBlob
from aios.store.log import event_between, read_events
from aios.store.trees import CommitTree, changed_paths
from aios.store.written import written as written_by


def review_of(context: Context, run: str) -> Review:
    """The review of an open proposal. Raises UsageError where the run has none."""
    git = context.git
    branch = branch_of(run)
    head = git.rev(branch)
    state = read_state(git, run, main=context.main)
    record = _record(context, state, head or context.main)
    if head is None or record is None:
        raise UsageError(f"{run} has no open proposal", "`aios inbox` lists them; `aios explain` tells of past ones")
    definitions = load(context, state.workflow, state.base)
    main = git.rev(context.main) or head
    base = git.merge_base(main, head) or state.base
    tree = CommitTree(git, head)
    changes = changed_paths(git, base, head)
    written = [change for change in changes if not change.path.startswith("state/runs/")]
    stands = standing(tree, [change.path for change in written if change.after])
    event = event_between(git, base, head)
    told = replace(event, changes=tuple(change for change in event.changes if change in written))
    raised = raised_trust(context, base, head)
    told_before = [line for line in record.get("findings") or () if f"[{TRUST_RAISED}]" not in str(line)]
    rewritten = rewriting_told(tree, CommitTree(git, base), written)
    folds = folding_told(tree, CommitTree(git, base), written, _refs(context, run))
    web = web_of(context)
    return Review(
        id=state.ulid,
        run=run,
        branch=branch,
        title=_title(record, state, folds, rewritten),
        head=head,
        base_moved=base != main,
        effects=awaited_effects(record),
        verdict=verdict_of(record),
        trigger=state.trigger,
        inputs=state.inputs,
        goal=definitions.workflow.summary,
        tier=_tier(record.get("cost") or {}),
        confidence=_confidence(state),
        findings=[*told_before, *raised, *_step_findings(context, run, state), *_quotations(tree, written)],
        raised=[finding.message for finding in raised],
        evidence=stands.cited,
        unverified=stands.unverified,
        kinds=stands.kinds,
        changes=_changes(told, rewritten, git.read_blob),
        files=[change.path for change in written],
        reasons=_reasons(context, run, state),
        cost=record.get("cost") or {},
        seconds=_seconds(state, record),
        folds=folds,
        rewritten=rewritten.lines,
        checks=_step_checks(context, run),
        versions=_versions(definitions),
        operator_edits=_operator_edits(context, state, head),
        web=web,
        places=places_of(tree, stands) if web else {},
        overlaps=overlaps_of(context, run),
        meanwhile=meanwhile(context, base, main, head, run_record_path(run, state.started_at)) if base != main else (),
        month=month_until(context, str(record.get("proposed") or context.now())),
        context=_seen(context, run),
        steps=[name for name in state.steps if definitions.workflow.steps[name].kind is StepKind.AGENT],
        record=run_record_path(run, state.started_at),
        base=state.base,
    )


def _tier(cost: Mapping[str, Any]) -> str:
    """Which tiers worked on it, in words."""
    return " and ".join(["offline", *(str(tier) for tier in ("small", "large") if tier in (cost.get("tiers") or ()))])


def _quotations(tree: CommitTree, changes: Sequence[Change]) -> list[str]:
    """What of a proposed piece is no longer what its sources say: the operator may edit a quotation, knowingly."""

    def read(path: str) -> str | None:
        content = tree.read(path)
        return None if content is None else content.decode(errors="replace")

    pieces = [change.path for change in changes if change.after and change.path.startswith("state/content/")]
    told = [path for path in pieces if tree.read(evidence_path(path)) is not None]
    return [str(finding) for path in told for finding in CHECKS["quotes-cited"](read, path)]


def _record(context: Context, state: RunState, head: str) -> Mapping[str, Any] | None:
    content = context.git.read_blob(f"{head}:{run_record_path(state.id, state.started_at)}")
    document = parse("run.yaml", content)[0] if content is not None else None
    return document.data if document else None


def _changes(event: Event, rewritten: Rewritten, read_blob: ReadBlob) -> list[str]:
    """The state diff, without the files of which all is told already."""
    left = tuple(change for change in event.changes if change.path not in rewritten.paths)
    lines = state_diff(replace(event, changes=left), read_blob)
    if rewritten.paths:
        count = counted(len(rewritten.paths), "file")
        lines.append(f"{count} brought to the newest schema, as told above and in no other way")
    return lines


def _title(record: Mapping[str, Any], state: RunState, folds: Sequence[str], rewritten: Rewritten) -> str:
    if folds:
        return f"Fold old notes: {folds[0]}"
    if state.workflow == MIGRATION and rewritten.paths:
        return rewritten.title
    summaries = [effect.summary for effect in awaited_effects(record)]
    kept = kept_by(state)
    return "; ".join(summaries) or f"{kept[:1].upper()}{kept[1:]}"


def _confidence(state: RunState) -> float | None:
    for step in reversed(list(state.steps.values())):
        last = step.items[None].last if None in step.items else None
        if last and isinstance(last.output, Mapping) and isinstance(last.output.get("score"), int | float):
            return float(last.output["score"])
    return None


def facts_with_context(context: Context, run: str) -> list[tuple[Fact, str]]:
    """The run's step facts with the key of what each attempt saw."""
    from aios.runs.history import fact_of_event

    told: dict[str, tuple[Fact, str]] = {}
    for ref in (context.main, branch_of(run)):
        if context.git.rev(ref) is None:
            continue
        for event in read_events(context.git, until=ref, run=run):
            told.setdefault(event.commit, (fact_of_event(event), event.trailer("Context")))
    return list(told.values())


def _explanations(context: Context, run: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for fact, key in facts_with_context(context, run):
        manifest = manifest_of(context.git, run, key)
        if manifest:
            found.append((fact.step if fact.item is None else f"{fact.step}[{fact.item + 1}]", manifest))
    return found


def _reasons(context: Context, run: str, state: RunState) -> list[str]:
    del state
    return [
        f"{step}: {reason['what']}: {reason['why']}"
        for step, manifest in _explanations(context, run)
        for reason in manifest.get("reasons", ())
    ]


def _seen(context: Context, run: str) -> list[tuple[str, str]]:
    """The newest attempt at each step with the key of what it saw."""
    keys = {
        (fact.step if fact.item is None else f"{fact.step}[{fact.item + 1}]"): key
        for fact, key in facts_with_context(context, run)
        if fact.step and key
    }
    return list(keys.items())


def _step_findings(context: Context, run: str, state: RunState) -> list[str]:
    """What the last attempt at each step found odd."""
    del state
    latest: dict[str, list[str]] = {}
    for step, manifest in _explanations(context, run):
        latest[step] = [f"{step}: {f['path']}:{f['line']}: {f['message']}" for f in manifest.get("findings", ())]
    return [line for lines in latest.values() for line in lines]


def _step_checks(context: Context, run: str) -> list[str]:
    """What the last attempt at each step was held to, with the result in numbers."""
    latest = {step: manifest.get("checks", ()) for step, manifest in _explanations(context, run)}
    return [str(line) for lines in latest.values() for line in lines]


def _refs(context: Context, run: str) -> dict[str, str]:
    """Why each path is changed, where a step gave a reason that begins with it."""
    return {
        str(reason["refs"][0]): str(reason["why"])
        for _, manifest in _explanations(context, run)
        for reason in manifest.get("reasons", ())
        if reason.get("refs") and str(reason["what"]).startswith(f"{reason['refs'][0]} stands for")
    }


def _seconds(state: RunState, record: Mapping[str, Any]) -> float:
    ended = str(record.get("proposed") or state.started_at)
    try:
        return max(0.0, (_moment(ended) - _moment(state.started_at)).total_seconds())
    except ValueError:
        return 0.0


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _versions(definitions: Definitions) -> list[str]:
    agents = sorted({step.uses for step in definitions.workflow.steps.values() if step.uses in definitions.contracts})
    return [f"workflow {definitions.workflow.name} {definitions.workflow.hash[:19]}"] + [
        f"agent {name}@{definitions.contracts[name].version}" for name in agents
    ]


def _operator_edits(context: Context, state: RunState, head: str) -> list[str]:
    commits = written_by(context.git, state.base, head)
    return sorted({path for each in commits if each.author != AIOS_EMAIL for path in each.paths})
