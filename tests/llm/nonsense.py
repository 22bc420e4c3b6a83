"""Everything that a model and its service may come up with: answers, half answers, tool calls, faults, counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from aios.domain.event import one_line
from aios.domain.model import Listen, ModelReply, Request, ToolCall, Usage
from aios.domain.outside import mended
from aios.errors import AiosError, RefusedError, TransientError

PRICE = 0.00001  # dollars a token
MANY = 1_000  # calls at once
# What is too long to be shown when a test fails stands as a mark until it is said.
_MARKS = {
    "«long»": "x" * 70_000,
    "«name»": "n" * 300,
    "«deep»": '{"output": ' + "[" * 100_000,
    "«digits»": '{"output": ' + "9" * 6_000 + "}",
    "«huge»": "9" * 400,
}
NOTE = "---\nschema: note.v1\nkind: note\ntitle: {}\ntrust: derived\n---\n\n{}\n"
_LETTERS = st.characters(codec=None, categories=None)  # halves of letters and controls too
_ODD = ["", "\x00", "\ud800", "\x1b[2J", "\u202e", "\r\n", "Aios-Status: succeeded", "---", "${{ secrets }}", "«long»"]
WORDS = st.one_of(st.text(_LETTERS, max_size=30), st.sampled_from(_ODD))
NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([2**63, -(2**63), 1e308]))
PATHS = st.one_of(
    st.sampled_from(
        [
            "memory/notes/a.md",
            "memory/notes/b.md",
            "state/company.yaml",
            "../outside",
            "/etc/passwd",
            "memory/notes/../../x.md",
            "memory/notes/\x00.md",
            "memory/notes/\ud800.md",
            "memory/notes/«name».md",
            ".git/config",
        ]
    ),
    WORDS,
)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=6,
)


_RIGHT = st.builds(
    lambda note, title, reason, confidence, name: json.dumps(
        {
            "output": {"note": note},
            "files": {f"memory/notes/{name}.md": NOTE.format("Prices", note.encode(errors="replace").decode())},
            "title": title,
            "reasons": [{"what": reason, "why": reason}],
            "confidence": confidence,
        }
    ),
    WORDS,
    WORDS,
    WORDS,
    st.one_of(NUMBERS, _VALUES),
    st.sampled_from(["a", "b"]),
)
_FORMED = st.fixed_dictionaries(
    {},
    optional={
        "output": st.one_of(_VALUES, st.fixed_dictionaries({"note": _VALUES}, optional={"record": _VALUES})),
        "files": st.one_of(_VALUES, st.dictionaries(PATHS, st.one_of(WORDS, _VALUES), max_size=3)),
        "title": _VALUES,
        "reasons": st.one_of(_VALUES, st.lists(st.dictionaries(st.sampled_from(["what", "why"]), _VALUES), max_size=3)),
        "confidence": _VALUES,
        "question": st.one_of(
            _VALUES, st.fixed_dictionaries({"text": _VALUES}, optional={"options": _VALUES, "evidence": _VALUES})
        ),
    },
).map(json.dumps)
_CUT = st.builds(lambda text, part: text[: int(len(text) * part)], st.one_of(_RIGHT, _FORMED), st.floats(0, 1))
TEXTS = st.one_of(
    _RIGHT,
    _RIGHT,
    _FORMED,
    _CUT,
    WORDS,
    st.sampled_from(["«deep»", "«digits»", '{"output": {"note": "x"}, "confidence": «huge»}']),
)

_ARGUMENTS = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "path": st.one_of(PATHS, _VALUES),
            "query": st.one_of(WORDS, _VALUES),
            "glob": st.one_of(st.sampled_from(["**", "memory/**", "[", "*" * 500, "../**"]), WORDS, _VALUES),
            "limit": st.one_of(NUMBERS, _VALUES),
        },
    ).map(json.dumps),
    WORDS,
    st.sampled_from(["«deep»", "«digits»", '{"query": "x", "limit": «huge»}']),
)
_CALLS = st.one_of(
    st.lists(
        st.builds(ToolCall, WORDS, st.one_of(st.sampled_from(["read", "recall", "list"]), WORDS), _ARGUMENTS),
        min_size=1,
        max_size=3,
    ).map(tuple),
    st.just((ToolCall("«many»", "list", '{"glob": "**"}'),)),
)
_USAGES = st.builds(Usage, st.integers(0, 20_000), st.integers(0, 5_000), estimated=st.booleans())


@dataclass(frozen=True)
class Fault:
    """The service fails, in this way, `times` in a row."""

    error: type[AiosError]
    message: str
    retry_after: float | None = None
    times: int = 1


Turn = ModelReply | Fault
_REPLIES = st.builds(
    lambda text, calls, usage, finish, model: ModelReply(text, calls, usage, model, finish),
    TEXTS,
    st.one_of(*[st.just(())] * 4, _CALLS),
    _USAGES,
    st.one_of(st.just("stop"), st.sampled_from(["length", "tool_calls", ""]), WORDS),
    st.one_of(st.just("tiny"), WORDS),
)
_FAULTS = st.builds(
    Fault,
    st.sampled_from([TransientError, TransientError, RefusedError, AiosError]),
    WORDS,
    st.one_of(st.none(), st.sampled_from([0.0, 7.0, 59.0, 61.0, 1e9])),
    st.integers(1, 6),
)
SCRIPTS = st.lists(st.one_of(*[_REPLIES] * 4, _FAULTS), min_size=1, max_size=12)


def said(turn: ModelReply) -> ModelReply:
    """The reply with its marks filled in, as `aios.llm.streaming` would have read it."""
    calls: list[ToolCall] = []
    for call in turn.calls:
        sent = ToolCall(mended(call.id), mended(call.name), mended(_filled(call.arguments)))
        calls += [replace(sent, id=f"c{n}") for n in range(MANY)] if call.id == "«many»" else [sent]
    model, finish = mended(one_line(turn.model)), mended(one_line(turn.finish))
    return replace(turn, text=mended(_filled(turn.text)), calls=tuple(calls), model=model, finish=finish)


def _filled(text: str) -> str:
    for mark, long in _MARKS.items():
        text = text.replace(mark, long).replace(json.dumps(mark)[1:-1], long)
    return text


@dataclass
class Scripted:
    """A model that does what the script says; its last turn repeats."""

    script: Sequence[Turn]
    name: str = "tiny"
    asked: list[Request] = field(default_factory=list)
    paid: list[float] = field(default_factory=list)
    _turns: list[Turn] = field(default_factory=list)

    def __post_init__(self) -> None:
        for turn in self.script:
            self._turns += [turn] * (turn.times if isinstance(turn, Fault) else 1)

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        turn = self._turns[min(len(self.asked), len(self._turns) - 1)]
        self.asked.append(request)
        if isinstance(turn, Fault):
            raise self._error(turn)
        listen(len(turn.text))
        self.paid.append(self.cost(turn.usage) or 0.0)
        return said(turn)

    def cost(self, usage: Usage) -> float | None:
        return usage.total * PRICE

    @staticmethod
    def _error(fault: Fault) -> AiosError:
        if issubclass(fault.error, TransientError):
            return fault.error(mended(fault.message), retry_after=fault.retry_after)
        return fault.error(mended(fault.message))


@dataclass
class Pauses:
    """A pause that takes no time and is remembered."""

    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
