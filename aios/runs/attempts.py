"""What an ended attempt means for its run: the event to commit, the files to write, the manifest to keep. Pure.

The runner commits it; replay compares it with what was committed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aios.domain.event import EventNote, StepStatus, output_text
from aios.domain.keys import canonical_json, digest, key_of
from aios.domain.record import ref_of
from aios.domain.run import ACCEPT, GO_ON, STOP, Fail, RunState, Skip, Start
from aios.domain.workflow import Step
from aios.runs.definitions import Definitions
from aios.runs.history import ASKED
from aios.runs.worker import Result


@dataclass(frozen=True, slots=True)
class Ended:
    """`manifest` is what the attempt saw and why it did what it did; None where it left none."""

    note: EventNote
    files: Mapping[str, str | None] = field(default_factory=dict)
    manifest: Mapping[str, Any] | None = None


def ended(definitions: Definitions, state: RunState, start: Start, result: Result) -> Ended:
    """The attempt as an event. A low confidence becomes a question, unless the operator has answered one."""
    step = definitions.workflow.steps[start.step]
    key = attempt_key(definitions, state, start)
    if result.error:
        return Ended(_failed(state, start, result, key))
    answer: Mapping[str, Any] = result.value
    try:
        output_text(answer["question"] if "question" in answer else answer["output"])
    except ValueError as error:
        lost = Result(error=f"what {step.uses} gives cannot be kept: {error}", usage=answer.get("usage") or {})
        return Ended(_failed(state, start, lost, key))
    if "question" in answer:
        return asking(state, start, answer["question"], answer, key)
    below = step.escalate.below if step.escalate else 0.0
    if answer["confidence"] < below and not guidance_of(state, step.name):
        question = {
            "text": f"{step.uses} is {answer['confidence']:.0%} confident; `{step.name}` asks for {below:.0%}",
            "options": [ACCEPT, STOP],
            "evidence": [_finding_line(finding) for finding in answer["findings"][:20]],
        }
        return asking(state, start, question, answer, key)
    return _succeeded(definitions, state, start, answer, key)


def over_budget(definitions: Definitions, state: RunState, start: Start) -> Ended | None:
    """The question before more is spent than the workflow grants; None where there is some left."""
    budget = definitions.workflow.budget
    grants = 1 + guidance_of(state, start.step).count(GO_ON)
    over_usd = 0 < budget.usd * grants <= state.usd
    over_tokens = 0 < budget.tokens * grants <= state.tokens
    if not over_usd and not over_tokens:
        return None
    spent = f"{state.usd:.2f} USD and {state.tokens} tokens"
    text = f"this run has spent {spent}, all that its workflow grants; `{start.step}` comes next. Shall it go on?"
    answer: Mapping[str, Any] = {"manifest": {}, "reasons": [], "findings": [], "confidence": 1.0}
    question = {"text": text, "options": [GO_ON, STOP], "evidence": []}
    return asking(state, start, question, answer, attempt_key(definitions, state, start))


def asking(
    state: RunState, start: Start, question: Mapping[str, Any], answer: Mapping[str, Any], attempt: str
) -> Ended:
    manifest = _manifest(answer, start)
    note = EventNote(
        type=ASKED,
        title=question["text"],
        body="\n".join(f"- {line}" for line in question["evidence"]),
        run=state.id,
        step=start.step,
        item=start.item,
        status=StepStatus.WAITING.value,
        key=key_of("question", attempt, question["text"]),
        context=_key(manifest),
        output=dict(question),
        usage=answer.get("usage") or {},
    )
    return Ended(note, manifest=manifest)


def without_work(step: Step, state: RunState, command: Skip | Fail) -> EventNote:
    """A step that needs no attempt, or cannot have one."""
    failed = isinstance(command, Fail)
    status = StepStatus.FAILED if failed else StepStatus.SKIPPED
    again = len(guidance_of(state, command.step))
    return EventNote(
        type=f"step.{status.value}",
        title=f"{command.step}: {command.why}",
        run=state.id,
        step=command.step,
        item=command.item,
        attempt=1,
        status=status.value,
        key=key_of("step", state.id, command.step, command.item, status.value, again),
        error=command.why if failed else "",
        output=[] if step.for_each and command.item is None and not failed else None,
    )


def keeping_edits(note: EventNote, paths: Sequence[str]) -> EventNote:
    """The note, telling of the operator's edits that were merged in."""
    lines = [f"- kept the operator's edit of {path}" for path in paths]
    return replace(note, body="\n".join([*([note.body] if note.body else []), *lines])) if lines else note


def attempt_key(definitions: Definitions, state: RunState, start: Start) -> str:
    """Names an attempt by everything that decides what it does."""
    step = definitions.workflow.steps[start.step]
    contract = definitions.contracts.get(step.uses)
    return key_of(
        "step",
        state.id,
        definitions.workflow.hash,
        f"{contract.name}@{contract.version}" if contract else step.uses,
        step.name,
        start.item,
        start.attempt,
        dict(start.inputs),
        len(guidance_of(state, step.name)),  # sent back or answered: a new generation is new work
    )


def guidance_of(state: RunState, step: str) -> tuple[str, ...]:
    """The operator's words for a step."""
    return state.steps[step].guidance if step in state.steps else ()


def _succeeded(definitions: Definitions, state: RunState, start: Start, answer: Mapping[str, Any], key: str) -> Ended:
    step, files = definitions.workflow.steps[start.step], answer["files"]
    contract = definitions.contracts.get(step.uses)
    actor = f"agent:{step.uses}@{contract.version}" if contract else f"connector:{answer['manifest']['connector']}"
    manifest = _manifest(answer, start)
    note = EventNote(
        type=contract.event if contract else "source.collected" if files else "service.read",
        title=answer["title"] or f"{step.name} done",
        body="\n".join(f"- {reason['what']}: {reason['why']}" for reason in answer["reasons"]),
        records=tuple(ref_of(path) for path in sorted(files)),
        run=state.id,
        step=step.name,
        item=start.item,
        attempt=start.attempt,
        status=StepStatus.SUCCEEDED.value,
        actor=actor,
        key=key,
        context=_key(manifest),
        output=answer["output"],
        usage=answer.get("usage") or {},
    )
    return Ended(note, files, manifest)


def _failed(state: RunState, start: Start, result: Result, key: str) -> EventNote:
    hint = f" Hint: {result.hint}" if result.hint else ""
    return EventNote(
        type="step.failed",
        title=f"{start.step}: {result.error}",
        body=result.bug or hint.strip(),
        run=state.id,
        step=start.step,
        item=start.item,
        attempt=start.attempt,
        status=StepStatus.FAILED.value,
        key=key,
        error=result.error + hint,
        transient=result.transient,
        usage=result.usage,
    )


def _manifest(answer: Mapping[str, Any], start: Start) -> dict[str, Any]:
    return {
        "inputs": dict(start.inputs),
        "manifest": answer["manifest"],
        "reasons": answer["reasons"],
        "findings": answer["findings"],
        "confidence": answer["confidence"],
        **({"checks": answer["checks"]} if answer.get("checks") else {}),
    }


def _key(manifest: Mapping[str, Any]) -> str:
    return digest(canonical_json(manifest).encode())


def _finding_line(finding: Mapping[str, Any]) -> str:
    return f"{finding['path']}:{finding['line']}: {finding['message']}"
