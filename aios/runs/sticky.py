"""The one comment for what changes after a proposal was opened: what was said and understood, what is new since it was
last shown, where the run stands, and what became of its effects. Made from git alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aios.domain.names import RUNS
from aios.domain.run import RunState
from aios.effects.ledger import Ledger
from aios.proposals.neutral import code, link, neutral, outside_link, plainly
from aios.proposals.record import effects_of
from aios.proposals.state_diff import state_diff
from aios.runs.asked import open_of, questions_of
from aios.runs.context import Context
from aios.runs.effects import run_record
from aios.runs.gates import open_gate
from aios.runs.history import ANSWERED, APPROVED, CANCELLED, OPENED, REFRESHED, REJECTED, REVISED
from aios.runs.session import read_state
from aios.runs.told import Told, told_of
from aios.store.log import event_between

LISTED = 30
SAID = {REVISED, ANSWERED, REJECTED, CANCELLED}


def sticky_of(context: Context, run: str, meanwhile: Sequence[str] = ()) -> str:
    """Its text; empty where nothing changed since the proposal was opened. `meanwhile` is what main changed."""
    told = told_of(context, run)
    state = read_state(context.git, run, main=context.main)
    parts = [
        _part("What you said", _said(told)),
        _part("Since it was last shown", _since(context, told) if open_gate(state) else []),
        _part("Changed on main meanwhile", [f"- {neutral(line, 400)}" for line in meanwhile[:LISTED]]),
        _part("Effects", _effects(context, state, told)),
    ]
    if not any(parts):
        parts.append(_asks(context, run))
    else:
        parts.insert(0, _stands(context, run, state))
    return "\n\n".join(part for part in parts if part)


def _part(title: str, lines: Sequence[str]) -> str:
    return f"### {title}\n\n" + "\n".join(lines) if lines else ""


def _asks(context: Context, run: str) -> str:
    asked = open_of(questions_of(context, run))
    return f"**It asks: {neutral(asked.text, 400)}** See the question's own comment." if asked else ""


def _stands(context: Context, run: str, state: RunState) -> str:
    """Where the run stands, in a sentence."""
    failed = [name for name, step in state.steps.items() if any(_failed(item.last) for item in step.items.values())]
    if state.gates and "rejected" in state.gates.values():
        return "**Rejected.** What it wrote stays in git."
    if state.cancelled:
        return "**Stopped.** What it wrote stays in git."
    if asks := _asks(context, run):
        return asks
    if open_gate(state):
        return "**Waits for your decision.** The description above is up to date."
    if failed and not state.finished:
        return f"**Failed at {code(failed[0])}.** Comment `/aios retry` to try again what failed, and nothing else."
    if state.finished:
        return f"**Over: {neutral(state.finished)}.**"
    if "approved" in state.gates.values():
        return "**Approved.**"
    return "**Being worked on again.** It is shown here anew when it is done."


def _failed(attempt: object) -> bool:
    return getattr(getattr(attempt, "status", None), "value", "") == "failed"


def _said(told: Sequence[Told]) -> list[str]:
    """What was understood, in order, each with a link to where it was said."""
    lines = []
    for each in told:
        said = each.data.get("said")
        if each.fact.type not in SAID or not isinstance(said, dict):
            continue
        what = link(_WORDS[each.fact.type], str(said.get("url") or ""))
        again = ", ".join(code(str(step)) for step in each.data.get("steps") or ())
        lines.append(f"- {what}: {neutral(each.title, 400)}" + (f" (made again: {again})" if again else ""))
    return lines[-LISTED:]


_WORDS = {REVISED: "sent back", ANSWERED: "answered", REJECTED: "rejected", CANCELLED: "stopped"}


def _since(context: Context, told: Sequence[Told]) -> list[str]:
    """What changed between the last two times that the proposal was shown."""
    shown = [each for each in told if each.fact.type in {OPENED, REFRESHED} and each.commit]
    begun = max((at for at, each in enumerate(told) if each.fact.type == APPROVED), default=-1)
    shown = [each for each in shown if told.index(each) > begun]
    if len(shown) < 2:
        return []
    git, (before, now) = context.git, (shown[-2], shown[-1])
    event = event_between(git, before.commit, now.commit)
    kept = tuple(change for change in event.changes if not change.path.startswith(RUNS))
    lines = [f"- {neutral(line, 400)}" for line in state_diff(replace(event, changes=kept), git.read_blob)]
    lines = lines[:LISTED] + ([f"- … and {len(lines) - LISTED} more"] if len(lines) > LISTED else [])
    first, last = (set(map(str, each.data.get("effects") or ())) for each in (before, now))
    if first != last:
        lines.append(f"- effects: {len(last - first)} new or changed, {len(first - last)} gone or changed")
    decisions = [str(each.data.get("decision", "")) for each in (before, now)]
    if decisions[0] != decisions[1]:
        lines.append(f"- verdict: {neutral(decisions[0])} → **{neutral(decisions[1])}**")
    return lines


def _effects(context: Context, state: RunState, told: Sequence[Told]) -> list[str]:
    """After an approval: each effect with its receipt, or what it waits for."""
    if not any(each.fact.type == APPROVED for each in told):
        return []
    ledger, lines = Ledger(context.git), []
    for each in effects_of(run_record(context, state)):
        step = state.steps.get(each.step)
        last = step.items[each.item].last if step and each.item in step.items else None
        receipt, hold = ledger.get(each.key)[1], ledger.held(each.key, state.id)
        summary = neutral(each.summary, 300)
        if receipt is not None:
            where = outside_link("look at it", receipt.url)
            done = f"{neutral(receipt.outcome, 100)} at {receipt.at}"
            lines.append(f"- ✓ {summary}: {done}" + (f", {where}" if where else ""))
        elif last is not None and _failed(last):
            lines.append(f"- ✗ {summary}: {neutral(last.error, 400)} (`/aios retry` tries again)")
        elif last is not None:
            lines.append(f"- – {summary}: passed over")
        elif hold is not None:
            until = f" until {hold.until}" if hold.until else ""
            lines.append(f"- … {summary}: waits{until}: {plainly(hold.why, 400)}")
        else:
            lines.append(f"- … {summary}: approved, not done yet")
    return lines[:LISTED] + ([f"- … and {len(lines) - LISTED} more"] if len(lines) > LISTED else [])
