"""Spans as a gateway exports them, in OTLP's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from tests.support.monitor_alerts import T0_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SERVER_NAME = "ctr.v1.PredictionService/PredictClicks"
MS = 1_000_000


def trace_id(number: int) -> str:
    """A trace's id, in hex."""
    return f"{number:032x}"


def span(
    number: int,
    name: str = SERVER_NAME,
    *,
    index: int = 1,
    parent: int = 0,
    at_ms: float = T0_MS,
    took_ms: float = 10.0,
    failed: bool = False,
    links: Iterable[int] = (),
    attributes: Mapping[str, str | int | bool | float] | None = None,
) -> Span:
    """One span of trace `number`."""
    start = round(at_ms * MS)
    return Span(
        trace_id=bytes.fromhex(trace_id(number)),
        span_id=(number * 100 + index).to_bytes(8, "big"),
        parent_span_id=(number * 100 + parent).to_bytes(8, "big") if parent else b"",
        name=name,
        kind=Span.SPAN_KIND_SERVER if name == SERVER_NAME else Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=start,
        end_time_unix_nano=start + round(took_ms * MS),
        status=Status(code=Status.STATUS_CODE_ERROR) if failed else None,
        links=[Span.Link(trace_id=bytes.fromhex(trace_id(link))) for link in links],
        attributes=[KeyValue(key=k, value=any_value(v)) for k, v in (attributes or {}).items()],
    )


def call(
    number: int,
    *,
    at_ms: float = T0_MS,
    compute_ms: float = 8.0,
    queue_ms: float = 1.0,
    failed: bool = False,
    reason: str = "",
) -> list[Span]:
    """The spans of one request: server, features, tokens, queue, compute, answer."""
    facts: dict[str, str | int | bool | float] = {
        "rpc.status_code": "INTERNAL" if failed else "OK",
        "ctr.candidates": 16,
        "ctr.model.version": "v1",
        **({"ctr.reason": reason} if reason else {}),
    }
    stages = (
        ("ctr.features", 0.4, False),
        ("ctr.tokens", 0.3, False),
        ("ctr.queue", queue_ms, False),
        ("ctr.compute", compute_ms, failed),
        ("ctr.answer", 0.2, False),
    )
    whole_ms = sum(took for _, took, _ in stages) + 0.2
    spans = [span(number, at_ms=at_ms, took_ms=whole_ms, failed=failed, attributes=facts)]
    begin = at_ms + 0.1
    for index, (name, took, bad) in enumerate(stages, 2):
        spans.append(
            span(number, name, index=index, parent=1, at_ms=begin, took_ms=took, failed=bad)
        )
        begin += took
    return spans


def export(
    spans: Iterable[Span], resource: Mapping[str, str] | None = None
) -> ExportTraceServiceRequest:
    """The request that carries them."""
    whose = resource or {"service.name": "ctr-service", "service.instance.id": "127.0.0.1:8500"}
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=Resource(
                    attributes=[KeyValue(key=k, value=any_value(v)) for k, v in whose.items()]
                ),
                scope_spans=[ScopeSpans(spans=list(spans))],
            )
        ]
    )


def any_value(value: str | float | bool) -> AnyValue:  # noqa: FBT001 -- OTLP's own union
    """A value in OTLP's union."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(string_value=value)
