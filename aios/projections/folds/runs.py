"""A run's record → the run, its work, its steps, its effects and its questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.projections.folds import Rows, work
from aios.projections.folds.values import items, mapping, number, text, whole

_EFFECT = ("step", "key", "capability", "connector", "target", "summary", "record")
_COUNTS = ("attempts", "items")


def fold(ref: str, data: Mapping[str, Any]) -> Rows:
    del ref
    run = text(data, "run")
    workflow, _, rest = run.partition("/")
    subject, _, ulid = rest.partition("/")
    trigger, decision, cost = mapping(data, "trigger"), mapping(data, "decision"), mapping(data, "cost")
    row = (
        run,
        ulid,
        workflow,
        subject,
        text(data, "status"),
        text(trigger, "kind"),
        text(trigger, "key"),
        text(data, "base"),
        text(data, "started"),
        text(data, "proposed"),
        text(data, "decided"),
        text(decision, "by"),
        text(decision, "reason"),
        text(mapping(data, "verdict"), "decision"),
        text(data, "finished"),
        number(cost.get("usd")),
        whole(cost.get("tokens")),
    )
    return [("runs", row), *work.fold(data), *_steps(run, data), *_effects(run, data), *_questions(run, data)]


def _steps(run: str, data: Mapping[str, Any]) -> Rows:
    return [
        (
            "steps",
            (run, name, text(step, "status"), *(whole(step.get(count)) for count in _COUNTS), text(step, "ended")),
        )
        for name, step in mapping(data, "steps").items()
        if isinstance(step, Mapping)
    ]


def _effects(run: str, data: Mapping[str, Any]) -> Rows:
    found: Rows = []
    for effect in items(data, "effects"):
        if not isinstance(effect, Mapping):
            continue
        step = mapping(mapping(data, "steps"), text(effect, "step"))
        output = mapping(step, "output")
        done = step.get("status") == "succeeded" and output.get("key") == effect.get("key")
        texts = [text(effect, name) for name in _EFFECT]
        reversible = int(effect.get("reversible") is True)
        found.append(("effects", (run, *texts, reversible, int(done), text(output, "url") if done else "")))
    return found


def _questions(run: str, data: Mapping[str, Any]) -> Rows:
    found: Rows = []
    for question in items(data, "questions"):
        if isinstance(question, Mapping):
            asks = text(question, "asks") or text(question, "text")
            status = text(question, "status") or ("answered" if question.get("answer") else "open")
            times = (text(question, "asked"), text(question, "answered"))
            row = ("", run, text(question, "step"), asks, status, text(question, "answer"), *times)
            found.append(("questions", row))
        elif question:
            found.append(("questions", ("", run, "", str(question), "open", "", "", "")))
    return found
