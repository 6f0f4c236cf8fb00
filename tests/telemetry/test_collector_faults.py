"""A Collector that does not work: requests are served, memory is bounded, the log stays quiet."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from ctr_client.messages import Item, search
from ctr_service.settings.otel import OtelVariables, read_otel
from ctr_service.telemetry.span_records import SpanRecord
from ctr_service.telemetry.tracing import Export, open_export
from tests.support.otlp_receiver import otlp_receiver, sending_to
from tests.support.redis_server import free_port
from tests.support.tiny_bundle import make_tiny_bundle
from tests.support.traced_app import TracedApp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

REQUESTS = 200
PATIENCE_S = 30.0
QUEUE = 100
RECORD = SpanRecord("ctr.batch", 1, 2, None, 10, 20, {})


class Held(SpanExporter):
    """Hangs in every export until it is let go or shut down."""

    def __init__(self) -> None:
        self.free, self.entered = threading.Event(), threading.Event()
        self.most = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hang."""
        self.most = max(self.most, len(spans))
        self.entered.set()
        assert self.free.wait(PATIENCE_S)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Let go."""
        self.free.set()


def test_what_waits_for_a_collector_is_bounded() -> None:
    """While an export hangs, a hundred times the queue is queued at once; the rest is dropped."""
    told: Counter[str] = Counter()
    held = Held()
    otel = OtelVariables(bsp_max_queue_size=QUEUE, bsp_schedule_delay=1)
    export = Export(held, otel, lambda outcome, count: told.update({outcome: count}))
    export.record(RECORD)
    assert held.entered.wait(PATIENCE_S)
    for _ in range(100 * QUEUE):
        export.record(RECORD)
    held.free.set()
    export.close()
    assert told["kept"] == 100 * QUEUE + 1
    assert told["sent"] <= QUEUE + 1
    assert held.most <= 64


def test_the_end_does_not_wait_for_a_collector_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a while the export is broken off, and what waited is lost."""
    monkeypatch.setattr("ctr_service.telemetry.tracing.FLUSH_S", 0.01)
    told: Counter[str] = Counter()
    held = Held()
    otel = OtelVariables(bsp_schedule_delay=1)
    export = Export(held, otel, lambda outcome, count: told.update({outcome: count}))
    export.record(RECORD)
    assert held.entered.wait(PATIENCE_S)
    export.close()
    assert held.free.is_set()


class HttpCollector(BaseHTTPRequestHandler):
    """Takes OTLP over HTTP; keeps the spans' names."""

    names: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        """Take spans."""
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        request = trace_service_pb2.ExportTraceServiceRequest.FromString(raw)
        assert self.path == "/v1/traces"
        self.names.extend(
            span.name
            for of_resource in request.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        )
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_spans_go_over_http_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf posts to /v1/traces below the endpoint."""
    told: Counter[str] = Counter()
    with ThreadingHTTPServer(("127.0.0.1", 0), HttpCollector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        export = open_export(read_otel(), lambda outcome, count: told.update({outcome: count}))
        export.record(RECORD)
        export.close()
        server.shutdown()
    assert HttpCollector.names == [RECORD.name]
    assert told == {"kept": 1, "sent": 1}


def refuse(context: grpc.ServicerContext) -> None:
    """Refuse, as an overloaded Collector does."""
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")


@pytest.mark.parametrize("fault", ["absent", "hanging", "refusing", "slow"])
async def test_requests_are_served_whatever_the_collector_does(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each list is answered and counted while spans cannot be sent; the log has one line of it."""
    monkeypatch.setattr("ctr_service.telemetry.tracing.FLUSH_S", 0.01)
    ended = threading.Event()
    with otlp_receiver() as receiver:
        for name, value in sending_to(receiver).items():
            monkeypatch.setenv(name, value)
        if fault == "absent":
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
        answers: dict[str, Callable[[grpc.ServicerContext], object]] = {
            "hanging": lambda _: ended.wait(PATIENCE_S),
            "refusing": refuse,
            "slow": lambda _: ended.wait(0.3),
        }
        receiver.answer = answers.get(fault)
        app = TracedApp(make_tiny_bundle(tmp_path / "bundle"), {"trace_ratio": 1.0})
        async with app.serving() as client:
            for number in range(REQUESTS):
                request = search(f"mug {number}", [Item("a", "red"), Item("b", "blue")])
                answer = await client.predict_clicks(request, deadline_s=PATIENCE_S)
                assert len(answer.predictions) == 2
            if fault != "absent":
                await asyncio.to_thread(receiver.wait_for, lambda: receiver.asked > 0)
            assert app.total("traces_span_metrics_calls_total") == REQUESTS
            assert app.total("ctr_trace_spans_total", lambda of: of["outcome"] == "kept") > REQUESTS
        ended.set()
    said = [json.loads(line)["event"] for line in app.log.getvalue().splitlines()]
    assert said.count("spans_not_sent") <= 1
    if fault == "refusing":
        assert said.count("spans_not_sent") == 1
