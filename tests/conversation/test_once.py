"""Whatever is said, in whatever order, and wherever the listener is killed: each command is done once, in order."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aios.errors import TransientError
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.conversation import listen
from aios.runs.gates import open_gate
from aios.runs.on_forge import show_on_forge
from aios.runs.session import read_state
from aios.runs.told import told_of
from tests.conversation.forum import Forum
from tests.runs import house

RUN = house.RUN_ID


class KilledError(BaseException):
    """The process ends here."""


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.lists(st.sampled_from(["revise", "explain", "typo"]), min_size=1, max_size=3)),
        st.tuples(st.just("stranger"), st.just([])),
        st.tuples(st.just("edit"), st.integers(0, 5).map(lambda n: [str(n)])),
        st.tuples(st.just("listen"), st.just([])),
        st.tuples(st.just("killed"), st.integers(1, 8).map(lambda n: [str(n)])),
        st.tuples(st.just("network"), st.integers(1, 4).map(lambda n: [str(n)])),
        st.tuples(st.just("work"), st.just([])),
    ),
    min_size=1,
    max_size=7,
)


def _killed_at(here: Context, number: int) -> Context:
    seen = 0

    def checkpoint(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            raise KilledError

    return replace(here, checkpoint=checkpoint)


def _said(forum: Forum, kinds: list[str], count: int) -> list[str]:
    """What is written into one comment; the notes that it asks for."""
    words = {"revise": "/aios revise note {}", "explain": "/aios explain dig", "typo": "/aios dnace {}"}
    lines = [words[kind].format(count + at) for at, kind in enumerate(kinds)]
    forum.comment("ann", "\n".join(lines))
    return [f"note {count + at}" for at, kind in enumerate(kinds) if kind == "revise"]


def _hear(here: Context, forum: Forum, kind: str, number: int) -> None:
    try:
        if kind == "network":
            forum.breaks = len(forum.writes) + number
        listen(_killed_at(here, number) if kind == "killed" else here, 1)
    except (KilledError, TransientError):
        pass
    finally:
        forum.breaks = 0


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
def test_each_command_is_done_once_and_in_order(template: Path, steps: list[tuple[str, list[str]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "company"
        shutil.copytree(template, root)
        first = house.context(root)
        with first.git:
            forum = Forum(first.git)
            here = house.context(root, git=first.git, forge=forum)
            show_on_forge(here, RUN)
            asked, edited = _live(here, forum, steps)
            _settle(here, forum)
            done = [each.title for each in told_of(here, RUN) if each.fact.type == "proposal.revision-requested"]
            assert len(done) == len(set(done))
            late = [note for note in asked if note not in done]
            # Not done is only what was said while the run was being worked on, or edited before it was read.
            assert done == [note for note in asked if note in done]
            answers = "\n".join(forum.replies())
            assert all("Not done" in answers or edited for _ in late)
            marks = [mark for reply in forum.replies() for mark in reply.split("<!-- aios:said ")[1:]]
            assert len(marks) == len(set(marks))
            writes = len(forum.writes)
            listen(here, 1)
            assert len(forum.writes) == writes


def _live(here: Context, forum: Forum, steps: list[tuple[str, list[str]]]) -> tuple[list[str], bool]:
    asked: list[str] = []
    edited = False
    for at, (kind, args) in enumerate(steps):
        if kind == "say":
            asked += _said(forum, args, at * 10)
        elif kind == "stranger":
            forum.comment("bob", "/aios reject it")
        elif kind == "edit":
            mine = [each for each in forum.said[1] if each.author == "ann"]
            if mine:
                edited = True
                forum.edit(mine[int(args[0]) % len(mine)].id, "/aios reject it")
        elif kind == "work":
            carry_on(here, RUN)
        else:
            _hear(here, forum, kind, int((args or ["0"])[0]))
    return asked, edited


def _settle(here: Context, forum: Forum) -> None:
    """The next listeners finish what was left, and the run is proposed again."""
    for _ in range(2):
        listen(here, 1)
    carry_on(here, RUN)
    show_on_forge(here, RUN)
    listen(here, 1)
    state = read_state(here.git, RUN, main="main")
    assert open_gate(state) == "approve"
    assert forum.pulls[1].state.value == "open"
