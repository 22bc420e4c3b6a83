"""Wrappers that note what crosses them: models, connectors and an agent's tools. Each is what it wraps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from aios.domain.agent import Derive, Tools
from aios.domain.effect import Capability, Collected, Connector, Effect, Lookup, Outcome, Preview, Receipt
from aios.domain.event import one_line
from aios.domain.finding import Finding
from aios.domain.memory import Hit
from aios.domain.model import Listen, Model, ModelReply, Request, ToolCall, Usage
from aios.domain.record import Record
from aios.domain.span import SpanKind
from aios.errors import AiosError
from aios.trace.exchanges import error_data, request_data
from aios.trace.recorder import Recorder


@dataclass(slots=True)
class RecordedModel:
    """`asked` are the tools that the last answer wanted: what lies between it and the next question is their use."""

    inner: Model
    tier: str
    recorder: Recorder
    asked: tuple[ToolCall, ...] = ()
    answered: int = 0

    @property
    def name(self) -> str:
        return self.inner.name

    def cost(self, usage: Usage) -> float | None:
        return self.inner.cost(usage)

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        self._note_tools()
        asked = {"kind": "model", "tier": self.tier, "model": self.name}
        with self.recorder.span(
            SpanKind.CALL,
            f"chat {self.name}",
            **{"gen_ai.operation.name": "chat", "gen_ai.request.model": self.name, "aios.tier": self.tier},
        ) as told:
            question = request_data(request, self.recorder.part)
            try:
                reply = self.inner.complete(request, listen)
            except AiosError as error:
                self.recorder.exchange({**asked, "request": question, "error": error_data(error)})
                raise
            costs = {"usd": self.cost(reply.usage), "saved_usd": self.cost(reply.saved)}
            self.recorder.exchange({**asked, "request": question, "reply": asdict(reply), **costs})
            used = reply.saved if reply.saved.total else reply.usage
            told["gen_ai.response.model"] = reply.model
            told["gen_ai.usage.input_tokens"] = used.input
            told["gen_ai.usage.output_tokens"] = used.output
            told["gen_ai.response.finish_reasons"] = [reply.finish]
            told["aios.cache.hit"] = bool(reply.saved.total)
            told["aios.cost.usd"] = costs["usd"] or 0.0
        self.asked, self.answered = reply.calls, self.recorder.clock()
        return reply

    def _note_tools(self) -> None:
        for call in self.asked:
            name = one_line(call.name, 60)
            used = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name}
            self.recorder.add(
                SpanKind.TOOL, name, self.answered, **used, **{"aios.tool.target": one_line(call.arguments, 200)}
            )
        self.asked = ()


@dataclass(frozen=True, slots=True)
class RecordedConnector:
    """A step reads; only the executor looks up and acts."""

    inner: Connector
    recorder: Recorder

    @property
    def name(self) -> str:
        return self.inner.name

    def capabilities(self) -> Mapping[str, Capability]:
        return self.inner.capabilities()

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        return self.inner.target(capability, payload)

    def preview(self, effect: Effect) -> Preview:
        return self.inner.preview(effect)

    def lookup(self, effect: Effect) -> Lookup:
        with self._asking("lookup", effect) as noted:
            found = self.inner.lookup(effect)
            noted["lookup"] = asdict(found)
        return found

    def act(self, effect: Effect) -> Outcome:
        with self._asking("act", effect) as noted:
            outcome = self.inner.act(effect)
            noted["outcome"] = asdict(outcome)
        return outcome

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        return self.inner.undo(effect, receipt)

    @contextmanager
    def _asking(self, kind: str, effect: Effect) -> Iterator[dict[str, Any]]:
        noted: dict[str, Any] = {"kind": kind, "connector": self.name, "effect": effect.key}
        with self.recorder.span(SpanKind.READ, kind, **{"aios.connector": self.name}):
            try:
                yield noted
            except AiosError as error:
                noted["error"] = error_data(error)
                raise
            finally:
                self.recorder.exchange(noted)

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        asked = {"kind": "read", "connector": self.name, "capability": capability, "params": dict(params)}
        with self.recorder.span(
            SpanKind.READ, capability, **{"aios.connector": self.name, "aios.capability": capability}
        ) as told:
            try:
                found = self.inner.read(capability, params)
            except AiosError as error:
                self.recorder.exchange({**asked, "error": error_data(error)})
                raise
            self.recorder.exchange({**asked, "collected": asdict(found)})
            told["aios.read.documents"] = len(found.documents)
        return found

    def check(self) -> Sequence[Finding]:
        return self.inner.check()


@dataclass(frozen=True, slots=True)
class TracedTools:
    """An agent's tools with a span around each search. What they give follows from the tree; where recall by meaning
    has a part in it, `aios.runs.recordings` keeps it.
    """

    inner: Tools
    recorder: Recorder

    def read(self, path: str) -> str | None:
        return self.inner.read(path)

    def front(self, path: str) -> str | None:
        return self.inner.front(path)

    def paths(self, pattern: str) -> Sequence[str]:
        return self.inner.paths(pattern)

    def record(self, kind: str, record_id: str) -> Record | None:
        return self.inner.record(kind, record_id)

    def records(self, kind: str) -> Sequence[Record]:
        return self.inner.records(kind)

    def recall(self, query: str, *, limit: int = 0, kinds: Sequence[str] = ()) -> Sequence[Hit]:
        with self.recorder.span(SpanKind.RECALL, "recall", **{"aios.recall.query": one_line(query)}) as told:
            hits = self.inner.recall(query, limit=limit, kinds=kinds)
            told["aios.recall.hits"] = len(hits)
        return hits

    def derived(self, name: str, text: str, derive: Derive) -> str:
        return self.inner.derived(name, text, derive)
