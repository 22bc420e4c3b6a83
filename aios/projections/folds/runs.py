"""A run's record → the run, its steps, its effects and its questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.projections.folds import Rows


def fold(ref: str, data: Mapping[str, Any]) -> Rows:
    del ref
    run = str(data.get("run") or "")
    workflow, _, rest = run.partition("/")
    subject, _, ulid = rest.partition("/")
    trigger, decision, cost = _mapping(data, "trigger"), _mapping(data, "decision"), _mapping(data, "cost")
    row = (
        run,
        ulid,
        workflow,
        subject,
        _text(data, "status"),
        _text(trigger, "kind"),
        _text(trigger, "key"),
        _text(data, "base"),
        _text(data, "started"),
        _text(data, "proposed"),
        _text(data, "decided"),
        _text(decision, "by"),
        _text(decision, "reason"),
        _text(_mapping(data, "verdict"), "decision"),
        _text(data, "finished"),
        cost.get("usd") if isinstance(cost.get("usd"), int | float) else None,
        cost.get("tokens") if isinstance(cost.get("tokens"), int) else None,
    )
    return [("runs", row), *_steps(run, data), *_effects(run, data), *_questions(run, data)]


def _steps(run: str, data: Mapping[str, Any]) -> Rows:
    return [
        ("steps", (run, name, _text(step, "status"), step.get("attempts"), step.get("items"), _text(step, "ended")))
        for name, step in _mapping(data, "steps").items()
        if isinstance(step, Mapping)
    ]


def _effects(run: str, data: Mapping[str, Any]) -> Rows:
    found: Rows = []
    for effect in data.get("effects") or () if isinstance(data.get("effects"), list) else ():
        if not isinstance(effect, Mapping):
            continue
        step = _mapping(_mapping(data, "steps"), str(effect.get("step")))
        output = _mapping(step, "output")
        done = step.get("status") == "succeeded" and output.get("key") == effect.get("key")
        texts = [
            _text(effect, name) for name in ("step", "key", "capability", "connector", "target", "summary", "record")
        ]
        reversible = int(effect.get("reversible") is True)
        found.append(("effects", (run, *texts, reversible, int(done), _text(output, "url") if done else "")))
    return found


def _questions(run: str, data: Mapping[str, Any]) -> Rows:
    found: Rows = []
    for question in data.get("questions") or () if isinstance(data.get("questions"), list) else ():
        if isinstance(question, Mapping):
            asked = _text(question, "asks") or _text(question, "text")
            status = _text(question, "status") or ("answered" if question.get("answer") else "open")
            times = (_text(question, "asked"), _text(question, "answered"))
            row = ("", run, _text(question, "step"), asked, status, _text(question, "answer"), *times)
            found.append(("questions", row))
        elif question:
            found.append(("questions", ("", run, "", str(question), "open", "", "", "")))
    return found


def _mapping(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name)
    return value if isinstance(value, Mapping) else {}


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return "" if value is None else str(value)
