"""Settling what a record and its service say differently: adopt the live value, restore ours, or leave it.

Looking is `aios.runs.live`'s. Here a difference becomes a run like any other, so that it is reviewed, merged and
receipted: the engine of the agent `reconciler` writes what is adopted, and an effect behind the gate restores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.domain.agent import AgentCall, AgentReply, Question, Reason, Tools
from aios.domain.event import one_line
from aios.domain.keys import key_of
from aios.domain.run import STOP
from aios.errors import AiosError
from aios.runs.live import GONE, TEXT, Difference, inside
from aios.store.edit import edit

RECONCILER = "reconciler"
SETTLING = "settle-difference"  # its workflow
ADOPT, RESTORE = "adopt the live value", "restore ours"
# Directory → kind: what a difference can be about.
_KINDS = {"content": "content", "customers": "customer", "invoices": "invoice"}
CHOICES = {"adopt": ADOPT, "restore": RESTORE}


def trigger_of(difference: Difference, choice: str) -> dict[str, str]:
    """The same difference is asked about once: what was left as it is stays left until it changes."""
    said = (difference.record, difference.connector, dict(difference.ours), dict(difference.live), difference.version)
    return {"kind": "reconcile", "key": f"reconcile:{key_of(*said, choice)}"}


def inputs_of(difference: Difference, choice: str = "") -> dict[str, Any]:
    """The inputs of the run that settles it."""
    kind, _, record_id = difference.record.partition("/")
    return {
        "kind": kind,
        "id": record_id,
        "connector": difference.connector,
        "live": {field: _shown(value) for field, value in difference.live.items()},
        "kept": list(difference.kept),
        "restorable": bool(difference.restore),
        "version": difference.version,
        "choice": choice,
    }


def reconciler(call: AgentCall, tools: Tools) -> AgentReply:
    """The engine of the agent `reconciler`: writes values that were found live, in fields that differ, and no more."""
    record_id, live = str(call.input["id"]), dict(call.input["live"])
    ref = f"{call.input['kind']}/{record_id}"
    record = tools.record(_KINDS.get(str(call.input["kind"]), ""), record_id)
    if record is None:
        raise AiosError(f"{ref} cannot be read", "`aios check` says what is wrong")
    apart = {field: value for field, value in live.items() if field == TEXT or inside(record.data, field) != value}
    nothing = {"record": record_id, "restore": False, "adopted": []}
    if not apart:
        return AgentReply(nothing, title=f"{ref} and {call.input['connector']} say the same by now")
    choice = CHOICES.get(str(call.input["choice"])) or next(
        (word for word in reversed(call.guidance) if word in CHOICES.values()), ""
    )
    kept = {TEXT, *call.input["kept"]}
    can_adopt = [field for field, value in apart.items() if field not in kept and value != GONE]
    options = [*([ADOPT] if can_adopt else []), *([RESTORE] if call.input["restorable"] else []), STOP]
    evidence = tuple(_line(record.data, field, value) for field, value in apart.items())
    if choice not in options:
        text = f"{ref} is not what {call.input['connector']} holds: what shall be?"
        return AgentReply({}, question=Question(text, tuple(options), evidence))
    reasons = tuple(Reason(line, choice, (ref,)) for line in evidence)
    if choice == RESTORE:
        return AgentReply(
            nothing | {"restore": True}, title=f"{ref} goes back to what is written here", reasons=reasons
        )
    text = tools.read(record.path) or ""
    changes: dict[Any, Any] = {tuple(field.split(".")): apart[field] for field in can_adopt}
    return AgentReply(
        nothing | {"adopted": can_adopt},
        {record.path: edit(text, changes)},
        title=f"{ref} takes over {', '.join(can_adopt)} from {call.input['connector']}",
        reasons=reasons,
    )


def _line(data: Mapping[str, Any], field: str, value: Any) -> str:
    ours = "as it was published" if field == TEXT else inside(data, field)
    return one_line(f"{field}: here {_quoted(ours)}, live {_quoted(value)}", 300)


def _quoted(value: Any) -> str:
    return f"“{one_line(value, 120)}”" if isinstance(value, str) else str(value)


def _shown(value: Any) -> Any:
    return one_line(value, 2_000) if isinstance(value, str) else value
