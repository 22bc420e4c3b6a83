"""Proposals that were closed at the forge without a merge: by an approver that is a rejection, by others it is nothing.

adopt_closed(context)    every open run whose proposal was closed there, decided or told
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from aios.domain.event import OPERATOR
from aios.domain.forge import LOGIN, Comment, Forge, Proposal, State, may_approve
from aios.domain.keys import key_of
from aios.domain.names import branch_of
from aios.errors import BusyError, RefusedError
from aios.runs.approval import OURS, who
from aios.runs.context import Context
from aios.runs.gates import approvers_at, open_gate
from aios.runs.inbox import open_runs
from aios.runs.rejecting import reject
from aios.runs.said import Said
from aios.runs.session import read_state
from aios.runs.start import run_on_branch

WITHOUT = "closed on the forge without a reason"
_REJECT = re.compile(r"^\s*/aios\s+reject\b[ \t]*(.*)", re.DOTALL)
_COMMAND = re.compile(r"^\s*/aios\b")
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Closed:
    """A proposal that is closed there. `rejected` where an approver closed it; else `why` says why it still waits."""

    run: str
    number: int
    url: str
    by: str
    rejected: bool
    reason: str = ""
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def adopt_closed(context: Context) -> list[Closed]:
    """Decide every open run whose proposal was closed unmerged; nothing where the company names no forge.

    Raises TransientError where the forge does not answer.
    """
    forge = context.forge
    if forge is None:
        return []
    found = []
    for run in open_runs(context):
        proposal = forge.find(branch_of(run))
        if proposal is not None and proposal.state is State.CLOSED and _is_of(context, proposal, run):
            closed = decided(context, forge, proposal, run)
            found += [closed] if closed is not None else []
    return found


def _is_of(context: Context, proposal: Proposal, run: str) -> bool:
    """Is it this run's, and of what its branch is now? One of an earlier run may have borne the same branch's name."""
    git, tip = context.git, context.git.rev(branch_of(run))
    if not proposal.head or git.rev(proposal.head) is None or tip is None:
        return False
    return run_on_branch(context, proposal.head) == run and git.is_ancestor(tip, proposal.head)


def decided(context: Context, forge: Forge, proposal: Proposal, run: str) -> Closed | None:
    """Decide one run whose proposal was closed unmerged; None where it waits for no decision."""
    if not open_gate(read_state(context.git, run, main=context.main)):
        return None
    by = forge.closed_by(proposal.number)
    told = Closed(run, proposal.number, proposal.url, by, rejected=False)
    if not may_approve(approvers_at(context.git, context.main), **who(by)):
        why = f"{by or 'nobody known'} closed #{proposal.number}, and is not among the approvers: it still waits"
        return Closed(run, proposal.number, proposal.url, by, rejected=False, why=why)
    reason, url = reason_of(forge.comments(proposal.number), by)
    actor = f"{OPERATOR}:{by}" if "@" in by else f"{OPERATOR}:{LOGIN}{by}"
    said = Said(actor, key_of("closed", run, proposal.number), url or proposal.url)
    try:
        reject(context, run, reason=reason, said=said)
    except BusyError as error:
        return Closed(run, proposal.number, proposal.url, by, rejected=False, why=error.message)
    return Closed(told.run, told.number, told.url, by, rejected=True, reason=reason)


def reason_of(comments: list[Comment] | tuple[Comment, ...] | Any, by: str) -> tuple[str, str]:
    """What the closer said last, and where: `/aios reject …` before any other words of theirs."""
    theirs = [each for each in comments if each.author.casefold() == by.casefold() and OURS not in each.body]
    for each in reversed(theirs):
        match = _REJECT.match(each.body)
        if match and match[1].strip():
            return match[1].strip()[:_LONGEST], each.url
    plain = [each for each in theirs if not _COMMAND.match(each.body) and each.body.strip()]
    return (plain[-1].body.strip()[:_LONGEST], plain[-1].url) if plain else (WITHOUT, "")


def verify_open(context: Context, run: str, *, merged: bool = False) -> None:
    """Raises RefusedError where the proposal was closed at the forge meanwhile, or merged unless it may be `merged`:
    that decides, and no word here. Nothing is asked where the company names no forge."""
    forge, tip = context.forge, context.git.rev(branch_of(run))
    proposal = forge.find(branch_of(run)) if forge is not None and tip else None
    if proposal is None or proposal.state is State.OPEN or not _is_of(context, proposal, run):
        return
    if proposal.state is State.CLOSED or not merged:
        raise RefusedError(
            f"#{proposal.number} was {proposal.state.value} on the forge meanwhile", "`aios apply` goes on from there"
        )
