"""What a run found before a step: the outputs of the steps that the step needs, however far back."""

from __future__ import annotations

from aios.domain.agent import Found
from aios.domain.event import StepStatus
from aios.domain.run import RunState
from aios.domain.workflow import Workflow
from aios.runs.view import ancestors


def found_before(workflow: Workflow, state: RunState, step: str) -> tuple[Found, ...]:
    """In the order of the workflow and of items; what runs beside the step is not among it."""
    before = ancestors(workflow, step)
    found = []
    for name in workflow.steps:
        items = state.steps[name].items if name in before and name in state.steps else {}
        for item in sorted(items, key=lambda each: -1 if each is None else each):
            last = items[item].last
            if last is not None and last.status is StepStatus.SUCCEEDED and last.output not in (None, {}, []):
                found.append(Found(name, item, last.output))
    return tuple(found)
