"""`aios apply` where proposals are merged on a forge: what was decided there, then the effects, then the telling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aios.cli.job_summary import Linked, cell, table, tell
from aios.cli.output import emit_json, say
from aios.errors import Exit

if TYPE_CHECKING:
    from aios.app import Company
    from aios.runs.adopting import Adopted
    from aios.runs.applying import TakenIn
    from aios.runs.closing import Closed

_SAID = {
    "approved": "approved",
    "unconfirmed": "WAITS FOR A WORD",
    "shown anew": "NOT APPROVED, shown anew",
    "refused": "NOT APPROVED",
    "busy": "another process is at it",
}


def apply_shared(here: Company, runs: tuple[str, ...], *, as_json: bool) -> int:
    """Raises TransientError or CredentialsError, with nothing sent, where it cannot be known what is approved."""
    from aios.app import Company, actions
    from aios.cli.apply import carried, waiting
    from aios.runs.applying import hand_back, take_in

    taken = take_in(here.context)
    if taken.main != here.main:
        here = Company(here.git)
    chosen = waiting(here, runs)
    code, told, wrong = carried(here, chosen, as_json=as_json)
    stuck = [*taken.stuck, *hand_back(here.context)]
    _show_outcomes(here, taken, chosen)
    code = code or exit_code(taken, stuck)
    text = summary(taken, told, wrong, stuck)
    actions.output(
        {
            "approved": str(sum(not each.outcome.waits for each in taken.adopted)),
            "not-approved": str(len(taken.waits)),
            "rejected": str(sum(each.rejected for each in taken.closed)),
            "carried": str(len(told)),
            "result": "ok" if code == Exit.OK else "look",
        }
    )
    tell(text, quiet=as_json)
    if as_json:
        emit_json({**taken.as_dict(), "runs": told, "wrong": wrong, "not_pushed": stuck})
    elif not (taken.adopted or taken.closed or chosen):
        say("Nothing approved waits to be done.")
    return code


def exit_code(taken: TakenIn, stuck: list[str]) -> int:
    """Merged with nothing applied must not pass for done."""
    outcomes = {each.outcome.value for each in taken.waits}
    if outcomes & {"refused", "busy"} or stuck or any(not each.rejected for each in taken.closed):
        return Exit.REFUSED
    return Exit.WAITING if outcomes else Exit.OK


def _show_outcomes(here: Company, taken: TakenIn, chosen: list[str]) -> None:
    """Told on the proposals too, where our token may: what was done is done without it."""
    from aios.errors import AiosError
    from aios.runs.on_forge import show_outcome

    forge = here.context.forge
    for run in dict.fromkeys([*chosen, *(each.run for each in taken.adopted if not each.outcome.waits)]):
        try:
            show_outcome(here.context, run)
        except AiosError as error:
            say(f"{run}: not told on the forge: {error.message}")
            return
    for each in taken.waits:
        if forge is not None and each.number:
            try:
                forge.say(
                    each.number, "gate", f"**Merged, and nothing was done:** {cell(each.why)}.\n\n{cell(each.hint)}"
                )
            except AiosError as error:
                say(f"#{each.number}: not told on the forge: {error.message}")
                return


def summary(taken: TakenIn, told: list[dict[str, Any]], wrong: dict[str, str], stuck: list[str]) -> str:
    """Markdown: first what was merged and is not done, then what was decided, then where the runs stand."""
    parts = ["# aios apply"]
    if taken.waits:
        parts += [
            "## Merged, and nothing was done",
            table(("Proposal", "Merged by", "Why", "What to do"), map(_waiting, taken.waits)),
        ]
    approved = [each for each in taken.adopted if not each.outcome.waits]
    if approved:
        rows = [(_of(each), each.by, "; ".join(each.effects) or "no effect outside") for each in approved]
        parts += ["## Approved", table(("Proposal", "Merged by", "Allows"), rows)]
    if taken.closed:
        rows = [(_of(each), each.by, each.reason if each.rejected else each.why) for each in taken.closed]
        parts += ["## Closed without a merge", table(("Proposal", "Closed by", "Reason"), rows)]
    runs = [
        (str(each["run"]), str(each["status"]), str(each.get("why") or ""), str(each.get("until") or ""))
        for each in told
    ]
    runs += [(run, "not done", why, "") for run, why in wrong.items()]
    if runs:
        parts += ["## Runs", table(("Run", "Stands", "Why", "Until"), runs)]
    if stuck:
        parts += ["## Not joined with the shared copy", table(("What",), [(each,) for each in stuck])]
    if len(parts) == 1:
        parts.append("Nothing approved waits to be done.")
    return "\n\n".join(parts)


def _waiting(each: Adopted) -> tuple[str | Linked, str, str, str]:
    return _of(each), each.by, f"{_SAID[each.outcome.value]}: {each.why}", each.hint


def _of(each: Adopted | Closed) -> str | Linked:
    return Linked(f"#{each.number} {each.run}", each.url) if each.number else each.run
