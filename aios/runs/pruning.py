"""Forgetting old recordings and spans: `aios/traces` begins anew without them. The log and the manifests stay.

What a run decided, wrote and cost is in its commits for ever; without its recording a run can no longer be executed
again where it asked anything outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aios.domain.keys import moment_of_ulid
from aios.domain.names import TRACES
from aios.errors import MovedError
from aios.runs.context import AIOS_EMAIL, AIOS_NAME, Context
from aios.store.commits import commit_object
from aios.store.maintain import reclaim

_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many files of how many runs are (or would be) forgotten, and their size in bytes before compression."""

    runs: int
    files: int
    size: int


def prune(context: Context, *, before: datetime, dry_run: bool = False) -> Pruned:
    """Forget the recordings and spans of runs that were started before then. Raises MovedError where others keep
    writing.
    """
    git = context.git
    for left in reversed(range(_ATTEMPTS)):
        tip = git.rev(TRACES)
        old = _old(context, tip, before) if tip else {}
        told = Pruned(len({path.split("/")[1] for path in old}), len(old), sum(old.values()))
        if tip is None or not old or dry_run:
            return told
        message = f"traces: forgot {told.files} files of {told.runs} runs\n"
        without = commit_object(
            git,
            parent=tip,
            changes=dict.fromkeys(old),
            message=message,
            at=context.now(),
            author=AIOS_NAME,
            email=AIOS_EMAIL,
        )
        try:
            git.update_ref(TRACES, _beginning(context, without, message), tip, reason="traces pruned")
        except MovedError:
            if not left:
                raise
            continue
        break
    reclaim(git, TRACES)
    return told


def _beginning(context: Context, commit: str, message: str) -> str:
    """A commit without a past, with the same files."""
    who = {"NAME": AIOS_NAME, "EMAIL": AIOS_EMAIL, "DATE": context.now()}
    env = {f"GIT_{role}_{name}": value for role in ("AUTHOR", "COMMITTER") for name, value in who.items()}
    made = context.git.run("commit-tree", f"{commit}^{{tree}}", "-m", message, env=env, durable=True)
    return made.decode().strip()


def _old(context: Context, tip: str, before: datetime) -> dict[str, int]:
    """Paths and sizes of what belongs to runs started before then."""
    listed = context.git.text("ls-tree", "-r", "-z", "-l", tip, "recordings/", "spans/").split("\0")
    found = {}
    for entry in filter(None, listed):
        facts, _, path = entry.partition("\t")
        try:
            began = moment_of_ulid(path.split("/")[1])
        except ValueError:
            continue  # nothing of ours
        if began < before:
            found[path] = int(facts.split()[3])
    return found
