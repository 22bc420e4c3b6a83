"""A run's proposal on the forge: opened, brought up to date, and told what became of it.

Made from what git holds alone, so it may be called again at any time: nothing is written where nothing changed. What is
decided about it stands in the body, what happens afterwards in one comment, each question in a comment of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aios.domain.finding import Severity
from aios.domain.forge import Draft, Forge, Proposal, State
from aios.domain.names import STATUS, branch_of
from aios.domain.policy import Decision
from aios.domain.run import RunState
from aios.domain.wording import counted
from aios.errors import RefusedError, UsageError
from aios.proposals.neutral import cut, plain
from aios.proposals.review import render
from aios.proposals.reviewed import Overlap, Review
from aios.runs.asked import Asked, comment_of, open_of, questions_of
from aios.runs.asking_page import asking_page
from aios.runs.context import Context
from aios.runs.gates import open_gate
from aios.runs.inbox import open_runs
from aios.runs.reviewing import review_of
from aios.runs.session import read_state
from aios.runs.sticky import sticky_of

STICKY = "status"  # the marker of the one comment for what changes after opening
LABEL, ASKS, OVERLAPS = "aios", "aios:question", "aios:overlaps"
TITLE, DESCRIPTION = 240, 140  # characters that a forge keeps of a title, and of a status
BODY = 65_536 - 1_024  # characters of a body, with room for what the forge's client adds


def show_on_forge(context: Context, run: str) -> Proposal:
    """Open the run's proposal on the forge, or bring it up to date with its branch, which must be pushed. A run that
    asks before it can propose is opened with its question.

    Raises RefusedError where the company names no forge, UsageError where the run has nothing to show.
    """
    told, overlaps = _show(context, run)
    for other in overlaps:  # each names the other: who was first is told of who came second
        if told.url and told.url not in _body_of(forge_of(context), other.run):
            _show(context, other.run)
    return told


def show_all(context: Context) -> list[Proposal]:
    """Every open proposal brought up to date: after main moved, or an operator's commits."""
    shown = []
    for run in open_runs(context):
        state = read_state(context.git, run, main=context.main)
        if open_gate(state) or open_of(questions_of(context, run)) or _found(context, run):
            shown.append(_show(context, run)[0])
    return shown


def show_outcome(context: Context, run: str) -> None:
    """After a decision: the effects' receipts, or what they wait for, in the proposal's one comment. A proposal whose
    run is over without a merge is closed."""
    forge = forge_of(context)
    found = forge.find(branch_of(run), fingerprint=f"aios:{run} ")
    if found is None or not speaks_of(found, run):
        return
    if text := sticky_of(context, run):
        forge.say(found.number, STICKY, text)
    _show_questions(forge, found.number, questions_of(context, run))
    state = read_state(context.git, run, main=context.main)
    if found.state is State.OPEN and (state.cancelled or "rejected" in state.gates.values()):
        forge.close(found.number, "Rejected; the reason is in the run's record." if not state.cancelled else "Stopped.")


def speaks_of(proposal: Proposal, run: str) -> bool:
    """Is it this run's, and not of an earlier or later one on the same branch?"""
    return f"<!-- aios:{run} " in proposal.body


def forge_of(context: Context) -> Forge:
    if context.forge is None:
        raise RefusedError(
            "this company names no forge: its proposals are branches alone", "`forge` in state/company.yaml names one"
        )
    return context.forge


def labels_of(review: Review, asked: Asked | None) -> tuple[str, ...]:
    verdict = "denied" if review.verdict.decision is Decision.DENY else review.verdict.decision.value
    labels = [LABEL, f"{LABEL}:{verdict}"]
    return (*labels, *([OVERLAPS] if review.overlaps else []), *([ASKS] if asked else []))


