"""OpenTelemetry's form of a trace, as OpenTelemetry's own definition reads it; and handing it over."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Kept
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from aios.domain.span import SpanKind, trace_id
from aios.errors import AiosError, UsageError
from aios.trace.otlp import export, span_id
from aios.trace.outline import Trace
from aios.trace.sending import endpoint, headers_of, send
from tests.trace.samples import ROOT, RUN, at, huge, ordinary, span, trace
from tests.trace.test_waterfall import hostile


def parsed(told: Trace) -> ExportTraceServiceRequest:
    """The request as protobuf has it. Its own JSON has ids in base64 where OTLP has them in hexadecimal."""
    data = json.loads(json.dumps(export(told, version="1.2.3")))
    for each in data["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in ("traceId", "spanId", "parentSpanId"):
            if name in each:
                each[name] = base64.b64encode(bytes.fromhex(each[name])).decode()
    found: ExportTraceServiceRequest = ParseDict(data, ExportTraceServiceRequest())
    return found


def spans_of(told: Trace) -> list[Kept]:
    return list(parsed(told).resource_spans[0].scope_spans[0].spans)


def attributes_of(kept: Any) -> dict[str, Any]:
    found = {}
    for each in kept.attributes:
        which = each.value.WhichOneof("value")
        value = getattr(each.value, which)
        found[each.key] = [inner.string_value for inner in value.values] if which == "array_value" else value
    return found


def test_opentelemetrys_definition_reads_every_span_with_ids_times_and_parents() -> None:
    told = ordinary()
    kept = spans_of(told)
    assert len(kept) == len(told.spans)
    assert {each.trace_id.hex() for each in kept} == {trace_id(RUN)}
    assert kept[0].span_id.hex() == ROOT
    assert kept[0].parent_span_id == b""
    plan = next(each for each in kept if each.name == "step plan")
    assert (plan.start_time_unix_nano, plan.end_time_unix_nano) == (at(0.1), at(1.1))
    agent = next(each for each in kept if each.name.startswith("invoke_agent"))
    assert agent.parent_span_id == plan.span_id
    resource = attributes_of(parsed(told).resource_spans[0].resource)
    assert resource == {"service.name": "aios", "service.version": "1.2.3", "service.instance.id": RUN}


def test_kinds_names_status_and_types_are_as_the_conventions_have_them() -> None:
    kept = {each.name: each for each in reversed(spans_of(ordinary()))}
    call = kept["chat tiny"]
    assert call.kind == Kept.SPAN_KIND_CLIENT
    told = attributes_of(call)
    assert told["gen_ai.usage.input_tokens"] == 1200
    assert told["aios.cost.usd"] == 0.0123
    assert told["gen_ai.provider.name"] == "openai"
    assert call.status.code == Status.STATUS_CODE_OK
    failed = kept["step dig[1]"]
    assert failed.status.code == Status.STATUS_CODE_ERROR
    assert failed.status.message == "the source is gone"
    assert attributes_of(failed)["error.type"] == "_OTHER"
    search = attributes_of(kept["retrieval memory"])
    assert search["gen_ai.operation.name"] == "retrieval"
    assert search["gen_ai.retrieval.query.text"] == "a topic"
    assert attributes_of(kept["invoke_workflow publish-content"])["gen_ai.operation.name"] == "invoke_workflow"


def test_what_the_cache_saved_is_nobodys_usage() -> None:
    calls = [attributes_of(each) for each in spans_of(ordinary()) if each.name == "chat tiny"]
    assert [call.get("gen_ai.usage.input_tokens") for call in calls] == [1200, None]
    assert calls[1]["aios.cache.saved.input_tokens"] == 700


def test_any_value_and_any_id_can_be_told() -> None:
    values = [
        None,
        True,
        -5,
        2**80,
        1.5,
        float("nan"),
        float("inf"),
        "text\ud800\u202e",
        ["a", "b"],
        [1, [True]],
        {"a": 1},
    ]
    spans = [
        span(f"s{n}\ud800", n, n - 1, identity=f"odd id {n}", parent="another", a__value=value)
        for n, value in enumerate(values)
    ]
    kept = spans_of(trace(*spans, span("early", -(10**11), 0), status="under way"))
    assert len(kept) == len(values) + 2
    assert all(len(each.span_id) == 8 and any(each.span_id) for each in kept)
    assert all(each.end_time_unix_nano >= each.start_time_unix_nano for each in kept)
    assert all(each.parent_span_id == kept[0].span_id for each in kept[1:])


def test_hostile_and_huge_traces_are_told_whole() -> None:
    for told in (replace(hostile(), run=RUN), huge(1000)):
        assert len(spans_of(told)) == len({each.id for each in told.spans})


def test_a_good_id_stays_as_it_is() -> None:
    assert span_id("0123456789abcdef") == "0123456789abcdef"
    assert span_id("0" * 16) != "0" * 16
    assert len(span_id("0123456789ABCDEF")) == 16


# Handing it over


@dataclass
class Backend:
    """A backend that answers as told and keeps what it was asked."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def backend() -> Iterator[Backend]:
    told = Backend()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            told.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, content))
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, *args: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_trace_goes_to_the_path_of_otlp_with_the_headers_given(backend: Backend) -> None:
    request = export(ordinary(), version="1")
    assert send(request, backend.url, headers={"x-key": "sésame"[:1]}) == f"{backend.url}/v1/traces"
    path, headers, content = backend.asked[0]
    assert path == "/v1/traces"
    assert headers["content-type"] == "application/json"
    assert headers["x-key"] == "s"
    assert json.loads(content) == request


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "--headers"),
        (404, "/v1/traces"),
        (415, "a collector in between"),
        (500, "500"),
        (302, "points to"),
        (599, "599"),
    ],
)
def test_what_a_backend_refuses_is_said_in_one_line(backend: Backend, status: int, said: str) -> None:
    backend.status, backend.body = status, b"no\x1b[2J\nway"
    backend.headers = {"Location": f"{backend.url}/elsewhere"} if status == 302 else {}
    with pytest.raises(AiosError) as error:
        send({}, f"{backend.url}/custom", headers={})
    assert said in str(error.value)
    assert "\x1b" not in str(error.value)
    assert [path for path, _, _ in backend.asked] == ["/custom"]  # nothing is carried on to where it points


