"""The run record: what was asked, what was done, what will happen on approval. Written with the proposal.

It survives a squash merge, when the run's own commits do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aios.domain.event import StepStatus
from aios.domain.finding import Finding
from aios.domain.policy import Decision, Verdict
from aios.domain.proposal import PlannedEffect
from aios.domain.run import RunState, RunStatus, StepState
from aios.domain.workflow import StepKind, Workflow

END = "end"  # the gate of what a run leaves after its last step: approving that ends the run


def build(
    state: RunState,
    workflow: Workflow,
    *,
    status: RunStatus,
    verdict: Verdict | None = None,
    effects: Sequence[PlannedEffect] = (),
    findings: Sequence[Finding] = (),
    proposed: str = "",
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The record's data, in the order in which a person reads it."""
    record: dict[str, Any] = {
        "schema": "run.v1",
        "run": state.id,
        "workflow": workflow.name,
        "definition": workflow.hash,
        "base": state.base,
        "status": status.value,
        "trigger": dict(state.trigger),
        "inputs": dict(state.inputs),
        "started": state.started_at,
    }
    if proposed:
        record["proposed"] = proposed
    record["steps"] = {
        name: step_data(state.steps[name], step.kind) for name, step in workflow.steps.items() if name in state.steps
    }
    record["effects"] = [effect_data(effect) for effect in effects]
    if verdict is not None:
        record["verdict"] = verdict.as_dict()
    record["findings"] = [str(finding) for finding in findings]
    record["cost"] = {"usd": round(state.usd, 6), "tokens": state.tokens, **_models(state)}
    return record | dict(extra or {})


def _models(state: RunState) -> dict[str, Any]:
    """How models were used; nothing where none was asked."""
    used = state.used
    told: dict[str, Any] = {"calls": used.calls} if used.calls else {}
    told |= {"hits": used.hits, "saved_usd": round(used.saved, 6)} if used.hits else {}
    told |= {"tiers": sorted(used.tiers)} if used.tiers else {}
    return told | ({"unpriced": sorted(used.unpriced)} if used.unpriced else {})


def step_data(step: StepState, kind: StepKind) -> dict[str, Any]:
    """A step as the record tells it. Effects that failed do not make the step fail as long as one was done."""
    items = [step.items[index] for index in sorted(step.items, key=lambda index: -1 if index is None else index)]
    last = [item.last for item in items if item.last]
    failures = [attempt for attempt in last if attempt.status is StepStatus.FAILED]
    failed = len(failures) == len(last) > 0 if kind is StepKind.EFFECT else bool(failures)
    skipped = last and all(attempt.status is StepStatus.SKIPPED for attempt in last)
    status = StepStatus.FAILED if failed else StepStatus.SKIPPED if skipped else StepStatus.SUCCEEDED
    data: dict[str, Any] = {"status": status.value, "attempts": sum(len(item.attempts) for item in items)}
    if last:
        data["ended"] = max(attempt.at for attempt in last)
    errors = [attempt.error for attempt in last if attempt.error]
    if errors:
        data["error"] = errors[0]
    whole = step.items[None].last if None in step.items else None
    if whole:
        data["output"] = whole.output
    elif step.items:
        data["items"] = len(items)
        data["output"] = [attempt.output for attempt in last]
    if step.guidance:
        data["guidance"] = list(step.guidance)
    return data


def effect_data(effect: PlannedEffect) -> dict[str, Any]:
    return {
        "step": effect.step,
        "capability": effect.capability,
        "connector": effect.connector,
        "target": effect.target,
        "key": effect.key,
        "summary": effect.summary,
        "reversible": effect.reversible,
        "undo": effect.undo,
        "record": effect.record,
        "preview": effect.preview,
        "payload": dict(effect.payload),
    } | ({} if effect.item is None else {"item": effect.item})


def effects_of(record: Mapping[str, Any]) -> tuple[PlannedEffect, ...]:
    """The planned effects that a run record tells."""
    return tuple(
        PlannedEffect(
            step=str(item["step"]),
            capability=str(item["capability"]),
            connector=str(item["connector"]),
            target=str(item["target"]),
            key=str(item["key"]),
            summary=str(item["summary"]),
            preview=str(item.get("preview", "")),
            reversible=bool(item.get("reversible", False)),
            undo=str(item.get("undo", "")),
            payload=item.get("payload") or {},
            record=str(item.get("record", "")),
            item=item.get("item"),
        )
        for item in record.get("effects") or ()
    )


def awaited_effects(record: Mapping[str, Any]) -> tuple[PlannedEffect, ...]:
    """The effects that approving the proposal would allow: none once they are done and only the rest is proposed."""
    return () if record.get("gate") == END else effects_of(record)


def verdict_of(record: Mapping[str, Any]) -> Verdict:
    """The verdict that a run record tells; `ask` where it tells none."""
    data = record.get("verdict") or {}
    return Verdict(
        Decision(data.get("decision", "ask")),
        str(data.get("rule", "")),
        str(data.get("why", "")),
        tuple((str(m["rule"]), Decision(m["decision"]), str(m["why"])) for m in data.get("matched", ())),
    )
