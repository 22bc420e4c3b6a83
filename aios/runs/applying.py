"""What stands before the effects where a company is shared: what others have is brought here, and what was decided at
the forge is noted. `told` is the same afterwards, for whoever has to be told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from aios.runs.adopting import Adopted, adopt_merged
from aios.runs.closing import Closed, adopt_closed
from aios.runs.context import Context
from aios.runs.syncing import sync
from aios.runs.written_down import verify_ledger


@dataclass(frozen=True, slots=True)
class TakenIn:
    """`main` is the main branch's name, which may have changed at the shared copy; `stuck` what could not be joined."""

    main: str
    adopted: tuple[Adopted, ...] = ()
    closed: tuple[Closed, ...] = ()
    stuck: tuple[str, ...] = ()

    @property
    def waits(self) -> tuple[Adopted, ...]:
        """What was merged and is not approved: nothing of it is done."""
        return tuple(each for each in self.adopted if each.outcome.waits)

    def as_dict(self) -> dict[str, Any]:
        return {
            "adopted": [each.as_dict() for each in self.adopted],
            "closed": [each.as_dict() for each in self.closed],
            "stuck": list(self.stuck),
        }


def take_in(context: Context) -> TakenIn:
    """Bring here what the shared copy has, then decide what was merged or closed at the forge.

    Raises TransientError and CredentialsError where either does not answer or let us, and RefusedError where the ledger
    was set back: then nothing may be done, for nobody can say what is approved, or what was done.
    """
    main, stuck = context.main, tuple[str, ...]()
    if context.remote is not None:
        synced = sync(context)
        main, stuck = synced.main, tuple(f"{each}: {each.detail}" for each in synced.stuck)
        context = replace(context, main=main)
        verify_ledger(context)
    adopted = tuple(adopt_merged(context))
    return TakenIn(main, adopted, tuple(adopt_closed(context)), stuck)


def hand_back(context: Context) -> tuple[str, ...]:
    """Push what was noted here and is not at the shared copy yet; what is stuck."""
    if context.remote is None:
        return ()
    return tuple(f"{each}: {each.detail}" for each in sync(context).stuck)