def test_a_backend_that_leaves_spans_out_is_no_success(backend: Backend) -> None:
    backend.body = b'{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}}'
    with pytest.raises(AiosError, match="3 spans rejected, “too old”"):
        send({}, backend.url, headers={})


@pytest.mark.parametrize("body", [b"", b"\x08\x01", b"[]", b'{"partialSuccess": null}', b'{"partialSuccess": {}}'])
def test_an_answer_that_cannot_be_read_is_no_failure(backend: Backend, body: bytes) -> None:
    backend.body = body
    assert send({}, backend.url, headers={})


def test_nobody_there_is_an_error_in_one_line() -> None:
    with pytest.raises(AiosError, match="cannot be reached"):
        send({}, "http://127.0.0.1:1", headers={})


@pytest.mark.parametrize(
    "url", ["", "localhost:4318", "file:///etc/passwd", "ftp://a/b", "http://", "http://a b/", "http://a:b/"]
)
def test_only_web_addresses_are_sent_to(url: str) -> None:
    with pytest.raises(UsageError):
        endpoint(url)


def test_headers_are_read_as_opentelemetry_writes_them() -> None:
    assert headers_of("a=b, x-key = c%20d==,") == {"a": "b", "x-key": "c d=="}
    for wrong in ("nothing", "a b=c", "a=b%0d%0aX: y", "=x"):
        with pytest.raises(UsageError):
            headers_of(wrong)


def test_every_kind_has_a_name_of_its_own() -> None:
    kinds = [kind for kind in SpanKind if kind is not SpanKind.RUN]
    told = trace(*(span("same", n, n + 1, kind=kind) for n, kind in enumerate(kinds)))
    assert len({each.name for each in spans_of(told)}) == len(kinds) + 1
