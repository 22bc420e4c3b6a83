"""A tracing backend that nobody here wrote takes our traces, and gives back what we told it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios.domain.span import trace_id
from aios.errors import Exit
from aios.trace.otlp import export, span_id
from aios.trace.outline import outline, rows
from aios.trace.sending import headers_of, send
from aios.trace.totals import totals
from tests.peers import mlflow
from tests.peers.mlflow import HEADERS, Mlflow
from tests.runs import house
from tests.trace.samples import huge, ordinary
from tests.trace.test_command import RUN, aios, company, proposed

pytestmark = pytest.mark.peer("mlflow")
__all__ = ["company", "proposed"]  # fixtures


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mlflow]:
    with mlflow.serving(tmp_path_factory.mktemp("mlflow")) as serving:
        yield serving


def test_a_run_sent_from_the_command_line_is_there_span_by_span(backend: Mlflow, company: Path) -> None:
    sent = aios("trace", RUN, "--send", backend.url, OTEL_EXPORTER_OTLP_HEADERS=HEADERS, cwd=company)
    assert sent.returncode == Exit.OK, sent.stderr
    assert sent.stderr.endswith(f"spans sent to {backend.url}/v1/traces\n")
    ours = json.loads(aios("trace", RUN, "--json", cwd=company).stdout)["spans"]
    theirs = backend.trace(trace_id(house.RUN_ID))["spans"]
    assert {span["span_id"]: span["parent_span_id"] for span in theirs} == {s["id"]: s["parent"] for s in ours}
    steps = {span["id"]: span for span in ours if span["kind"] == "step"}
    for span in theirs:
        if span["span_id"] in steps:
            assert span["start_time_unix_nano"] == steps[span["span_id"]]["start"]
            assert span["end_time_unix_nano"] == steps[span["span_id"]]["end"]
            told = {each["key"]: each["value"] for each in span["attributes"]}
            assert told["aios.commit"]["string_value"] == steps[span["span_id"]]["attributes"]["aios.commit"]


def test_tokens_errors_and_shape_are_the_same_there(backend: Mlflow) -> None:
    told = ordinary()
    send(export(told, version="1"), backend.url, headers=headers_of(HEADERS))
    theirs = backend.trace(trace_id(told.run))
    usage = json.loads(theirs["trace_info"]["trace_metadata"]["mlflow.trace.tokenUsage"])
    sums = totals(told)
    assert (usage["input_tokens"], usage["output_tokens"]) == (sums.tokens_in, sums.tokens_out)
    failed = [span for span in theirs["spans"] if span["status"]["code"] == "STATUS_CODE_ERROR"]
    assert [(span["name"], span["status"]["message"]) for span in failed] == [("step dig[1]", "the source is gone")]
    shape = {child.span.id: row.span.id for row in rows(outline(told)) for child in row.children}
    found = {span["span_id"]: span["parent_span_id"] for span in theirs["spans"] if span["parent_span_id"]}
    assert found == {span_id(own): span_id(parent) for own, parent in shape.items()}


def test_five_hundred_spans_arrive_whole(backend: Mlflow, tmp_path: Path) -> None:
    from dataclasses import replace

    told = replace(huge(500), run="publish-content/another-topic/01m83na8zgh8kgemmy5tdkmdtj")
    send(export(told, version="1"), backend.url, headers=headers_of(HEADERS))
    assert len(backend.trace(trace_id(told.run))["spans"]) == 501
