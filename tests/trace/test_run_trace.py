"""Traces of runs that really ran: with their spans, without them, unfinished, sent back, asking, merged by hand."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aios.domain.span import Span, SpanKind, root_id
from aios.errors import UsageError
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.gate import answer, approve, cancel, reject, revise
from aios.runs.revert import revert
from aios.runs.traces import folder_of, spans_of
from aios.runs.tracing import trace_of
from aios.store.journal import Journal
from aios.store.runlog import journal_path
from aios.trace.outline import Row, outline, rows, seconds
from aios.trace.totals import totals
from tests.runs import house
from tests.trace.samples import SECOND

DAY = timedelta(days=1)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.found(tmp_path_factory.mktemp("template") / "company")


@pytest.fixture
def company(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "company")


def context(root: Path, later: timedelta = timedelta(0), **changes: Any) -> Context:
    """The house's context with a clock of spans: it moves a hundredth of a second each time it is read."""
    start = int((house.START + later).timestamp()) * SECOND
    counter = itertools.count(start, SECOND // 100)
    return house.context(root, later=later, ticks=lambda: next(counter), **changes)


def told(here: Context, run: str) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for row in rows(outline(trace_of(here, run))):
        found.setdefault(f"{row.span.kind.value} {row.span.name}", row)
    return found


def test_a_proposal_waits_since_it_was_made_with_the_policys_verdict(company: Path) -> None:
    here = context(company)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        later = context(company, DAY)
        trace = trace_of(later, run)
        gate = told(later, run)["gate approve"].span
    assert trace.status == "waits for you"
    assert gate.attributes["aios.policy.verdict"] == "ask"
    assert gate.attributes["aios.policy.why"] == "it is published"
    assert gate.attributes["aios.open"] is True
    assert (gate.end - gate.start) / SECOND == pytest.approx(86_400, abs=2)
    assert trace.notes == ()


def test_the_life_of_a_run_is_one_tree_with_the_commits_that_tell_of_it(company: Path) -> None:
    here = context(company)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        approve(context(company, DAY), run)
        carry_on(context(company, DAY), run, effects=True)
        late = context(company, DAY + timedelta(hours=2))
        carry_on(late, run)
        found = told(late, run)
        trace = trace_of(late, run)
        log = here.git.text("log", "--format=%H %s", "main").splitlines()
    commits = {line.split(" ", 1)[1].split(":")[0]: line.split(" ")[0] for line in log}
    assert set(found) >= {"run write-piece", "step plan", "step dig[1]", "step dig[3]", "step write", "step look"}
    assert [child.span.name for child in found["effect cms.publish"].children] == ["lookup", "act"]
    assert [child.span.name for child in found["step write"].children] == ["scribe@1"]
    top = [child.span.name for child in outline(trace).children]
    assert top[0] == "plan"
    assert top[-6:] == ["write", "approve", "cms.publish", "look", "look", "end"]
    assert found["gate end"].span.attributes["aios.decided_by"] == "policy"
    gate = found["gate approve"].span
    assert gate.attributes["aios.decided_by"] == "operator:me@test.example"
    assert gate.attributes["aios.decision"] == "approved"
    assert gate.attributes["aios.commit"] == commits["proposal.approved"]
    assert found["effect cms.publish"].span.attributes["aios.commit"] == commits["content.published"]
    for step in ("plan", "dig[2]", "write"):
        assert found[f"step {step}"].span.attributes["aios.commit"] in "\n".join(log)
    wait = found["gate look"].span
    assert wait.attributes["aios.wait"] == "time"
    assert (wait.end - wait.start) / SECOND == pytest.approx(7200, abs=5)
    assert trace.status == "done"
    assert totals(trace).waiting_operator == pytest.approx(86_400, abs=5)


def test_a_run_whose_spans_were_pruned_is_told_by_its_log(company: Path) -> None:
    here = context(company)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        here.git.delete_ref("refs/heads/aios/traces", here.git.commit("aios/traces"))
        trace = trace_of(here, run)
        found = told(here, run)
    assert [name for name in found if name.startswith("step")] == [
        "step plan",
        "step dig[1]",
        "step dig[2]",
        "step dig[3]",
        "step write",
    ]
    assert all(row.span.attributes["aios.untimed"] for name, row in found.items() if name.startswith("step"))
    assert found["step dig[2]"].span.attributes["aios.title"] == "part 2"
    assert "No spans were kept" in trace.notes[0]
    assert totals(trace).working == 0
    assert found["gate approve"].span.attributes["aios.policy.verdict"] == "ask"


def test_a_proposal_sent_back_waits_twice(company: Path) -> None:
    here = context(company)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        revise(context(company, timedelta(hours=1)), run, note="shorter, please", step="write")
        carry_on(context(company, timedelta(hours=2)), run)
        late = context(company, timedelta(hours=3))
        reject(late, run, reason="not now")
        trace = trace_of(late, run)
    gates = [row.span for row in rows(outline(trace)) if row.span.kind is SpanKind.GATE]
    assert [gate.attributes["aios.decision"] for gate in gates] == ["sent back", "rejected"]
    assert [gate.attributes["aios.reason"] for gate in gates] == ["shorter, please", "not now"]
    assert [round((gate.end - gate.start) / SECOND / 3600) for gate in gates] == [1, 1]
    writes = [span for span in trace.spans if span.kind is SpanKind.STEP and span.name == "write"]
    assert len({span.attributes["aios.commit"] for span in writes}) == 2
    assert trace.status == "rejected"


def test_what_was_approved_waits_until_it_is_applied(company: Path) -> None:
    here = context(company)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        approve(here, run)
        later = context(company, timedelta(hours=3))
        assert trace_of(later, run).status == "approved"
        carry_on(later, run, effects=True)
        wait = told(later, run)["gate apply"].span
        here.git.delete_ref("refs/heads/aios/traces", here.git.commit("aios/traces"))
        bare = told(later, run)["gate apply"].span
    assert wait.attributes["aios.wait"] == "apply"
    for each in (wait, bare):
        assert (each.end - each.start) / SECOND == pytest.approx(3 * 3600, abs=2)


def test_a_question_waits_for_its_answer(company: Path) -> None:
    here = context(company, engines={**house.ENGINES, "scribe": house.asking})
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        assert trace_of(here, run).status == "asks you"
        later = replace(context(company, timedelta(minutes=30)), engines=here.engines)
        answer(later, run, text="left")
        carry_on(later, run)
        asked = told(later, run)["gate write"].span
    assert asked.attributes["aios.wait"] == "question"
    assert asked.attributes["aios.title"] == "which way?"
    assert asked.attributes["aios.answer"] == "left"
    assert (asked.end - asked.start) / SECOND == pytest.approx(1800, abs=2)


def test_a_cancelled_run_waits_no_longer(company: Path) -> None:
    here = context(company)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        cancel(context(company, timedelta(hours=1)), run, reason="changed my mind")
        trace = trace_of(context(company, DAY), run)
    gate = next(span for span in trace.spans if span.kind is SpanKind.GATE)
    assert trace.status == "cancelled"
    assert gate.attributes["aios.decision"] == "cancelled"
    assert (trace.root.end - trace.root.start) / SECOND == pytest.approx(3600, abs=2)


def test_a_failed_step_says_why_and_its_attempts_stand_side_by_side(company: Path) -> None:
    def broken(call: object, tools: object) -> object:
        raise UsageError("the scribe lost its pen")

    here = context(company, engines={**house.ENGINES, "scribe": broken})
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        carry_on(here, run, retry=True)
        trace = trace_of(here, run)
    writes = [span for span in trace.spans if span.kind is SpanKind.STEP and span.name == "write"]
    assert len(writes) == 2
    assert all("lost its pen" in span.error for span in writes)
    assert trace.status == "failed"
    assert totals(trace).errors == 2


@pytest.mark.parametrize("alive", [True, False])
def test_an_attempt_that_has_not_ended_is_running_or_was_interrupted(company: Path, alive: bool) -> None:
    here = context(company, timedelta(hours=5), alive=lambda _: alive)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        folder = folder_of(here.git, run)
        folder.mkdir(parents=True)
        start = int((house.START + timedelta(hours=1)).timestamp()) * SECOND
        search = Span("a" * 16, "b" * 16, SpanKind.RECALL, "recall", start, start + SECOND)
        inner = Span("c" * 16, "a" * 16, SpanKind.CALL, "chat tiny", start, start + SECOND)
        whole = "".join(json.dumps({"span": each.as_dict()}) + "\n" for each in (inner, search))
        (folder / "dig.1.2.0.part").write_text(whole + '{"span": {"id": "cut o')
        (folder / "effect.publish.part").write_text("")
        with Journal(journal_path(here.git, run.split("/")[2])):  # as the worker has it, and leaves it when killed
            trace = trace_of(here, run)
    status = "running" if alive else "interrupted"
    step = next(row for row in rows(outline(trace)) if row.span.attributes.get("aios.status") == status)
    assert step.span.name == "dig[2]"
    assert step.span.attributes["aios.attempt"] == 2
    assert [child.span.name for child in step.children] == ["recall"]
    assert [child.span.name for child in step.children[0].children] == ["chat tiny"]
    assert (seconds(step.span) > 3600) == alive
    assert ("started again by `aios resume`: dig[2]" in " ".join(trace.notes)) != alive


def test_what_undoes_an_effect_has_a_span_too_and_without_spans_the_log_tells_of_it(company: Path) -> None:
    here = context(company)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        approve(here, run)
        carry_on(here, run, effects=True)
        revert(context(company, DAY), run, reason="a mistake")
        undone = told(here, run)["effect cms.unpublish"]
        here.git.delete_ref("refs/heads/aios/traces", here.git.commit("aios/traces"))
        bare = told(here, run)["effect undo"]
        log = here.git.text("log", "--format=%H", "-1", "main").strip()
    assert [child.span.name for child in undone.children] == ["lookup", "act"]
    assert undone.span.attributes["aios.commit"] == log
    assert bare.span.attributes["aios.commit"] == log
    assert bare.span.attributes["aios.actor"] == "operator:me@test.example"


def test_a_run_merged_into_one_commit_is_told_by_its_record(company: Path) -> None:
    here = context(company)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        spans = len(spans_of(here.git, run))

        def git(*words: str) -> None:
            subprocess.run(["git", *words], cwd=company, check=True, capture_output=True)

        git("merge", "--squash", "aios/write-piece/a-fine-topic")
        git("commit", "-q", "-m", "A piece, merged by hand")
        git("branch", "-D", "aios/write-piece/a-fine-topic")
        trace = trace_of(here, run)
        kept = len(trace.spans)
        git("branch", "-D", "aios/traces")
        bare = trace_of(here, run)
    assert "its record" in trace.notes[0]
    assert kept > spans
    assert {span.name for span in bare.spans if span.kind is SpanKind.STEP} == {"plan", "dig", "write"}
    gate = next(span for span in bare.spans if span.kind is SpanKind.GATE)
    assert gate.attributes["aios.policy.verdict"] == "ask"
    assert trace.root.id == root_id(run)


def test_a_run_that_nothing_tells_of_is_an_error_in_one_line(company: Path) -> None:
    here = context(company)
    with here.git, pytest.raises(UsageError, match="there is no run"):
        trace_of(here, f"{house.RUN}/01kh0000000000000000000000")


def test_damaged_spans_are_left_out_and_the_rest_is_told(company: Path) -> None:
    here = context(company)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        folder = folder_of(here.git, run)
        folder.mkdir(parents=True)
        (folder / "spans.part").write_text('{"no": "span"}\n[]\nnonsense')
        trace = trace_of(here, run)
    assert "approve" in {span.name for span in trace.spans}
