"""OTLP's messages to our spans: the only module that reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from ctr_monitor.errors import BadInputError
from ctr_monitor.traces.allowed import (
    RESOURCE_ATTRIBUTES,
    SPAN_ATTRIBUTES,
    allowed_name,
    allowed_value,
)
from ctr_monitor.traces.spans import CLIENT, INTERNAL, SERVER, SpanRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

    from ctr_monitor.traces.spans import Value

TRACE_ID_BYTES, SPAN_ID_BYTES = 16, 8
MAX_LINKS = 256
KINDS = {Span.SPAN_KIND_SERVER: SERVER, Span.SPAN_KIND_CLIENT: CLIENT}


def decode(body: bytes) -> ExportTraceServiceRequest:
    """Return the message of a body.

    Raises:
        BadInputError: it is none.
    """
    try:
        return ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        raise BadInputError("the body is no ExportTraceServiceRequest in protobuf") from None


def spans_of(request: ExportTraceServiceRequest) -> tuple[list[SpanRecord], int]:
    """Return the spans that can be kept, and the number of those that cannot (no valid ids)."""
    kept: list[SpanRecord] = []
    rejected = 0
    for resource in request.resource_spans:
        whose = _attributes(resource.resource.attributes, RESOURCE_ATTRIBUTES)
        for span in (span for scope in resource.scope_spans for span in scope.spans):
            if len(span.trace_id) != TRACE_ID_BYTES or len(span.span_id) != SPAN_ID_BYTES:
                rejected += 1
                continue
            kept.append(_record(span, whose))
    return kept, rejected


def _record(span: Span, whose: Mapping[str, Value]) -> SpanRecord:
    return SpanRecord(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=allowed_name(span.name),
        kind=KINDS.get(span.kind, INTERNAL),
        start_ns=_time(span.start_time_unix_nano),
        end_ns=_time(span.end_time_unix_nano),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        attributes={**_attributes(span.attributes, SPAN_ATTRIBUTES), **whose},
        links=tuple(_links(span)),
    )


def _time(ns: int) -> int:
    """SQLite's integers have 63 bits, OTLP's 64."""
    return min(int(ns), 2**63 - 1)


def _links(span: Span) -> Iterator[str]:
    for link in span.links[:MAX_LINKS]:
        if len(link.trace_id) == TRACE_ID_BYTES:
            yield link.trace_id.hex()


def _attributes(pairs: Iterable[KeyValue], names: frozenset[str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for pair in pairs:
        which = pair.value.WhichOneof("value")
        if pair.key not in names or which not in {
            "string_value",
            "int_value",
            "double_value",
            "bool_value",
        }:
            continue
        value = allowed_value(getattr(pair.value, which))
        if value is not None:
            found[pair.key] = value
    return found
