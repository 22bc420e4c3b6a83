"""What a run found and decided before a step: what the steps that it needs gave, however far back, and were told."""

from __future__ import annotations

from aios.domain.agent import Found
from aios.domain.event import StepStatus
from aios.domain.run import RunState
from aios.domain.workflow import Workflow
from aios.runs.view import ancestors


def found_before(workflow: Workflow, state: RunState, step: str) -> tuple[Found, ...]:
    """In the order of the workflow and of items; what runs beside the step is not among it.

    What the operator said to this step as well is not told twice, and of a fan-out's items only the first tells it.
    """
    before = ancestors(workflow, step)
    heard = state.steps[step].guidance if step in state.steps else ()
    found = []
    for name in workflow.steps:
        items = state.steps[name].items if name in before and name in state.steps else {}
        said = tuple(words for words in state.steps[name].guidance if words not in heard) if items else ()
        for item in sorted(items, key=lambda each: -1 if each is None else each):
            last = items[item].last
            if last is not None and last.status is StepStatus.SUCCEEDED and last.output not in (None, {}, []):
                found.append(Found(name, item, last.output, said))
                said = ()
    return tuple(found)
