"""A run's state is a fold over its facts."""

from __future__ import annotations

from aios.domain.event import StepStatus
from aios.runs.history import Fact, fold

RUN = "publish-content/a-topic/01abc"
START = Fact(
    "run.started", "2026-11-01T08:00:00Z", output={"inputs": {"topic": "x"}, "started": "2026-11-01T08:00:00Z"}
)


def done(step: str, *, item: int | None = None, attempt: int = 1, status: str = "succeeded") -> Fact:
    return Fact(
        "content.drafted", "2026-11-01T08:01:00Z", step, item, attempt, status, {"n": item}, paths=(f"{step}.md",)
    )


def test_a_started_run_knows_its_inputs_and_moment() -> None:
    state = fold(RUN, [START])
    assert state.inputs == {"topic": "x"}
    assert state.started_at == "2026-11-01T08:00:00Z"
    assert (state.workflow, state.subject, state.ulid) == ("publish-content", "a-topic", "01abc")


def test_attempts_and_items_are_kept_apart() -> None:
    state = fold(RUN, [START, done("plan"), done("research", item=0), done("research", item=1, status="failed")])
    assert state.steps["plan"].items[None].status is StepStatus.SUCCEEDED
    assert state.steps["research"].items[1].status is StepStatus.FAILED
    assert state.steps["plan"].paths == {"plan.md"}


def test_a_fact_told_twice_counts_once() -> None:
    assert len(fold(RUN, [START, done("plan"), done("plan")]).steps["plan"].items[None].attempts) == 1


def test_a_question_waits_until_it_is_answered_and_the_answer_guides() -> None:
    asked = Fact("question.asked", "t", "plan", status="waiting", output={"text": "which?", "options": []})
    state = fold(RUN, [START, asked])
    assert state.steps["plan"].question == {"text": "which?", "options": []}
    state = fold(RUN, [START, asked, Fact("question.answered", "t", "plan", output={"answer": "this"})])
    assert state.steps["plan"].question is None
    assert state.steps["plan"].guidance == ("this",)


def test_a_revision_starts_its_steps_afresh_and_closes_the_gate() -> None:
    revised = Fact("proposal.revision-requested", "t", output={"note": "shorter", "steps": ["write"]})
    state = fold(RUN, [START, done("plan"), done("write"), Fact("proposal.opened", "t", "approve"), revised])
    assert state.gates == {}
    assert state.steps["write"].items == {}
    assert state.steps["write"].guidance == ("shorter",)
    assert state.steps["plan"].items[None].status is StepStatus.SUCCEEDED


def test_gates_follow_the_operators_decisions() -> None:
    opened, approved = Fact("proposal.opened", "t", "approve"), Fact("proposal.approved", "t", "approve")
    assert fold(RUN, [START, opened]).gates == {"approve": "open"}
    assert fold(RUN, [START, opened, approved]).gates == {"approve": "approved"}
    assert fold(RUN, [START, opened, Fact("proposal.rejected", "t", "approve")]).gates == {"approve": "rejected"}
