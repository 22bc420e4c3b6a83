"""`decide` is pure: the same history gives the same commands, and every run that obeys them ends as it must."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aios.domain.event import StepStatus
from aios.domain.run import (
    Attempt,
    Fail,
    Finish,
    ItemState,
    OpenGate,
    RunState,
    RunStatus,
    Skip,
    Start,
    StepState,
    Wait,
)
from aios.domain.workflow import Retry, Step, StepKind
from aios.runs.decide import decide, inputs_of
from tests.workflows.simulation import BEGAN, EMPTY, OUTPUT, World, iso, random_workflow, workflow_of

NOW = iso(BEGAN)
chances = st.integers(0, 2**32).map(Random)
relaxed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@relaxed
@given(chances)
def test_every_run_ends_and_every_command_on_the_way_is_right(chance: Random) -> None:
    World.of(random_workflow(chance), chance).run()


@relaxed
@given(chances)
def test_a_run_in_which_nothing_goes_wrong_is_done(chance: Random) -> None:
    world = World.of(random_workflow(chance), chance)
    world.permanent = world.transient = world.rejecting = 0.0
    assert world.run() == Finish(RunStatus.DONE)
    for (name, item), attempts in world.started.items():
        asked = world.state.steps[name].guidance
        assert len(attempts) == 1 or asked, (name, item)


def shuffled(value: Any, chance: Random) -> Any:
    """The same, with every mapping filled in another order."""
    if isinstance(value, RunState):
        fields = ("inputs", "trigger", "steps", "gates", "decided")
        return replace(value, **{name: shuffled(getattr(value, name), chance) for name in fields})
    if isinstance(value, StepState):
        return replace(value, items=shuffled(value.items, chance), question=shuffled(value.question, chance))
    if isinstance(value, Mapping):
        names = list(value)
        chance.shuffle(names)
        return {name: shuffled(value[name], chance) for name in names}
    return [shuffled(each, chance) for each in value] if isinstance(value, list) else value


@relaxed
@given(chances, st.integers(1, 25))
def test_the_same_history_gives_the_same_commands_in_whatever_order_it_is_held(chance: Random, rounds: int) -> None:
    world = World.of(random_workflow(chance), chance)
    for _ in range(rounds):
        busy = frozenset(world.in_flight)
        commands = decide(world.workflow, world.state, iso(world.now), in_flight=busy)
        other = decide(
            world.workflow, shuffled(world.state, chance), iso(world.now), in_flight=frozenset(sorted(busy, key=str))
        )
        assert other == commands
        if any(isinstance(each, Finish) for each in commands):
            return
        world.act(commands)


@relaxed
@given(chances, st.integers(0, 25))
def test_a_cancelled_run_starts_nothing_more(chance: Random, rounds: int) -> None:
    world = World.of(random_workflow(chance), chance)
    for _ in range(rounds):
        commands = decide(world.workflow, world.state, iso(world.now), in_flight=frozenset(world.in_flight))
        if any(isinstance(each, Finish) for each in commands):
            break
        world.act(commands)
    world.tell("run.cancelled", "")
    commands = decide(world.workflow, world.state, iso(world.now), in_flight=frozenset(world.in_flight))
    assert commands == (Finish(RunStatus.CANCELLED, "cancelled"),)


@relaxed
@given(chances)
def test_a_run_that_is_resumed_after_losing_what_was_in_flight_ends_as_well(chance: Random) -> None:
    world = World.of(random_workflow(chance), chance)
    for _ in range(chance.randint(1, 20)):
        commands = decide(world.workflow, world.state, iso(world.now), in_flight=frozenset(world.in_flight))
        world.check(commands)
        if any(isinstance(each, Finish) for each in commands):
            break
        world.act(commands)
        if chance.random() < 0.3:
            world.in_flight.clear()  # killed: the attempts are lost, the history is not
    world.run()


def agent(name: str, *needs: str, **more: Any) -> Step:
    return Step(name, StepKind.AGENT, "x", needs=needs, empty=EMPTY, output=OUTPUT, **more)


def told(status: StepStatus, *, transient: bool = False, output: Any = None, at: str = NOW, number: int = 1) -> Attempt:
    return Attempt(number, status, at, output, "it broke" if status is StepStatus.FAILED else "", transient)


def state(steps: Mapping[str, StepState] | None = None, **more: Any) -> RunState:
    return RunState("w/s/u", more.pop("inputs", {}), NOW, steps=steps or {}, **more)


def ended(*attempts: Attempt, item: int | None = None) -> StepState:
    return StepState({item: ItemState(attempts)})


def test_independent_steps_start_together_in_the_order_of_the_file() -> None:
    found = decide(workflow_of(agent("b"), agent("a"), agent("c", "a")), state(), NOW)
    assert found == (Start("b", None, 1, {}), Start("a", None, 1, {}))


def test_only_a_transient_failure_is_tried_again_after_a_pause_that_doubles() -> None:
    flow = workflow_of(agent("a", retry=Retry(3, backoff=2.5, ceiling=4.0)))
    once = state({"a": ended(told(StepStatus.FAILED, transient=True))})
    assert decide(flow, once, NOW) == (Wait("a", iso(BEGAN + timedelta(seconds=3)), "attempt 1 failed: it broke"),)
    later = iso(BEGAN + timedelta(seconds=3))
    assert decide(flow, once, later) == (Start("a", None, 2, {}),)
    assert decide(flow, once, later, in_flight=frozenset({("a", None)})) == ()
    failures = [told(StepStatus.FAILED, transient=True, number=n) for n in (1, 2, 3)]
    twice = state({"a": ended(*failures[:2])})
    assert decide(flow, twice, later) == (Wait("a", iso(BEGAN + timedelta(seconds=4)), "attempt 2 failed: it broke"),)
    given_up = Finish(RunStatus.FAILED, "`a` failed: it broke")
    assert decide(flow, state({"a": ended(*failures)}), later) == (given_up,)
    assert decide(flow, state({"a": ended(told(StepStatus.FAILED))}), later) == (given_up,)


def test_a_failure_waits_for_what_is_in_flight_and_starts_nothing_new() -> None:
    flow = workflow_of(agent("a"), agent("b"), agent("c"))
    broken = state({"a": ended(told(StepStatus.FAILED))})
    assert decide(flow, broken, NOW, in_flight=frozenset({("b", None)})) == ()
    assert decide(flow, broken, NOW) == (Finish(RunStatus.FAILED, "`a` failed: it broke"),)


def test_a_list_is_gone_through_so_many_at_a_time() -> None:
    flow = workflow_of(agent("a", for_each="inputs.list", parallel=2, with_={"each": "${{ item }}"}))
    begun = state(inputs={"list": ["x", "y", "z"]})
    assert decide(flow, begun, NOW) == (Start("a", 0, 1, {"each": "x"}), Start("a", 1, 1, {"each": "y"}))
    busy = frozenset({("a", 0), ("a", 1)})
    assert decide(flow, begun, NOW, in_flight=busy) == ()
    one_done = replace(begun, steps={"a": ended(told(StepStatus.SUCCEEDED, output={"n": 1}), item=1)})
    assert decide(flow, one_done, NOW, in_flight=frozenset({("a", 0)})) == (Start("a", 2, 1, {"each": "z"}),)


def test_the_outputs_of_a_list_come_in_its_order_whatever_ended_first() -> None:
    flow = workflow_of(agent("a", for_each="inputs.list"), agent("b", "a", with_={"all": "${{ steps.a.map(x, x.n) }}"}))
    items: dict[int | None, ItemState] = {
        index: ItemState((told(StepStatus.SUCCEEDED, output={"n": index}),)) for index in (2, 0, 1)
    }
    found = decide(flow, state({"a": StepState(items)}, inputs={"list": [1, 2, 3]}), NOW)
    assert found == (Start("b", None, 1, {"all": [0.0, 1.0, 2.0]}),)


def test_an_empty_list_and_a_false_condition_are_skipped_and_what_follows_reads_empty_values() -> None:
    flow = workflow_of(
        agent("a", for_each="inputs.list"),
        agent("b", when="inputs.flag"),
        agent("c", "a", "b", with_={"n": "${{ steps.b.n }}", "items": "${{ steps.b.items }}", "all": "${{ steps.a }}"}),
    )
    begun = state(inputs={"list": [], "flag": False})
    assert decide(flow, begun, NOW) == (
        Skip("a", None, "there is nothing to do it for"),
        Skip("b", None, "skipped: `inputs.flag` does not hold"),
    )
    skipped = {name: ended(told(StepStatus.SKIPPED)) for name in ("a", "b")}
    assert decide(flow, replace(begun, steps=skipped), NOW) == (Start("c", None, 1, {"n": 0, "items": [], "all": []}),)


def test_a_full_score_counts_as_a_number_with_decimals() -> None:
    flow = workflow_of(
        agent("a"), agent("b", "a", when="steps.a.n * 2.0 >= 2.0", with_={"n": "${{ steps.a.n + 0.5 }}"})
    )
    found = decide(flow, state({"a": ended(told(StepStatus.SUCCEEDED, output={"n": 1}))}), NOW)
    assert found == (Start("b", None, 1, {"n": 1.5}),)


def test_inputs_that_cannot_be_made_fail_the_step_with_the_reason() -> None:
    flow = workflow_of(agent("a", with_={"x": "${{ inputs.map.b }}"}))
    (found,) = decide(flow, state(inputs={"map": {}}), NOW)
    assert found == Fail("a", None, "there is no `b` in `inputs.map.b` Hint: ask with has(…) first")
    (found,) = decide(workflow_of(agent("a", for_each="inputs.n")), state(inputs={"n": 3}), NOW)
    assert found == Fail("a", None, "`inputs.n` gave no list")


def test_a_delay_counts_from_the_last_of_what_the_step_needs() -> None:
    flow = workflow_of(agent("a"), agent("b"), agent("c", "a", "b", after=86_400.0))
    ends = [iso(BEGAN + timedelta(hours=n)) for n in (1, 3)]
    held = state({name: ended(told(StepStatus.SUCCEEDED, at=at)) for name, at in zip("ab", ends, strict=True)})
    due = iso(BEGAN + timedelta(hours=27))  # the clocks change in between, in Berlin; a day is 24 hours here
    assert decide(flow, held, ends[1]) == (Wait("c", due, "`c` comes 1d after what it needs"),)
    assert decide(flow, held, due) == (Start("c", None, 1, {}),)


def test_a_delay_after_a_gate_counts_from_the_decision() -> None:
    flow = workflow_of(agent("a"), Step("g", StepKind.GATE, "operator", needs=("a",)), agent("b", "g", after=3600.0))
    decided = iso(BEGAN + timedelta(days=3))
    held = state({"a": ended(told(StepStatus.SUCCEEDED))}, gates={"g": "approved"}, decided={"g": decided})
    due = iso(BEGAN + timedelta(days=3, hours=1))
    assert decide(flow, held, decided) == (Wait("b", due, "`b` comes 1h after what it needs"),)


def test_a_gate_opens_waits_and_is_decided() -> None:
    flow = workflow_of(agent("a"), Step("g", StepKind.GATE, "operator", needs=("a",)), agent("b", "g"))
    done = {"a": ended(told(StepStatus.SUCCEEDED))}
    assert decide(flow, state(done), NOW) == (OpenGate("g"),)
    assert decide(flow, state(done, gates={"g": "open"}), NOW) == (Wait("g", "", "waits for your decision"),)
    assert decide(flow, state(done, gates={"g": "approved"}), NOW) == (Start("b", None, 1, {}),)
    assert decide(flow, state(done, gates={"g": "rejected"}), NOW) == (Finish(RunStatus.REJECTED, "`g` was rejected"),)


def test_a_question_holds_its_step_and_no_other() -> None:
    flow = workflow_of(agent("a"), agent("b"))
    asked = state({"a": StepState(question={"text": "which?"})})
    assert decide(flow, asked, NOW) == (Wait("a", "", "which?"), Start("b", None, 1, {}))


def test_times_are_compared_as_moments_whatever_their_zone() -> None:
    flow = workflow_of(agent("a", retry=Retry(2, backoff=60.0)))
    at = "2026-03-29T00:30:00+02:00"  # half an hour after NOW
    held = state({"a": ended(told(StepStatus.FAILED, transient=True, at=at))})
    assert decide(flow, held, NOW) == (Wait("a", "2026-03-28T22:31:00Z", "attempt 1 failed: it broke"),)


def test_what_a_step_would_be_given_can_be_asked_before_it_runs() -> None:
    flow = workflow_of(agent("a", with_={"x": "${{ inputs.n }}"}), agent("b", when="inputs.n > 3"))
    assert inputs_of(flow, state(inputs={"n": 1}), "a") == [(None, {"x": 1})]
    assert inputs_of(flow, state(inputs={"n": 1}), "b") == []
    listed = workflow_of(agent("a", for_each="inputs.n", with_={"x": "${{ item }}"}))
    assert inputs_of(listed, state(inputs={"n": [5, 6]}), "a") == [(0, {"x": 5}), (1, {"x": 6})]
