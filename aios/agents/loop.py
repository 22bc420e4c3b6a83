"""The one agent loop: ask, let it use its tools, check what it hands in, tell it what is wrong, at most so often.

What a model cannot get right in one tier is tried in the next; what none gets right becomes a question. Nothing here
trusts an answer: `judge` is the contract, applied to the tree that the reply would leave.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aios.agents.conversation import TOOLS, answer_schema, fitting, instructions, material, parsed, task
from aios.agents.orders import orders_in
from aios.domain.agent import AgentCall, AgentReply, Question, Reason, Tier, Tools
from aios.domain.finding import Finding
from aios.domain.model import Message, Model, ModelReply, Request, Role, ToolCall, Usage
from aios.domain.record import Trust
from aios.domain.run import GO_ON
from aios.errors import AiosError, RefusedError

ROUNDS = 12  # exchanges with a model, unless the contract's `budget.calls` says otherwise
MENDS = 2  # times that a wrong answer is sent back in one tier
RESULT_LIMIT = 12_000  # characters of one tool's answer
AGAIN = "try again"

# What is wrong with a reply, in words; nothing where it is in order. Raises AiosError for what breaks the contract.
Judge = Callable[[AgentReply], Sequence[str]]


@dataclass(slots=True)
class Spent:
    """What a call used so far. `unpriced` are models whose price is not known."""

    usage: Usage = field(default_factory=Usage)
    usd: float = 0.0
    calls: int = 0
    models: list[str] = field(default_factory=list)
    unpriced: bool = False
    hits: int = 0
    saved: float = 0.0

    def add(self, model: Model, reply: ModelReply) -> None:
        cost = model.cost(reply.usage)
        if reply.saved.total:
            self.hits += 1
            self.saved += model.cost(reply.saved) or 0.0
        self.usage += reply.usage
        self.usd += cost or 0.0
        self.unpriced = self.unpriced or cost is None
        self.calls += 1
        if reply.model not in self.models:
            self.models.append(reply.model)

    def as_dict(self) -> dict[str, Any]:
        told = {"usd": round(self.usd, 6), "input": self.usage.input, "output": self.usage.output, "calls": self.calls}
        if self.hits:
            told |= {"hits": self.hits, "saved_usd": round(self.saved, 6)}
        marks = {"estimated": self.usage.estimated, "unpriced": self.unpriced}
        return {**told, "models": self.models, **{name: True for name, holds in marks.items() if holds}}


class _WrongAnswerError(Exception):
    """The model could not give an answer that fits. The message says what was wrong with the last one."""


class _OverBudgetError(Exception):
    """The contract's money is spent."""


def think(call: AgentCall, tools: Tools, models: Mapping[Tier, Model], judge: Judge) -> AgentReply:
    """The reply of the lowest tier that gets it right; else a question. Raises what the models' services raise."""
    spent = Spent()
    findings: list[Finding] = []
    wrong = ""
    for tier in (Tier.SMALL, Tier.LARGE):
        model = models.get(tier)
        if model is None or (tier is Tier.SMALL and call.contract.tier is Tier.LARGE and Tier.LARGE in models):
            continue
        try:
            reply = _Talk(call, tools, model, judge, spent, findings).hold()
        except _WrongAnswerError as error:
            wrong = str(error)
            continue
        except _OverBudgetError:
            text = f"{call.contract.name} has spent {spent.usd:.2f} USD, all that its contract grants. Shall it go on?"
            return _asking(text, (GO_ON,), spent, findings)
        return replace(reply, findings=(*reply.findings, *findings), usage=spent.as_dict())
    text = f"{call.contract.name} found no answer that its contract accepts: {wrong}"
    return _asking(text, (AGAIN,), spent, findings)


def _asking(text: str, options: tuple[str, ...], spent: Spent, findings: Sequence[Finding]) -> AgentReply:
    evidence = (f"{spent.calls} calls to {', '.join(spent.models)}",) if spent.models else ()
    question = Question(text, options, evidence)
    return AgentReply(output={}, question=question, findings=tuple(findings), usage=spent.as_dict())


