"""Expressions are checked by what is declared: unknown names, unknown fields and wrong types, before anything runs."""

from __future__ import annotations

from typing import Any

import pytest

from aios.expressions import ExpressionError, Scope, compile_bool, compile_value, declare, typed

PLAN: dict[str, Any] = {
    "type": "object",
    "properties": {
        "record": {"type": "string"},
        "score": {"type": "number"},
        "words": {"type": "integer"},
        "done": {"type": "boolean"},
        "grew_from": {"type": ["string", "null"]},
        "questions": {
            "type": "array",
            "items": {"type": "object", "properties": {"id": {"type": "string"}, "weight": {"type": "number"}}},
        },
        "place": {"type": "object", "properties": {"city": {"type": "string"}}},
        "open": {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True},
        "free": {"type": "object"},
        "with-dash": {"type": "string"},
        "for": {"type": "string"},
    },
}
SCOPE = Scope(declare("steps.plan", PLAN) | declare("inputs.topic", {"type": "string"}) | {"anything": {}})


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("inputs.topic", "STRING"),
        ("steps.plan", "MAP<STRING, DYN>"),
        ("steps.plan.words + 1", "INT"),
        ("steps.plan.score * 2.0", "DOUBLE"),
        ("steps.plan.questions", "LIST<MAP<STRING, DYN>>"),
        ("steps.plan.questions.map(q, q.id)", "LIST<DYN>"),
        ("steps.plan.questions[0].id", "DYN"),
        ("steps.plan.questions.filter(q, q.weight > 0.5).map(q, q.id)", "LIST<DYN>"),
        ("steps.plan.place.city", "STRING"),
        ("steps.plan['record']", "DYN"),
        ("steps.plan['with-dash']", "DYN"),
        ("steps.plan.`for`", "DYN"),
        ("steps.plan.grew_from == null", "BOOL"),
        ("steps.plan.open.other", "DYN"),
        ("steps.plan.free.any.thing", "DYN"),
        ("anything.at.all", "DYN"),
        ("anything.map(inputs, inputs.free)", "LIST<DYN>"),
        ("has(steps.plan.record)", "BOOL"),
        ("has(steps.plan.place.city) && has(anything.x)", "BOOL"),
        ("slug(inputs.topic)", "STRING"),
        ("[inputs.topic, 'a']", "LIST<STRING>"),
    ],
)
def test_an_expression_has_the_type_of_what_it_names(expression: str, kind: str) -> None:
    assert compile_value(expression, SCOPE) == kind


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("inputs.topik", "`inputs.topik` is unknown in `inputs.topik`", "did you mean `inputs.topic`?"),
        ("inputs", "`inputs` is unknown in `inputs`", "did you mean `inputs.topic`?"),
        ("steps.plam.record", "`steps.plam` is unknown in `steps.plam.record`", "did you mean `steps.plan`?"),
        ("step.plan", "`step.plan` is unknown in `step.plan`", "did you mean `steps.plan`?"),
        ("steps.plan.recrd", "`steps.plan` has no `recrd` in `steps.plan.recrd`", "did you mean `record`?"),
        ("has(steps.plan.recrd)", "`steps.plan` has no `recrd` in `has(steps.plan.recrd)`", "did you mean `record`?"),
        ("steps.plan['recrd']", "`steps.plan` has no `recrd` in `steps.plan['recrd']`", "did you mean `record`?"),
        ("steps.plan.place.zip", "`steps.plan.place` has no `zip` in `steps.plan.place.zip`", "known here: city"),
        (
            "steps.plan.questions[0].ident",
            "`steps.plan.questions[…]` has no `ident` in `steps.plan.questions[0].ident`",
            "did you mean `id`?",
        ),
        (
            "steps.plan.questions.exists(q, q.wait > 1.0)",
            "`q` has no `wait` in `steps.plan.questions.exists(q, q.wait > 1.0)`",
            "did you mean `weight`?",
        ),
        (
            "steps.plan.questions.filter(q, true).all(r, r.no)",
            "`r` has no `no` in `steps.plan.questions.filter(q, true).all(r, r.no)`",
            "known here: id, weight",
        ),
        ("inputs.topic + 1", "`+` cannot take string and int in `inputs.topic + 1`", "see the types of its parts"),
        (
            "steps.plan.score > 1",
            "`>` cannot take double and int in `steps.plan.score > 1`",
            "a number with decimals takes another one: write 2.0, or double(…)",
        ),
        (
            "inputs.topic == null",
            "`==` cannot take string and null in `inputs.topic == null`",
            "it is never null; ask with has(…)",
        ),
        (
            "timestamp('2026-01-01T00:00:00Z')",
            "`timestamp('2026-01-01T00:00:00Z')` is a timestamp, which no file can hold",
            "turn it into text: string(…)",
        ),
    ],
)
def test_what_does_not_fit_the_declarations_is_an_error(expression: str, message: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        compile_value(expression, SCOPE)
    assert (raised.value.message, raised.value.hint) == (message, hint)


def test_a_condition_must_be_boolean_or_unknown_until_it_runs() -> None:
    compile_bool("steps.plan.done", SCOPE)
    compile_bool("anything.x", SCOPE)
    with pytest.raises(ExpressionError, match=r"`steps\.plan\.words` is int, not true or false"):
        compile_bool("steps.plan.words", SCOPE)


def test_numbers_are_what_their_schema_says_they_are() -> None:
    found = typed({"score": 1, "words": 3.0, "questions": [{"weight": 0}], "other": 1, "done": True}, PLAN)
    assert found == {"score": 1.0, "words": 3, "questions": [{"weight": 0.0}], "other": 1, "done": True}
    assert [
        type(each) for each in (found["score"], found["words"], found["questions"][0]["weight"], found["other"])
    ] == [
        float,
        int,
        float,
        int,
    ]
    assert found["done"] is True
    assert isinstance(typed(1, {"type": ["number", "null"]}), float)
    assert typed("1", {"type": "number"}) == "1"
