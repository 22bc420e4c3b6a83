"""The body of a proposal that is none yet: a run asks before it can go on."""

from __future__ import annotations

from aios.domain.run import RunState
from aios.domain.workflow import StepKind
from aios.proposals.neutral import code, neutral
from aios.runs.asked import Asked
from aios.runs.context import Context
from aios.runs.definitions import load


def asking_page(context: Context, state: RunState, asked: Asked | None) -> str:
    workflow = load(context, state.workflow, state.base).workflow
    done = [name for name, step in state.steps.items() if step.items and workflow.steps[name].kind is StepKind.AGENT]
    given = [(name, value) for name, value in state.inputs.items() if value]
    text = neutral(asked.text, 2_000) if asked else "nothing"
    lines = [
        f"**It asks before it can go on: {text} Nothing can be approved yet: do not merge.**",
        "",
        "Answer in the comment below; this description then becomes the proposal.",
        "",
        "## Why",
        "",
        f"- Goal: {neutral(workflow.summary, 1_000)}",
        f"- Trigger: {neutral(str(state.trigger.get('kind', 'manual')), 200)}",
        *[f"- Input {code(str(name), 100)}: {neutral(str(value), 1_000)}" for name, value in given[:20]],
        f"- Done so far: {', '.join(map(code, done)) or 'nothing'}",
        "",
        "## How to correct it",
        "",
        "- comment `/aios answer` with an option's number or words, or tick it",
        "- close this to stop the run",
        "",
        f"<!-- aios:{state.id} asks -->",
    ]
    return "\n".join(lines) + "\n"
