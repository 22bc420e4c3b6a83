"""A `for_each` step with many items, spread over several jobs: who does which items, and how what they did becomes one
straight line again.

The agent job stops before such a step and says which shares there are. Each share job does the items that are its own
on top of the same commit; the join lays their commits one after the other, in the order of items, as one job would have
written them. A share that never arrives costs nothing but time: its items are simply not done, and the join does them
itself, or stops before the step again where they are too many, for the next round to spread.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aios.domain.event import Event, StepStatus
from aios.domain.run import RunState
from aios.domain.workflow import Workflow
from aios.errors import InvalidError, UsageError
from aios.expressions import ExpressionError
from aios.runs.context import AIOS_EMAIL, AIOS_NAME
from aios.runs.decide import items_left
from aios.runs.history import ASKED
from aios.store.commits import Draft
from aios.store.git import Git
from aios.store.log import read_events
from aios.store.trees import changed_paths

MATRIX = 256  # jobs that one matrix may have
_SHARE = re.compile(r"([1-9][0-9]{0,2})/([1-9][0-9]{0,2})")


@dataclass(frozen=True, slots=True)
class Spread:
    """When a step is spread: where more than `above` items are left to do, over at most `jobs` jobs."""

    above: int
    jobs: int


@dataclass(frozen=True, slots=True)
class Share:
    """The items `number - 1`, `number - 1 + of`, … of a step."""

    step: str
    number: int
    of: int

    def has(self, item: int) -> bool:
        return item % self.of == self.number - 1

    @property
    def text(self) -> str:
        return f"{self.number}/{self.of}"


def parse(text: str) -> tuple[int, int]:
    """`2/8` → (2, 8). Raises UsageError."""
    found = _SHARE.fullmatch(text)
    number, of = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 0 < number <= of <= MATRIX:
        raise UsageError(f"`{text[:20]}` is no share", f"write K/N, with K from 1 to N, and N at most {MATRIX}")
    return number, of


def too_many(workflow: Workflow, state: RunState, step: str, spread: Spread | None) -> bool:
    """Has a step more items left than one job shall do?"""
    try:
        return spread is not None and items_left(workflow, state, step) > spread.above
    except ExpressionError:
        return False


def shares(left: Mapping[str, int], jobs: int) -> list[dict[str, str]]:
    """The matrix of all orders whose steps are spread: order → items left. No more jobs than a matrix may have."""
    if not left:
        return []
    most = max(1, min(jobs, MATRIX // len(left)))
    found: list[dict[str, str]] = []
    for order, items in left.items():
        of = max(1, min(most, items))
        found += [{"order": order, "shard": f"{number}/{of}"} for number in range(1, of + 1)]
    return found[:MATRIX]


def part_of(whole: float, spent: float, of: int) -> float:
    """What one of several jobs may spend until: its part of what is left. 0 stays 0, which is no limit."""
    return spent + max(0.0, whole - spent) / of if whole > 0 else 0.0


def whole_part(whole: int, spent: int, of: int) -> int:
    return max(1, math.floor(part_of(whole, spent, of))) if whole > 0 else 0


@dataclass(frozen=True, slots=True)
class Done:
    """The commits of one share, as drafts by item, in the order in which they were made."""

    share: Share
    drafts: Sequence[tuple[int, Draft]]


def done_by(git: Git, run: str, share: Share, base: str, head: str) -> Done:
    """What a share job left between `base` and `head`. Raises InvalidError for anything but facts of its own items."""
    if not git.is_ancestor(base, head):
        raise _wrong(share, f"it does not build on {base[:10]}, where the step began")
    drafts = []
    for event in read_events(git, since=base, until=head):
        item = event.trailer("Item")
        problem = _problem(event, run, share, item)
        if problem:
            raise _wrong(share, f"{event.commit[:10]} {problem}")
        drafts.append((int(item), _draft(git, event)))
    return Done(share, tuple(drafts))


def in_order(parts: Sequence[Done]) -> list[Draft]:
    """All drafts in the order of items; those of one item in the order in which they were made."""
    every = [each for part in sorted(parts, key=lambda part: part.share.number) for each in part.drafts]
    return [draft for _, draft in sorted(every, key=lambda each: each[0])]


def _problem(event: Event, run: str, share: Share, item: str) -> str:
    """Why a commit is none of the share's; empty where it is."""
    known = {status.value for status in StepStatus}
    if len(event.parents) != 1:
        return "is a merge"
    if (event.author, event.author_email) != (AIOS_NAME, AIOS_EMAIL):
        return f"was not made by {AIOS_NAME}"
    if event.trailer("Run") != run or event.trailer("Step") != share.step:
        return f"tells of something else than `{share.step}` of {run}"
    if not item.isdigit() or not share.has(int(item)):
        return f"tells of an item that is not among those of {share.text}"
    if event.type != ASKED and event.trailer("Status") not in known:
        return f"is no attempt (`{event.type}`)"
    odd = next((change.path for change in event.changes if change.mode), "")
    return f"makes {odd} something else than a file" if odd else ""


def _draft(git: Git, event: Event) -> Draft:
    found = git.read_object(event.commit)
    message = found.content.partition(b"\n\n")[2] if found else b""
    changed = changed_paths(git, event.parents[0], event.commit)
    changes = {each.path: git.read_blob(each.after) if each.after else None for each in changed}
    return Draft(message.decode(), changes, event.at, event.author, event.author_email)


def _wrong(share: Share, why: str) -> InvalidError:
    return InvalidError(f"the share {share.text} of `{share.step}` is not taken: {why}", "its items are done anew")
