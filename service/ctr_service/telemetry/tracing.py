"""Spans on their way to the Collector, by the OpenTelemetry SDK; nothing else imports it.

The SDK's spans of calls cost 60 us each, exported or not. So calls are recorded by our own means
(`ctr_service.traces`), and become spans of the SDK when they are exported: its resource, its
bounded queue with a thread, its OTLP exporters.

A Collector that is absent, slow or full costs spans, never a call: the queue drops its oldest, and
what the SDK says about it is held back to one line a minute by the logs.
"""

from __future__ import annotations

import threading
from importlib import metadata
from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from ctr_service.errors import SettingsError
from ctr_service.telemetry.names import spans

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctr_service.settings.otel import OtelVariables
    from ctr_service.telemetry.span_records import SpanRecord

    TellSpans = Callable[[str, int], None]
    """Hears of an outcome (see `names.TRACE_SPANS`) and a number, on any thread."""

FLUSH_S = 2.0
"""How long the end waits for the Collector, whatever that does."""
BATCH_SPANS = 64
"""Serialising a batch holds Python's lock; so few take less than the 5 ms of a switch."""
DELAY_MS = 1_000
KEPT, SENT, FAILED = "kept", "sent", "failed"
_SCOPE = InstrumentationScope(spans.SCOPE)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNSET, _FAILED = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class _Counted(SpanExporter):
    """An exporter that counts what became of spans, and is shut down once."""

    def __init__(self, inner: SpanExporter, tell: TellSpans) -> None:
        self._inner = inner
        self._tell = tell
        self._closed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans; blocks until the exporter gives up."""
        result = SpanExportResult.FAILURE
        try:
            if not self._closed:
                result = self._inner.export(spans)
            return result
        finally:
            self._tell(SENT if result is SpanExportResult.SUCCESS else FAILED, len(spans))

    def shutdown(self) -> None:
        """Break off what is being sent, and send no more."""
        if not self._closed:
            self._closed = True
            self._inner.shutdown()


class Export:
    """Hands spans to the queue, from where a thread sends them. Implements `ExportsSpans`.

    Attributes:
        resource: of all spans that are queued from now on.
    """

    def __init__(self, exporter: SpanExporter, otel: OtelVariables, tell: TellSpans) -> None:
        """Take what sends spans, the queue's measures, and who hears of outcomes."""
        self.resource = _resource("")
        self._exporter = _Counted(exporter, tell)
        self._tell = tell
        self._processor = BatchSpanProcessor(
            self._exporter,
            schedule_delay_millis=otel.bsp_schedule_delay or DELAY_MS,
            max_queue_size=otel.bsp_max_queue_size,
            max_export_batch_size=otel.bsp_max_export_batch_size
            or min(BATCH_SPANS, otel.bsp_max_queue_size),
        )

    def record(self, record: SpanRecord) -> None:
        """Queue a span."""
        trace_id, parent = record.trace_id, record.parent_id
        span = ReadableSpan(
            record.name,
            _context(trace_id, record.span_id),
            None if parent is None else _context(trace_id, parent, is_remote=record.server),
            self.resource,
            record.attributes,
            links=[Link(_context(*ids)) for ids in record.links],
            kind=SpanKind.SERVER if record.server else SpanKind.INTERNAL,
            status=_FAILED if record.failed else _UNSET,
            start_time=record.began_ns,
            end_time=record.ended_ns,
            instrumentation_scope=_SCOPE,
        )
        self._tell(KEPT, 1)
        self._processor.on_end(span)

    def serve_at(self, instance: str) -> None:
        """Say where this process listens; spans that are queued from now on say it too."""
        self.resource = _resource(instance)

    def close(self) -> None:
        """Send what waits for at most `FLUSH_S`; then the rest is lost."""
        closing = threading.Thread(target=self._processor.shutdown, daemon=True)
        closing.start()
        closing.join(FLUSH_S)
        self._exporter.shutdown()  # breaks off a call that hangs
        closing.join(FLUSH_S)


def _resource(instance: str) -> Resource:
    """Say which process this is; the environment's own words win.

    Args:
        instance: address of gRPC and worker; empty while it is not known.
    """
    ours = {"service.name": spans.SERVICE, "service.version": metadata.version("ctr-serve")}
    if instance:
        ours["service.instance.id"] = instance
    return Resource(ours).merge(OTELResourceDetector().detect())


def open_export(otel: OtelVariables, tell: TellSpans) -> Export:
    """Make what sends spans where the environment says, and how (`otel.protocol`).

    The SDK reads endpoint, headers, certificates, timeout and compression by itself.

    Raises:
        SettingsError: a variable's value is wrong.
    """
    # Imported when asked for: each takes 50 ms.
    if otel.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 -- see above
            OTLPSpanExporter as GrpcExporter,
        )

        return Export(_made(GrpcExporter), otel, tell)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 -- see above
        OTLPSpanExporter as HttpExporter,
    )

    return Export(_made(HttpExporter), otel, tell)


def _made(exporter: Callable[[], SpanExporter]) -> SpanExporter:
    try:
        return exporter()
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"OTEL_EXPORTER_OTLP_*: no exporter can be made of it: {error}"
        ) from None


def _context(trace_id: int, span_id: int, *, is_remote: bool = False) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote=is_remote, trace_flags=_SAMPLED)