def _show(context: Context, run: str) -> tuple[Proposal, Sequence[Overlap]]:
    forge = forge_of(context)
    state = read_state(context.git, run, main=context.main)
    questions = questions_of(context, run)
    asked = open_of(questions)
    if open_gate(state):
        review = review_of(context, run)
        review = replace(review, overlaps=[_with_url(forge, each) for each in review.overlaps])
        told = _opened(forge, context.main, review, labels_of(review, asked))
        _publish(forge, review)
        overlaps, meanwhile = review.overlaps, review.meanwhile
    else:
        told, overlaps, meanwhile = _unfinished(context, forge, state, asked), (), ()
    _show_questions(forge, told.number, questions)
    if text := sticky_of(context, run, meanwhile):
        forge.say(told.number, STICKY, text)
    return told, overlaps


def _opened(forge: Forge, base: str, review: Review, labels: Sequence[str]) -> Proposal:
    body = render(review, limit=BODY, heading=False)
    told = forge.open(Draft(review.branch, base, plain(review.title, TITLE), body, labels=tuple(labels)))
    return _relabelled(forge, told, labels)


def _relabelled(forge: Forge, told: Proposal, labels: Sequence[str]) -> Proposal:
    """Without labels of ours that are no longer true; anybody else's stay."""
    stale = [each for each in told.labels if each.startswith(f"{LABEL}:") and each not in labels]
    if not stale:
        return told
    forge.label(told.number, remove=stale)
    return replace(told, labels=tuple(each for each in told.labels if each not in stale))


def _unfinished(context: Context, forge: Forge, state: RunState, asked: Asked | None) -> Proposal:
    """A run that is not at its gate: what was shown of it stays; where it asks, and was never shown, it is opened."""
    branch = branch_of(state.id)
    found, head = _found(context, state.id), context.git.rev(branch)
    if head is None or (found is None and asked is None):
        raise UsageError(f"{state.id} has no open proposal", "`aios inbox` lists them")
    labels = (LABEL, ASKS) if asked else (LABEL,)
    if found is None:
        title = plain(f"Question: {asked.text if asked else state.subject}", TITLE)
        found = forge.open(Draft(branch, context.main, title, asking_page(context, state, asked), labels=labels))
    elif asked:
        forge.label(found.number, add=[ASKS])
        found = _relabelled(forge, found, (*found.labels, ASKS))
    else:
        found = _relabelled(forge, found, labels)
    waits = f"asks: {asked.text}" if asked else "being worked on again"
    forge.status(head, STATUS, "pending", cut(" ".join(waits.split()), DESCRIPTION))
    return found


def _found(context: Context, run: str) -> Proposal | None:
    found = forge_of(context).find(branch_of(run))
    return found if found and found.state is State.OPEN and speaks_of(found, run) else None


def _body_of(forge: Forge, run: str) -> str:
    found = forge.find(branch_of(run))
    return found.body if found and found.state is State.OPEN else ""


def _with_url(forge: Forge, overlap: Overlap) -> Overlap:
    found = forge.find(branch_of(overlap.run))
    known = found is not None and found.state is State.OPEN
    return replace(overlap, url=found.url, title=found.title) if found and known else overlap


def _publish(forge: Forge, review: Review) -> None:
    """The commit status of exactly the head that is shown."""
    wrong = [each for each in review.findings if getattr(each, "severity", None) is Severity.ERROR]
    wrong += [each for each in review.findings if isinstance(each, str) and f": {Severity.ERROR.value} [" in each]
    if review.verdict.decision is Decision.DENY:
        state, told = "failure", f"denied: {review.verdict.why}"
    elif wrong:
        state, told = "failure", f"{counted(len(wrong), 'error')} in what it changes: {wrong[0]}"
    else:
        what = f"{counted(len(review.effects), 'effect')}" if review.effects else "no effect outside"
        state, told = "success", f"shown as it is: {what}, {review.verdict.decision.value}: {review.verdict.why}"
    forge.status(review.head, STATUS, state, cut(" ".join(told.split()), DESCRIPTION))


def _show_questions(forge: Forge, number: int, questions: Sequence[Asked]) -> None:
    """The open question has a comment; one that was answered is told as such, where it was shown."""
    if not questions:
        return
    said = [each for each in forge.comments(number) if each.by_us]
    for asked in questions:
        shown = next((each for each in said if f"<!-- aios:{asked.marker} -->" in each.body), None)
        if (shown is None and not asked.at) or (shown is not None and asked.at):
            forge.say(number, asked.marker, comment_of(asked))
