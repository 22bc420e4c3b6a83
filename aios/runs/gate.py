"""The operator's decisions, from one place: approve, reject, revise, answer, cancel. Each is one event, made once."""

from __future__ import annotations

from aios.runs.approving import Approved, approve, show_as_it_is
from aios.runs.gates import open_gate, record_of, verify_approver
from aios.runs.rejecting import cancel, close, reject
from aios.runs.revising import answer, revise

__all__ = [
    "Approved",
    "answer",
    "approve",
    "cancel",
    "close",
    "open_gate",
    "record_of",
    "reject",
    "revise",
    "show_as_it_is",
    "verify_approver",
]
