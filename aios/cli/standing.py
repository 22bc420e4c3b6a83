"""Saying where a run stands, and what the operator can do next."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from aios.cli.output import say
from aios.domain.run import RunStatus
from aios.errors import Exit

if TYPE_CHECKING:
    from aios.runs.conductor import Standing


def standing_data(standing: Standing) -> dict[str, Any]:
    return asdict(standing) | {"status": standing.status.value, "id": standing.run.split("/")[2]}


def exit_code(standing: Standing) -> int:
    if standing.status is RunStatus.WAITING:
        return Exit.WAITING
    return Exit.OK if standing.status is RunStatus.DONE else Exit.FAILED


def report(standing: Standing) -> None:
    """One or two lines: where it stands, and the command that goes on from there."""
    from aios.effects.executor import HAPPENED

    ulid = standing.run.split("/")[2]
    if standing.question:
        say(f"\n{click.style('A question:', bold=True)} {standing.question['text']}")
        for line in list(standing.question.get("evidence") or ())[:8]:  # type: ignore[call-overload]
            say(f"  - {line}")
        options = list(standing.question.get("options") or ())  # type: ignore[call-overload]
        for number, option in enumerate(options, start=1):
            say(f"  {number}. {option}")
        if HAPPENED in options:
            say(f"Answer with: aios reconcile {ulid} --happened    or: --did-not-happen")
        else:
            say(f'Answer with: aios answer {ulid} "…"    Give it up: aios cancel {ulid}')
    elif standing.status is RunStatus.WAITING and standing.until:
        say(f"\nWaits until {standing.until} ({standing.why}). `aios tick` goes on then.")
    elif standing.status is RunStatus.WAITING:
        say(f"\n{standing.why[:1].upper()}{standing.why[1:]}.")
        say(f"Look: aios show {ulid}    Approve: aios approve {ulid}")
    elif standing.status is RunStatus.FAILED:
        say(f"\n{click.style('Failed:', fg='red')} {standing.why}\nTry again: aios resume {ulid} --retry")
    else:
        say(f"\n{standing.status.value}{': ' + standing.why if standing.why else ''}.")
