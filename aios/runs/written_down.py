"""Does the ledger still have what main tells of? Each act is claimed there before it is sent and written down on main
afterwards, so a ledger without the claim of something that main calls done was set back. A job's clone is new each time
and remembers no earlier ledger: this is what it can tell by."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from aios.domain.event import AIOS_EMAIL
from aios.domain.names import LEDGER
from aios.effects.ledger import Ledger
from aios.errors import RefusedError
from aios.runs.context import Context

_LOOKED_AT = 50  # the newest acts that main tells of: who sets a ledger back takes those


def verify_ledger(context: Context) -> None:
    """Raises RefusedError where the ledger lacks an act that main has written down: what else it lacks nobody knows, so
    nothing may be done again by it."""
    ledger = Ledger(context.git)
    for commit, key in _acts(context):
        if ledger.get(key) == (None, None):
            branch = LEDGER.removeprefix("refs/heads/")
            raise RefusedError(
                f"`{branch}` was set back: it has nothing of {key[:17]}, which {context.main} tells as done"
                f" ({commit[:10]}); nothing was sent",
                f"push it from a copy that has it (`git push origin {branch}`); the repository's page Activity names"
                " the commit that it was at",
            )


def _acts(context: Context) -> Iterator[tuple[str, str]]:
    """Commit and effect key of what was done, newest first. Of an effect of many parts, each part has its own key."""
    form = "--format=%H%x00%ae%x00%(trailers:key=Aios-Output,valueonly,unfold,separator=%x2c)"
    by = "--grep=Aios-Actor: connector:"
    text = context.git.text("log", "--fixed-strings", by, f"-{_LOOKED_AT}", form, context.main, "--")
    for line in text.splitlines():
        commit, author, output = line.split("\0", 2)
        try:
            told = json.loads(output) if output and author == AIOS_EMAIL else {}
        except ValueError:
            continue
        key = told.get("key") if isinstance(told, Mapping) and "parts" not in told else None
        if isinstance(key, str) and key.startswith("sha256:"):
            yield commit, key
