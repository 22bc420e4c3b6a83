"""Drift of a service's data: put on record once, and turned into a proposal that says how it is read from then on.

What a read saw lies in a folder, whatever becomes of its run. Here it becomes a signal on main, which is what remembers
it; the signal starts the workflow whose deterministic engine, the agent `adapter`, writes the accepted shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aios.connectors.drift import SIGNAL, Drift, changes_of, in_words, sentence
from aios.connectors.shapes import Change, Kind
from aios.domain.agent import AgentCall, AgentReply, Reason, Tools
from aios.domain.event import EventNote
from aios.domain.finding import Finding, Severity
from aios.domain.keys import key_of
from aios.domain.names import CONNECTORS, SIGNALS, cursor_path, shape_path
from aios.domain.record import Trust, Where
from aios.errors import AiosError
from aios.runs.context import Context
from aios.runs.main_branch import commit_to_main
from aios.store.documents import dump, parse
from aios.store.edit import DELETE, edit

ADAPTER = "adapter"
ADAPTATION = "adapt-shape"  # its workflow
SEEN = "service.drifted"


def put_on_record(context: Context) -> None:
    """Make a signal on main of each drift that was seen. What cannot be written now stays, for the next time."""
    for drift in context.drift.all() if context.drift else ():
        path = f"{SIGNALS}{drift.id}.yaml"
        if context.git.read_blob(f"{context.main}:{path}") is None:
            note = EventNote(
                type=SEEN,
                title=f"{drift.connector}: {sentence(drift.changes)}",
                records=(path.removeprefix("state/").removesuffix(".yaml"),),
                actor=f"connector:{drift.connector}",
                key=key_of("drift", drift.id),
            )
            try:
                commit_to_main(context, note, {path: dump(_signal(drift, context.now())).encode()})
            except AiosError:
                continue
        if context.drift:
            context.drift.forget(drift)


def _signal(drift: Drift, now: str) -> dict[str, Any]:
    inputs: dict[str, Any] = {
        "connector": drift.connector,
        "capability": drift.capability,
        "signal": drift.id,
        "changes": [{"field": each.field, "kind": each.kind.value, "to": each.to} for each in drift.changes],
    }
    return {
        "schema": "signal.v1",
        "name": SIGNAL,
        "inputs": inputs | ({"cursor": dict(drift.cursor)} if drift.cursor is not None else {}),
        "why": f"{drift.connector} gives {drift.capability} in another shape: {sentence(drift.changes)}",
        "evidence": [f"{in_words(each)}: {drift.seen.get(each.id, '')}" for each in drift.changes],
        "raised": now,
        "status": "open" if drift.asks else "dismissed",  # what passes as it is needs no decision
        "trust": Trust.EXTERNAL.value,
    }


def adapter(call: AgentCall, tools: Tools) -> AgentReply:
    """The engine of the agent `adapter`: the shape as it would be accepted, and the place to read again from.

    Raises AiosError where the signal names no connector or no change.
    """
    connector, capability = str(call.input["connector"]), str(call.input["capability"])
    signal = str(call.input["signal"])
    changes = list(changes_of(call.input["changes"]))
    declaration = f"{CONNECTORS}{connector}.yaml"
    if tools.read(declaration) is None:
        raise AiosError(f"there is no connector `{connector}`", "its signal in state/signals/ can be dismissed")
    able = [each for each in changes if "(" not in each.field]
    if not able:
        raise AiosError(f"the signal {signal} names no field that can be mapped", "write `map` in the declaration")
    path = shape_path(connector)
    files: dict[str, str | None] = {path: _shape(tools.read(path), connector, capability, able)}
    noted = tools.read(f"{SIGNALS}{signal}.yaml")
    if noted is not None:
        files[f"{SIGNALS}{signal}.yaml"] = edit(noted, {"status": "taken", "taken_by": call.run})
    back = _read_again(tools.read(cursor_path(connector)), capability, call.input.get("cursor"))
    if back is not None:
        files[cursor_path(connector)] = back
    asks = question(connector, able)
    told = _evidence(noted)
    reasons = tuple(Reason(_does(each), told.get(in_words(each), "as it was seen"), (path,)) for each in able)
    if back is not None:
        reasons += (Reason(f"{capability} is read again", "from where it stood when the change was first seen"),)
    left = tuple(
        Finding(declaration, 0, 0, "schema-drift", in_words(each), "write `map` for it", Severity.INFO)
        for each in changes
        if each not in able
    )
    output = {"connector": connector, "adapted": len(able), "asks": asks}
    return AgentReply(output, files, title=asks, reasons=reasons, findings=left)


def question(connector: str, changes: Sequence[Change]) -> str:
    """One line: what the operator decides."""
    first, more = changes[0], f" (and {len(changes) - 1} more)" if len(changes) > 1 else ""
    match first.kind:
        case Kind.RENAMED:
            said = f"`{first.field}` is now `{first.to}`: read it from there?"
        case Kind.MISSING:
            said = f"`{first.field}` is missing: go on without it?"
        case Kind.ADDED:
            said = f"{in_words(first)}: let it pass?"
        case _:
            said = f"{in_words(first)}: take it as it comes?"
    return f"{connector}: {said}{more}"


def _does(change: Change) -> str:
    match change.kind:
        case Kind.RENAMED:
            return f"`{change.field}` is read from `{change.to}`"
        case Kind.MISSING:
            return f"`{change.field}` may be missing"
        case Kind.VALUE:
            return f"`{change.field}` may have any value"
        case _:
            return f"`{change.field}` may be {change.to.replace('|', ' or ')}"


def _shape(text: str | None, connector: str, capability: str, changes: Sequence[Change]) -> str:
    """The record of the accepted shape with the changes in it."""
    text = text or dump({"schema": "shape.v1", "connector": connector, "reads": {}})
    document = parse(shape_path(connector), text.encode())[0]
    reads = document.data.get("reads") if document else None
    known = reads.get(capability, {}) if isinstance(reads, Mapping) else {}
    edits: dict[Where | str, Any] = {}
    optional = list(known.get("optional") or ())
    for each in changes:
        here: Where = ("reads", capability)
        if each.kind is Kind.RENAMED:
            edits[(*here, "renamed", each.field)] = each.to
        elif each.kind is Kind.MISSING:
            optional += [] if each.field in optional else [each.field]
            edits[(*here, "optional")] = optional
        else:
            was = (known.get("types") or {}).get(each.field) or []
            edits[(*here, "types", each.field)] = list(dict.fromkeys((*was, *each.to.split("|"))))
    return edit(text, edits)


def _read_again(text: str | None, capability: str, cursor: Any) -> str | None:
    """The record of cursors, with the capability's where it stood; None where that is where it stands."""
    document = parse("cursor.yaml", text.encode())[0] if text else None
    reads = document.data.get("reads") if document else None
    if text is None or not isinstance(reads, Mapping) or (reads.get(capability) or {}) == (cursor or {}):
        return None
    return edit(text, {("reads", capability): cursor or DELETE})


def _evidence(text: str | None) -> dict[str, str]:
    """What the signal says of each change."""
    document = parse("signal.yaml", text.encode())[0] if text else None
    lines = document.data.get("evidence") if document else None
    pairs = [str(line).rpartition(": ") for line in lines or ()] if isinstance(lines, list) else []
    return {said: seen for said, _, seen in pairs}
