"""Writing down on main how a run stands or ended: its run record, edited in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.domain.names import run_record_path
from aios.domain.record import Where
from aios.domain.run import RunState, RunStatus
from aios.runs.context import Context
from aios.store.documents import dump
from aios.store.edit import edit


def record_changes(context: Context, state: RunState, tip: str, fields: Mapping[str, Any]) -> dict[str, bytes | None]:
    """The run record at `tip` with `fields` set (dots separate levels); made anew where main has none."""
    path = run_record_path(state.id, state.started_at)
    existing = context.git.read_blob(f"{tip}:{path}")
    if existing is None:
        plain = dump(
            {
                "schema": "run.v1",
                "run": state.id,
                "workflow": state.workflow,
                "base": state.base,
                "status": RunStatus.RUNNING.value,
                "trigger": dict(state.trigger),
                "inputs": dict(state.inputs),
                "started": state.started_at,
            }
        )
        existing = plain.encode()
    changes: dict[Where | str, Any] = {tuple(name.split(".")): value for name, value in fields.items()}
    return {path: edit(existing.decode(), changes).encode()}


def finish_changes(context: Context, state: RunState, tip: str, status: RunStatus) -> dict[str, bytes | None]:
    return record_changes(context, state, tip, {"status": status.value, "finished": context.now()})
