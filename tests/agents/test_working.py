"""Working memory stays within its room, and tells what it gave, what it left out, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aios.agents.conversation import CHARS_PER_TOKEN
from aios.agents.working import RESULT_LIMIT, Passage, WorkingMemory
from aios.domain.memory import Hit
from aios.domain.model import Role, ToolCall
from aios.domain.record import Trust
from tests.agents.test_loop import call

CALL = ToolCall("c1", "read", "{}")


def hit(name: str, tokens: int) -> Hit:
    text = "w" * ((tokens - 1) * CHARS_PER_TOKEN)
    return Hit(f"state/sources/{name}.md", "source", name, text, 0, len(text), 1, 1.0, "matches", Trust.EXTERNAL)


def passage(name: str, tokens: int) -> Passage:
    return Passage("read", name, Trust.EXTERNAL, "w" * ((tokens - 1) * CHARS_PER_TOKEN))


def begun(room: int, *hits: Hit) -> WorkingMemory:
    memory = WorkingMemory(room)
    memory.begin(call(), hits)
    return memory


def left(memory: WorkingMemory) -> list[tuple[str, str]]:
    return [(each["where"].split(":")[0], each["why"]) for each in memory.manifest()["left_out"]]


def given(memory: WorkingMemory) -> list[str]:
    return [each["where"].split(":")[0] for each in memory.manifest()["given"]]


def test_recalled_passages_take_half_of_the_room_and_the_rest_is_named() -> None:
    memory = begun(1_000, hit("a", 300), hit("b", 300), hit("c", 200))
    assert given(memory) == ["state/sources/a.md", "state/sources/c.md"]
    assert left(memory) == [("state/sources/b.md", "recalled passages have no more room")]


def test_the_manifest_tells_trust_and_tokens_of_every_part() -> None:
    memory = begun(1_000, hit("a", 100))
    memory.answer(CALL, [passage("memory/x.md", 50)])
    told: dict[str, Any] = memory.manifest()
    assert told["given"][0] | {"where": ""} == {"tool": "recall", "where": "", "trust": "external", "tokens": 100}
    assert told["given"][1] == {"tool": "read", "where": "memory/x.md", "trust": "external", "tokens": 50}
    assert told["tokens"]["room"] == 1_000
    assert told["tokens"]["instructions"] > 50
    assert 150 <= told["tokens"]["material"] <= 200


def test_the_oldest_answers_make_room_for_the_newest() -> None:
    memory = begun(1_000)
    for name in ("one", "two", "three", "four"):
        memory.say(Role.ASSISTANT, "", (CALL,))
        memory.answer(CALL, [passage(name, 300)])
        tools = [message.text for message in memory.messages if message.role is Role.TOOL]
        assert sum(len(text) for text in tools) <= 1_000 * CHARS_PER_TOKEN + 200
    assert given(memory) == ["two", "three", "four"]
    assert left(memory) == [("one", "taken out again: later answers needed the room")]
    assert tools[0] == "[taken out to make room: one; ask again if you need it]"
    assert memory.messages[3].call_id == "c1"


def test_one_answer_is_cut_to_the_room_within_its_marks() -> None:
    memory = begun(500)
    memory.answer(CALL, [passage("long", 800), passage("next", 10)])
    text = memory.messages[-1].text
    assert text.startswith("[data ")
    assert text.splitlines()[-1].startswith("[end ")
    assert len(text) < 500 * CHARS_PER_TOKEN + 200
    assert [name for name, _ in left(memory)] == ["long", "next"]
    assert left(memory)[0][1] == f"cut off after {500 * CHARS_PER_TOKEN:,} characters"


@pytest.mark.parametrize("room", [0, 10, 100_000])
def test_any_room_holds(room: int) -> None:
    memory = begun(room, hit("a", 200))
    for name in ("one", "two"):
        memory.answer(CALL, [replace(passage(name, 10), text="w" * 40_000)])
        memory.answer(CALL, "a word of ours")
    longest = max(len(message.text) for message in memory.messages[2:])
    assert longest <= RESULT_LIMIT + 200
    assert memory.messages[-1].text == "a word of ours"


def test_a_recall_without_hits_says_so() -> None:
    memory = begun(100)
    memory.answer(CALL, [])
    assert memory.messages[-1].text == "nothing was found"
