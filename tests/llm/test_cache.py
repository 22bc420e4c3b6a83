"""An answer is paid for once; anything that differs is another question; a broken cache is no reason to fail."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from aios.domain.model import Listen, Message, ModelReply, Request, Role, Terms, ToolCall, ToolSpec, Usage
from aios.errors import TransientError
from aios.llm.cache import Cached

ASK = Request((Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "Hello?")), max_tokens=10)


@dataclass
class Counting:
    name: str = "tiny"
    asked: list[Request] = field(default_factory=list)
    fails: bool = False

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        self.asked.append(request)
        if self.fails:
            raise TransientError("later")
        return ModelReply(f"answer {len(self.asked)}", (ToolCall("c", "read", "{}"),), Usage(100, 10), "tiny-1")

    def cost(self, usage: Usage) -> float | None:
        return usage.total / 1000


def ask(model: Cached, request: Request = ASK) -> ModelReply:
    return model.complete(request, lambda _: None)


def test_the_same_question_is_asked_once_and_says_what_it_saved(tmp_path: Path) -> None:
    service = Counting()
    first, second = (ask(Cached(service, tmp_path / "answers.sqlite")) for _ in range(2))
    assert len(service.asked) == 1
    assert (second.text, second.calls, second.model) == (first.text, first.calls, first.model)
    assert (first.usage, first.saved.total) == (Usage(100, 10), 0)
    assert (second.usage.total, second.saved) == (0, Usage(100, 10))


@pytest.mark.parametrize(
    "other",
    [
        replace(ASK, messages=(Message(Role.SYSTEM, "Be kind."), ASK.messages[1])),
        replace(ASK, schema={"type": "object"}),
        replace(ASK, tools=(ToolSpec("read", "", {}),)),
        replace(ASK, max_tokens=11),
    ],
)
def test_whatever_differs_is_another_question(tmp_path: Path, other: Request) -> None:
    service = Counting()
    model = Cached(service, tmp_path / "answers.sqlite")
    assert ask(model).text != ask(model, other).text


def test_another_model_or_place_is_another_question(tmp_path: Path) -> None:
    file = tmp_path / "answers.sqlite"
    service = Counting()
    ask(Cached(service, file, "http://here"))
    ask(Cached(service, file, "http://there"))
    ask(Cached(replace(service, name="other"), file, "http://here"))
    assert len(service.asked) == 3


def test_who_wants_it_tried_again_gets_another_answer_which_is_kept(tmp_path: Path) -> None:
    model = Cached(Counting(), tmp_path / "answers.sqlite")
    fresh = replace(ASK, terms=Terms(fresh=True))
    assert [ask(model, each).text for each in (ASK, ASK, fresh, ASK)] == [
        "answer 1",
        "answer 1",
        "answer 2",
        "answer 2",
    ]


@pytest.mark.parametrize("row", ["{}", "[]", "null", "no JSON", '{"text": "x", "calls": [{"a": 1}], "usage": {}}'])
def test_a_row_of_another_form_is_no_reason_to_fail(tmp_path: Path, row: str) -> None:
    file = tmp_path / "answers.sqlite"
    model = Cached(Counting(), file)
    ask(model)
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE answers SET answer = ?", (row,))
    assert [ask(model).text, ask(model).text] == ["answer 2", "answer 2"]


def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    service = Counting(fails=True)
    model = Cached(service, tmp_path / "answers.sqlite")
    with pytest.raises(TransientError):
        ask(model)
    service.fails = False
    assert ask(model).text == "answer 2"


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be looked at", b""])
def test_a_broken_or_unwritable_cache_is_no_reason_to_fail(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "answers.sqlite"
    file.write_bytes(content)
    assert ask(Cached(Counting(), file)).text == "answer 1"
    assert ask(Cached(Counting(), tmp_path / "no such folder" / "answers.sqlite")).text == "answer 1"


def test_it_forgets_the_oldest(tmp_path: Path) -> None:
    service = Counting()
    model = Cached(service, tmp_path / "answers.sqlite", most=3)
    for number in range(5):
        ask(model, replace(ASK, max_tokens=number))
    ask(model, replace(ASK, max_tokens=4))
    assert len(service.asked) == 5
    ask(model, replace(ASK, max_tokens=0))
    assert len(service.asked) == 6
