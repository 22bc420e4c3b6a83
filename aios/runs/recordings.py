"""Recording runs: every attempt with what it exchanged with the outside, and how long everything took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from aios import __version__
from aios.domain.agent import Tier
from aios.domain.effect import Connector, Effect
from aios.domain.event import one_line
from aios.domain.memory import Hit
from aios.domain.model import Model
from aios.domain.run import RunState, Start
from aios.domain.span import Span, SpanKind, root_id
from aios.domain.tree import Tree
from aios.runs.attempts import Ended, attempt_key, guidance_of
from aios.runs.context import Context
from aios.runs.definitions import Definitions
from aios.runs.traces import keep_recording, keep_spans, read_lines, recording_of, working_file
from aios.trace.exchanges import hit_data
from aios.trace.recorder import Recorder, silent
from aios.trace.recording import RecordedConnector, RecordedModel


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt at work, and when it began (nanoseconds since 1970)."""

    start: Start
    at: int


def recorder_of(context: Context, definitions: Definitions, state: RunState, start: Start) -> Recorder:
    """The recorder of an attempt. What an earlier, killed try at it left is forgotten."""
    if not context.records:
        return silent()
    key = attempt_key(definitions, state, start)
    file = working_file(context.git, state.id, _slot(state, start))
    file.unlink(missing_ok=True)
    return Recorder(file, context.ticks, seed=key, parent=_span_id(key))


def recorded(context: Context, definitions: Definitions, recorder: Recorder) -> tuple[Context, Definitions]:
    """The same, with the recorder between them and the outside."""

    def models(tree: Tree) -> dict[Tier, Model]:
        found = context.models(tree)
        recorder.exchange({"kind": "models", "names": {tier.value: model.name for tier, model in found.items()}})
        return {tier: RecordedModel(model, tier.value, recorder) for tier, model in found.items()}

    def prospects(tree: Tree, agent: str, tokens: int) -> Mapping[str, Any]:
        known = context.prospects(tree, agent, tokens)
        recorder.exchange({"kind": "prospects", "known": dict(known)})
        return known

    def recall(
        tree: Tree, query: str, limit: int, kinds: Sequence[str], now: str, only: Sequence[str]
    ) -> Sequence[Hit]:
        hits = context.recall(tree, query, limit, kinds, now, only)
        found = [recorder.part(hit_data(hit)) for hit in hits]
        recorder.exchange({"kind": "recall", "query": query, "limit": limit, "kinds": list(kinds), "hits": found})
        return hits

    connectors = {name: RecordedConnector(each, recorder) for name, each in definitions.connectors.items()}
    here = replace(context, recorder=recorder, models=models, prospects=prospects)
    if context.recall_varies():
        here = replace(here, recall=recall)
    return here, replace(definitions, connectors=connectors)


def keep_attempt(
    context: Context, definitions: Definitions, state: RunState, begun: Begun, outcome: Ended, end: int
) -> None:
    """Keep the recording and the spans of an attempt that ended."""
    if not context.records:
        return
    start, key = begun.start, attempt_key(definitions, state, begun.start)
    file = working_file(context.git, state.id, _slot(state, start))
    lines = list(read_lines(file.read_bytes())) if file.exists() else []
    exchanged = [line for line in lines if "span" not in line]
    if exchanged:
        keep_recording(context.git, state.id, key, exchanged)
    inner = [Span.of(line["span"]) for line in lines if "span" in line]
    keep_spans(context.git, state.id, [*inner, _step_span(state, begun, outcome, key, end)])
    file.unlink(missing_ok=True)


@contextmanager
def recording_effect(
    context: Context, state: RunState, effect: Effect, connector: Connector
) -> Iterator[tuple[Connector, dict[str, Any]]]:
    """Gives the connector with the recorder around it, and the span's attributes; keeps what was noted in any case."""
    git, run = context.git, state.id
    file = working_file(git, run, f"effect.{effect.step}")
    recorder = Recorder(file, context.ticks, seed=f"{effect.key} {context.ticks()}", parent=root_id(run))
    known = {
        "aios.step": effect.step,
        "aios.connector": effect.connector,
        "aios.effect.key": effect.key,
        "aios.effect.target": effect.target,
    }
    try:
        with recorder.span(SpanKind.EFFECT, effect.capability, **known) as told:
            yield RecordedConnector(connector, recorder), told
    finally:
        recorder.close()
        lines = list(read_lines(file.read_bytes())) if file.exists() else []
        before = recording_of(git, run, effect.key) or []
        keep_recording(git, run, effect.key, [*before, *(line for line in lines if "span" not in line)])
        keep_spans(git, run, [Span.of(line["span"]) for line in lines if "span" in line])
        file.unlink(missing_ok=True)


def _step_span(state: RunState, begun: Begun, outcome: Ended, key: str, end: int) -> Span:
    start, note = begun.start, outcome.note
    name = start.step if start.item is None else f"{start.step}[{start.item + 1}]"
    attributes = {
        "aios.step": start.step,
        "aios.attempt": start.attempt,
        "aios.status": note.status,
        "aios.event": note.type,
        "aios.title": one_line(note.title),
        "aios.context": note.context,
        "aios.key": note.key,
        "aios.version": __version__,
    } | ({} if start.item is None else {"aios.item": start.item})
    return Span(_span_id(key), root_id(state.id), SpanKind.STEP, name, begun.at, end, note.error, attributes)


def _span_id(key: str) -> str:
    return key.removeprefix("sha256:")[:16]


def _slot(state: RunState, start: Start) -> str:
    item = "" if start.item is None else f".{start.item}"
    return f"{start.step}{item}.{start.attempt}.{len(guidance_of(state, start.step))}"
