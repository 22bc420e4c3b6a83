"""Whatever somebody changes of an honest handoff: it is found, or it changed nothing that counts."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aios.domain.event import EventNote, render_message
from aios.domain.handoff import Handoff
from aios.runs.history import fact_of_event, fold
from aios.runs.verifying import Material, Verified
from aios.runs.verifying.messages import note_of
from tests.verifying.handing import Handed, judged, note_at, retold, rules, text_of, with_file

SOME = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
# Of a fact, what an agent may choose: everything else must be what the order, workflow and contract make it.
FREE = {"title", "body", "usage", "context"}
WORDS = st.text(max_size=40) | st.sampled_from(
    ["approve", "read", "write", "publish", "succeeded", "failed", "skipped", "waiting", "operator", "policy",
     "proposal.approved", "question.answered", "run.finished", "step.failed", "agent:scribe@1", "a\n\nAios-Event: x"]
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "item": st.none() | st.integers(0, 20),
    "attempt": st.integers(0, 20),
    "records": st.lists(WORDS, max_size=3).map(tuple),
    "output": ANYTHING,
    "transient": st.booleans(),
    "usage": st.dictionaries(WORDS, ANYTHING, max_size=3),
}
NAMES = [each.name for each in fields(EventNote)]


def sane(handed: Handed, material: Material, verified: Verified) -> None:
    """Passed, or told by a rule of ours; and whatever passed decides nothing."""
    assert all(rule.startswith("handoff.") for rule in rules(verified))
    assert "handoff.unexpected" not in rules(verified), verified.findings


@SOME
@given(st.data())
def test_any_field_of_any_fact(root: Path, handed: Handed, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(handed.events) - 1))
    name = data.draw(st.sampled_from(NAMES))
    value = data.draw(VALUES.get(name, WORDS))
    before = note_at(handed, number)
    try:
        message = render_message(replace(before, **{name: value}))
    except (ValueError, TypeError):
        return
    material = retold(handed, number, message)
    verified = judged(root, handed, material)
    sane(handed, material, verified)
    after = note_of(message)
    changed = {each for each in NAMES if after is None or getattr(after, each) != getattr(before, each)}
    if changed - FREE - ({"output"} if before.type != "run.started" else set()):
        assert not verified.passed, changed


@SOME
@given(st.data())
def test_any_text_as_any_message(root: Path, handed: Handed, data: st.DataObject) -> None:
    honest = render_message(note_at(handed, -1))
    at = data.draw(st.integers(0, len(honest) - 1))
    message = honest[:at] + data.draw(WORDS) + honest[at + data.draw(st.integers(0, 30)) :]
    verified = judged(root, handed, retold(handed, -1, message))
    sane(handed, handed.material(), verified)
    if verified.passed:
        assert note_of(message) is not None


@SOME
@given(st.binary(min_size=1, max_size=30), st.sampled_from(["", "memory/notes/", "state/content/", "state/"]))
def test_any_path(root: Path, handed: Handed, name: bytes, folder: str) -> None:
    path = folder.encode() + name.replace(b"\0", b"x")
    parts = path.split(b"/")
    if not all(parts):
        return
    verified = judged(root, handed, with_file(handed, path))
    sane(handed, handed.material(), verified)
    assert not verified.passed  # the fact names no such record


@SOME
@given(st.data())
def test_any_bytes_anywhere(root: Path, handed: Handed, data: st.DataObject) -> None:
    honest = handed.material()
    which = data.draw(st.sampled_from(["bundle", "handoff"]))
    content = getattr(honest, which)
    at = data.draw(st.integers(0, len(content) - 1))
    changed = content[:at] + data.draw(st.binary(max_size=20)) + content[at + data.draw(st.integers(0, 20)) :]
    material = replace(honest, **{which: changed})
    verified = judged(root, handed, material)
    sane(handed, material, verified)
    if verified.passed:
        assert verified.handoff is not None
        assert verified.handoff.head == handed.handoff.head  # an equal tree, and the very commits
    if changed != content:
        assert verified.digest != honest.digest


@SOME
@given(st.sampled_from([each.name for each in fields(Handoff)]), ANYTHING)
def test_any_value_in_the_json(root: Path, handed: Handed, name: str, value: Any) -> None:
    material = replace(handed.material(), handoff=text_of(handed.handoff, **{name: value}))
    verified = judged(root, handed, material)
    sane(handed, material, verified)
    if name not in {"note", "version"} and value != getattr(handed.handoff, name):
        assert not verified.passed


def test_what_passes_decides_no_gate(handed: Handed) -> None:
    state = fold(handed.order.run, map(fact_of_event, handed.events))
    assert (state.gates, state.finished, state.cancelled) == ({}, "", False)
