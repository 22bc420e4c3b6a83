"""One approval of many acts: each part of an effect is claimed, looked up, done and receipted by itself.

Everything that is known of a part stands in the ledger under the part's own key, so that a sitting may end anywhere and
the next goes on with what is left. A part that the service refuses stops no other; one in doubt is asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from aios.domain.agent import Question
from aios.domain.effect import Connector, Effect, HowKnown, Receipt
from aios.domain.wording import counted
from aios.effects.executor import DID_NOT_HAPPEN, HAPPENED, Ask, Desk, WithheldError, execute
from aios.errors import AiosError, BusyError, CredentialsError, HeldError, TransientError

IN_A_ROW = 5  # failures after which a sitting ends: it is hardly the recipients
TOLD = 20  # parts that are named one by one; the ledger has them all


@dataclass(frozen=True, slots=True)
class NotDone:
    """A part that will not happen, and why."""

    target: str
    why: str


@dataclass(slots=True)
class Tally:
    """How the parts of an effect stand. `stopped` is what ended the sitting early; `left` are parts still to do."""

    of: int
    done: int = 0
    new: int = 0
    left: int = 0
    refused: list[NotDone] = field(default_factory=list)
    withheld: list[NotDone] = field(default_factory=list)
    doubtful: list[Question] = field(default_factory=list)
    stopped: AiosError | None = None

    @property
    def is_settled(self) -> bool:
        return not self.left and not self.doubtful

    def __str__(self) -> str:
        parts = [(len(self.refused), "refused"), (len(self.withheld), "withheld"), (len(self.doubtful), "in doubt")]
        return "; ".join([f"{self.done} of {self.of} done", *(f"{count} {what}" for count, what in parts if count)])


def execute_parts(
    parts: Sequence[Effect],
    connector: Connector,
    desk: Desk,
    *,
    approved: Collection[str],
    approved_commit: str,
    withheld: Callable[[Effect], str],
    heard: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Do the parts that are left. `withheld` says why one shall not go out (empty where nothing speaks against it),
    asked just before its turn and again before the act; `heard` is told after each act.

    Raises nothing that a single part may cause; what stops them all is in the tally.
    """
    tally, row, desk = Tally(len(parts)), 0, replace(desk, objection=withheld)
    for part in parts:
        if _is_known(part, desk, tally):
            continue
        if tally.stopped is not None:
            tally.left += 1
            continue
        failed = _one(part, connector, desk, tally, approved, approved_commit)
        row = row + 1 if failed else 0
        if failed and row >= IN_A_ROW and tally.stopped is None:
            tally.stopped = HeldError(f"{row} in a row failed, the last with: {failed.message}", failed.hint)
        heard(tally)
    return tally


def _is_known(part: Effect, desk: Desk, tally: Tally) -> bool:
    """Was it settled before?"""
    if desk.ledger.get(part.key)[1] is not None:
        tally.done += 1
        return True
    ended = desk.ledger.ended(part.key, desk.turn)
    if ended is not None:
        (tally.withheld if ended.end == "withheld" else tally.refused).append(NotDone(part.target, ended.why))
    return ended is not None


def _one(
    part: Effect, connector: Connector, desk: Desk, tally: Tally, approved: Collection[str], commit: str
) -> AiosError | None:
    """One part; the error where the service failed or refused it."""
    try:
        done = execute(part, connector, desk, approved=approved, approved_commit=commit)
    except BusyError:
        tally.left += 1  # another worker's
        return None
    except WithheldError as error:
        tally.withheld.append(NotDone(part.target, error.message))
        return None
    except (HeldError, CredentialsError) as error:
        tally.left += 1
        tally.stopped = error
        return None
    except TransientError as error:
        tally.left += 1
        if error.retry_after is not None:
            tally.stopped = error
        return error
    except AiosError as error:
        tally.refused.append(NotDone(part.target, error.message))
        return error
    if isinstance(done, Ask):
        tally.doubtful.append(done.question)
        return None
    tally.done += 1
    tally.new += int(done.new)
    return None


def question_of(effect: Effect, tally: Tally) -> Question:
    """One question about all the parts in doubt."""
    asked = tally.doubtful
    if len(asked) == 1:
        return asked[0]
    told = [f"{each.text} {'; '.join(each.evidence)}" for each in asked[:TOLD]]
    more = [f"and {len(asked) - TOLD} more: `aios reconcile` lists them"] if len(asked) > TOLD else []
    text = f"did {counted(len(asked), 'part')} of {effect.capability} → {effect.target} happen?"
    return Question(text, (HAPPENED, DID_NOT_HAPPEN), (*told, *more, f"key {effect.key}"))


def receipt_of(effect: Effect, tally: Tally, desk: Desk) -> Receipt:
    """The receipt of the whole, which counts. It stands in the ledger only where something was done."""
    receipt = Receipt(effect.key, "done", HowKnown.ACTED, desk.now(), detail=str(tally))
    if not tally.done:
        return receipt
    desk.ledger.receipt(receipt)
    return desk.ledger.get(effect.key)[1] or receipt
