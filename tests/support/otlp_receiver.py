"""A real OTLP receiver: takes spans over gRPC, or does not, as a test says."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from opentelemetry.proto.trace.v1 import trace_pb2

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Received:
    """One span as it arrived; ids are hexadecimal."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    failed: bool
    attributes: Mapping[str, object]
    links: Sequence[tuple[str, str]]
    began_ns: int
    ended_ns: int
    resource: Mapping[str, object]
    scope: str


class OtlpReceiver:
    """Keeps what it takes.

    Attributes:
        raw: the bytes of every request.
        answer: called before each answer: it may wait, or abort.
        asked: requests that arrived.
    """

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.spans: list[Received] = []
        self.asked = 0
        self.answer: Callable[[grpc.ServicerContext], object] | None = None
        self.endpoint = ""
        self._changed = threading.Condition()

    def export(self, raw: bytes, context: grpc.ServicerContext) -> bytes:
        """Take spans."""
        with self._changed:
            self.asked += 1
            self._changed.notify_all()
        if self.answer is not None:
            self.answer(context)
        request = trace_service_pb2.ExportTraceServiceRequest.FromString(raw)
        found = list(_spans(request))
        with self._changed:
            self.raw.append(raw)
            self.spans += found
            self._changed.notify_all()
        return b""

    def wait_for(self, found: Callable[[], bool]) -> None:
        """Return once it is so.

        Raises:
            AssertionError: it did not become so in time.
        """
        with self._changed:
            seen = [span.name for span in self.spans]
            assert self._changed.wait_for(found, PATIENCE_S), f"after {self.asked} exports: {seen}"

    def named(self, name: str) -> list[Received]:
        """The spans of a name so far."""
        return [span for span in self.spans if span.name == name]


@contextlib.contextmanager
def otlp_receiver() -> Iterator[OtlpReceiver]:
    """Listen on a free port."""
    receiver = OtlpReceiver()
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    handlers = {"Export": grpc.unary_unary_rpc_method_handler(receiver.export)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    receiver.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield receiver
    finally:
        server.stop(None).wait()


def sending_to(receiver: OtlpReceiver) -> dict[str, str]:
    """The variables that send a gateway's spans here, soon."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_BSP_SCHEDULE_DELAY": "20",
    }


def _spans(request: trace_service_pb2.ExportTraceServiceRequest) -> Iterator[Received]:
    for of_resource in request.resource_spans:
        resource = _values(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield _received(span, resource, of_scope.scope.name)


def _received(span: trace_pb2.Span, resource: Mapping[str, object], scope: str) -> Received:
    return Received(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.kind,
        span.status.code == span.status.STATUS_CODE_ERROR,
        _values(span.attributes),
        [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        resource,
        scope,
    )


def _values(attributes: Sequence[object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for one in attributes:
        value = one.value  # type: ignore[attr-defined]  # -- untyped message
        found[one.key] = getattr(value, value.WhichOneof("value"))  # type: ignore[attr-defined]  # -- a oneof
    return found
