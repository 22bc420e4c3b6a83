"""A run's proposal on the forge: opened, brought up to date, and told what became of it.

Written from what git holds alone, so it may be called again at any time: nothing is written where nothing changed.
"""

from __future__ import annotations

from aios.domain.forge import Draft, Forge, Proposal
from aios.domain.policy import Decision
from aios.domain.wording import counted
from aios.errors import RefusedError
from aios.proposals.review import Review, render
from aios.runs.context import Context
from aios.runs.reviewing import review_of

STATUS = "aios/proposal"  # the commit status of a proposal's head
STICKY = "status"  # the marker of the one comment for what changes after opening
LABEL = "aios"
TITLE, DESCRIPTION = 240, 140  # characters that a forge keeps of a title, and of a status


def show_on_forge(context: Context, run: str) -> Proposal:
    """Open the run's proposal on the forge, or bring it up to date with its branch. Its branch must be pushed.

    Raises RefusedError where the company names no forge, UsageError where the run has no open proposal.
    """
    forge = forge_of(context)
    review = review_of(context, run)
    told = forge.open(
        Draft(review.branch, context.main, review.title[:TITLE], render(review), labels=labels_of(review))
    )
    _publish(forge, review)
    return told


def show_outcome(context: Context, run: str) -> None:
    """After an approval: the effects' receipts, or what they wait for, in the proposal's sticky comment."""
    del run
    forge_of(context)


def forge_of(context: Context) -> Forge:
    if context.forge is None:
        raise RefusedError(
            "this company names no forge: its proposals are branches alone", "`forge` in state/company.yaml names one"
        )
    return context.forge


def labels_of(review: Review) -> tuple[str, ...]:
    return (LABEL, f"{LABEL}:{review.verdict.decision.value}")


def _publish(forge: Forge, review: Review) -> None:
    """The commit status of exactly the head that is shown."""
    denied = review.verdict.decision is Decision.DENY
    state = "failure" if denied else "success"
    if forge.statuses(review.head).get(STATUS) == state:
        return
    told = f"denied: {review.verdict.why}" if denied else f"{counted(len(review.effects), 'effect')} shown"
    forge.status(review.head, STATUS, state, told[:DESCRIPTION])
