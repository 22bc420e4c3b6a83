"""The one agent loop: ask, let it use its tools, check what it hands in, tell it what is wrong, at most so often.

What a model cannot get right is tried on the next one; what none gets right is a NoAnswerError. Nothing here trusts an
answer: `judge` is the contract, applied to the tree that the reply would leave.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aios.agents.conversation import TOOLS, answer_schema, parsed
from aios.agents.orders import orders_in
from aios.agents.trusting import forged_trust
from aios.agents.working import Passage, WorkingMemory, passage_of
from aios.domain.agent import AgentCall, AgentReply, Question, Reason, Tier, Tools
from aios.domain.finding import Finding
from aios.domain.model import Model, ModelReply, Request, Role, ToolCall, ToolSpec
from aios.domain.outside import json_of
from aios.domain.record import Trust
from aios.errors import AiosError, RefusedError

ROUNDS = 12  # exchanges with a model, unless the contract's `budget.calls` says otherwise
CALLS = 16  # uses of tools that are heard of one answer
MENDS = 2  # times that a wrong answer is sent back to one model

# What is wrong with a reply, in words; nothing where it is in order. Raises AiosError for what breaks the contract.
Judge = Callable[[AgentReply], Sequence[str]]


class NoAnswerError(AiosError):
    """The model could not give an answer that fits. The message says what was wrong with the last one."""


def think(call: AgentCall, tools: Tools, models: Mapping[Tier, Model], judge: Judge) -> AgentReply:
    """The reply of the first model, in their order, that gets it right.

    Raises NoAnswerError where none does, and whatever the models' services raise.
    """
    findings: list[Finding] = []
    wrong = NoAnswerError("there is no model to ask")
    for model in models.values():
        talk = _Talk(call, tools, model, judge, findings)
        try:
            reply = talk.hold()
        except NoAnswerError as error:
            wrong = error
            continue
        return replace(reply, findings=(*reply.findings, *findings), manifest=talk.memory.manifest())
    raise wrong


@dataclass(slots=True)
class _Talk:
    """One conversation with one model."""

    call: AgentCall
    tools: Tools
    model: Model
    judge: Judge
    findings: list[Finding]
    memory: WorkingMemory = field(init=False)

    def __post_init__(self) -> None:
        self.memory = WorkingMemory(self.call.contract.context_tokens)

    def hold(self) -> AgentReply:
        contract, memory = self.call.contract, self.memory
        # An input may go back to outside text too: what was searched for, a title of a page.
        self._look_at("\n".join(map(str, self.call.input.values())), "the task's input", Trust.EXTERNAL)
        hits = self.tools.recall(_about(self.call), limit=contract.context_recall) if contract.context_recall else ()
        for hit in memory.begin(self.call, hits):
            self._look_at(hit.text, hit.path, hit.trust)
        mends = 0
        offered: tuple[ToolSpec, ...] = TOOLS
        for _ in range(contract.budget_calls or ROUNDS):
            request = Request(tuple(memory.messages), offered, answer_schema(contract.output))
            reply = self.model.complete(request, _hear)
            memory.say(Role.ASSISTANT, reply.text, reply.calls[:CALLS])
            if reply.calls:
                for each in reply.calls[:CALLS]:
                    memory.answer(each, self._use(each))
                if len(reply.calls) > CALLS:
                    memory.say(Role.USER, f"Of your {len(reply.calls)} calls the first {CALLS} were heard.")
                continue
            answer, wrong = self._answer(reply)
            if answer is not None and not wrong:
                return answer
            mends += 1
            # Many services hold a model to a schema only where it has no tools to choose from.
            offered = TOOLS if answer is not None else ()
            if mends > MENDS:
                raise NoAnswerError(wrong)
            memory.say(Role.USER, f"That cannot be accepted: {wrong}\nAnswer again, whole.")
        raise NoAnswerError("it used up its calls")

    def _answer(self, reply: ModelReply) -> tuple[AgentReply | None, str]:
        if reply.finish == "length":
            return None, "it was cut off; be shorter"
        try:
            answer = _reply(parsed(reply.text))
            if answer.question is not None:
                return answer, ""
            return answer, "; ".join([*self.judge(answer), *forged_trust(answer.files, self._before)])
        except (ValueError, TypeError) as error:
            return None, f"it is not the JSON object that was asked for ({error})"
        except AiosError as error:
            return None, error.message

    def _before(self, path: str) -> str | None:
        """A file as it stands, as far as the agent may read it."""
        try:
            return self.tools.read(path)
        except RefusedError:
            return None

    def _use(self, wanted: ToolCall) -> str | list[Passage]:
        """A tool's answer; what goes wrong is an answer too."""
        try:
            given = json_of(wanted.arguments.strip() or "{}")
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

    def _recall(self, query: str, limit: int) -> list[Passage]:
        hits = self.tools.recall(query, limit=min(max(limit, 1), 30))
        for hit in hits:
            self._look_at(hit.text, hit.path, hit.trust)
        return [passage_of(hit) for hit in hits]

    def _read(self, path: str) -> str | list[Passage]:
        text = self.tools.read(path)
        if text is None:
            return f"there is no file {path}"
        self._look_at(text, path, Trust.EXTERNAL)
        return [Passage("read", path, Trust.EXTERNAL, text)]

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
        options = tuple(str(each)[:200] for each in question.get("options") or ())
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