@dataclass(slots=True)
class _Talk:
    """One conversation with one model."""

    call: AgentCall
    tools: Tools
    model: Model
    judge: Judge
    spent: Spent
    findings: list[Finding]

    def hold(self) -> AgentReply:
        contract = self.call.contract
        hits = self.tools.recall(_about(self.call), limit=contract.context_recall) if contract.context_recall else ()
        kept = fitting(hits, contract.context_tokens)
        for hit in kept:
            self._look_at(hit.text, hit.path, hit.trust)
        messages = [
            Message(Role.SYSTEM, instructions(self.call)),
            Message(Role.USER, task(self.call, kept)),
        ]
        mends = 0
        for _ in range(contract.budget_calls or ROUNDS):
            self._within_budget()
            reply = self.model.complete(Request(tuple(messages), TOOLS, answer_schema(contract.output)), _hear)
            self.spent.add(self.model, reply)
            messages.append(Message(Role.ASSISTANT, reply.text, reply.calls))
            if reply.calls:
                messages += [Message(Role.TOOL, self._use(each), call_id=each.id) for each in reply.calls]
                continue
            answer, wrong = self._answer(reply)
            if answer is not None and not wrong:
                return answer
            mends += 1
            if mends > MENDS:
                raise _WrongAnswerError(wrong)
            messages.append(Message(Role.USER, f"That cannot be accepted: {wrong}\nAnswer again, whole."))
        raise _WrongAnswerError("it used up its calls")

    def _within_budget(self) -> None:
        limit = self.call.contract.budget_usd * (1 + self.call.guidance.count(GO_ON))
        if limit and self.spent.usd >= limit:
            raise _OverBudgetError

    def _answer(self, reply: ModelReply) -> tuple[AgentReply | None, str]:
        if reply.finish == "length":
            return None, "it was cut off; be shorter"
        try:
            answer = _reply(parsed(reply.text))
            return answer, "; ".join(self.judge(answer)) if answer.question is None else ""
        except (ValueError, TypeError) as error:
            return None, f"it is not the JSON object that was asked for ({error})"
        except AiosError as error:
            return None, error.message

    def _use(self, wanted: ToolCall) -> str:
        """A tool's answer; what goes wrong is an answer too."""
        try:
            given = json.loads(wanted.arguments or "{}")
            if not isinstance(given, dict):
                return "the arguments must be a JSON object"
            match wanted.name:
                case "recall":
                    return self._recall(str(given["query"]), int(given.get("limit") or 8))
                case "read":
                    return self._read(str(given["path"]))
                case "list":
                    return "\n".join(self.tools.paths(str(given["glob"]))[:200]) or "no file matches"
                case _:
                    return f"there is no tool `{wanted.name[:40]}`; there are {', '.join(each.name for each in TOOLS)}"
        except (ValueError, KeyError, TypeError) as error:
            return f"the arguments do not fit: {error}"
        except RefusedError as error:
            return f"refused: {error.message}"

    def _recall(self, query: str, limit: int) -> str:
        hits = self.tools.recall(query, limit=min(max(limit, 1), 30))
        for hit in hits:
            self._look_at(hit.text, hit.path, hit.trust)
        told = "\n\n".join(material(hit.text, f"{hit.path}:{hit.start}-{hit.end}", hit.trust) for hit in hits)
        return told[:RESULT_LIMIT] or "nothing was found"

    def _read(self, path: str) -> str:
        text = self.tools.read(path)
        if text is None:
            return f"there is no file {path}"
        self._look_at(text, path, Trust.EXTERNAL)
        return material(text[:RESULT_LIMIT], path, Trust.EXTERNAL)

    def _look_at(self, text: str, path: str, trust: Trust) -> None:
        if trust is not Trust.OPERATOR:
            self.findings += [each for each in orders_in(text, path) if each not in self.findings]


def _hear(_: int) -> None:
    return


def _about(call: AgentCall) -> str:
    """The words of the input, to recall by."""
    return (
        " ".join(str(value) for value in call.input.values() if isinstance(value, str))[:400] or call.contract.summary
    )


def _reply(data: Mapping[str, Any]) -> AgentReply:
    """Raises ValueError or TypeError where the answer has another form."""
    question = data.get("question")
    if isinstance(question, Mapping) and question.get("text"):
        options = tuple(str(each) for each in question.get("options") or ())
        return AgentReply(output={}, question=Question(str(question["text"])[:2_000], options[:8]))
    output, files = data.get("output"), data.get("files") or {}
    if not isinstance(output, Mapping):
        raise TypeError("`output` is missing")
    if not isinstance(files, Mapping) or not all(isinstance(text, str) for text in files.values()):
        raise TypeError("`files` must map paths to texts")
    confidence = data.get("confidence", 0.5)
    return AgentReply(
        output=dict(output),
        files={str(path): str(text) for path, text in files.items()},
        title=str(data.get("title") or "")[:200],
        reasons=tuple(
            Reason(str(each.get("what", ""))[:300], str(each.get("why", ""))[:600])
            for each in data.get("reasons") or ()
            if isinstance(each, Mapping)
        )[:20],
        confidence=min(1.0, max(0.0, float(confidence))) if isinstance(confidence, int | float) else 0.5,
    )
