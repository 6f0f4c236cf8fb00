"""The spans of calls and batches: every call is counted, a few are exported.

A call is recorded whatever becomes of it, so sampling hides nothing from the metrics. Spans are
built after it, and only if it is exported: sampled by its caller or by the ratio, or failed, or
slow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ctr_service.telemetry.names import span_metrics as metric_names
from ctr_service.telemetry.span_metrics import SpanIds, SpanKey
from ctr_service.telemetry.span_records import FAULTS, children_of, record_of, server_record
from ctr_service.traces import (
    SPAN_ID_BITS,
    TRACE_ID_BITS,
    CallTrace,
    new_id,
    parse_traceparent,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctr_service.clock import Clock
    from ctr_service.server.edge import Metadata
    from ctr_service.telemetry.choice import Choice
    from ctr_service.telemetry.span_metrics import SpanMetrics
    from ctr_service.telemetry.span_records import Serves, SpanRecord
    from ctr_service.traces import BatchTrace, CallEnd

NS_PER_MS = 1_000_000
TRACEPARENT = "traceparent"
"""All that is taken of a caller's context: `tracestate` would be a text of the caller's."""
_WORDS = {None: None, False: "false", True: "true"}


class ExportsSpans(Protocol):
    """Where exported spans go; see `ctr_service.telemetry.tracing.Export`."""

    def record(self, record: SpanRecord) -> None:
        """Queue a span; returns at once."""
        ...

    def serve_at(self, instance: str) -> None:
        """Say where this process listens."""
        ...

    def close(self) -> None:
        """Send what waits, but not for long. Blocks."""
        ...


class CallSpans:
    """Implements `TracesCalls`. Belongs to one event loop."""

    def __init__(  # noqa: PLR0913 -- built once, in observing.py; every argument is named there
        self,
        *,
        choice: Choice,
        metrics: SpanMetrics,
        serves: Serves,
        export: ExportsSpans | None,
        clock: Clock,
        wall_ns: Callable[[], int],
    ) -> None:
        """Take the parts.

        Args:
            choice: which calls are exported.
            metrics: hear of every call.
            serves: what spans say of this process.
            export: None exports nothing; calls are counted all the same.
            clock: the moments' clock.
            wall_ns: nanoseconds since 1970.
        """
        self._choice = choice
        self._metrics = metrics
        self._serves = serves
        self._export = export
        self._clock = clock
        self._wall_ns = wall_ns

    def begin(self, name: str, metadata: Callable[[], Metadata | None], began_ns: int) -> CallTrace:
        """Begin to remember a call, below its caller's span if the metadata names one.

        Args:
            name: full name of the method.
            metadata: of the call.
            began_ns: on the clock.
        """
        parent = None
        for key, value in metadata() or ():
            if key == TRACEPARENT and isinstance(value, str):
                parent = parse_traceparent(value)
        span_id = new_id(SPAN_ID_BITS)
        if parent is None:
            trace_id = new_id(TRACE_ID_BITS)
            sampled = self._choice.samples(trace_id)
            return CallTrace(trace_id, span_id, sampled=sampled, name=name, began_ns=began_ns)
        return CallTrace(
            parent.trace_id,
            span_id,
            sampled=parent.sampled,
            name=name,
            parent_id=parent.span_id,
            began_ns=began_ns,
        )

    def end(self, trace: CallTrace, end: CallEnd) -> None:
        """Count a call that ended, and export it if it is chosen."""
        failed, export, batches = end.code in FAULTS, self._export, trace.batches
        duration_ms = (end.ended_ns - trace.began_ns) / NS_PER_MS
        kept = export is not None and self._choice.keeps(
            sampled=trace.sampled, failed=failed, duration_ms=duration_ms
        )
        key = SpanKey(
            trace.name,
            metric_names.ERROR if failed else metric_names.UNSET,
            self._serves.model_version,
            _WORDS[end.degraded],
            end.code,
        )
        if export is None or not kept:
            trace.end(None)
            self._metrics.observe(key, duration_ms, None)
            return
        ids = SpanIds(f"{trace.trace_id:032x}", f"{trace.span_id:016x}")
        self._metrics.observe(key, duration_ms, ids)
        wall_ns = self._wall_ns() - self._clock.now_ns()
        export.record(server_record(trace, end, self._serves, wall_ns))
        for record in children_of(trace, batches, end.ended_ns, wall_ns):
            export.record(record)
        for batch in batches:
            if batch.ended_ns:
                self._batch_ended(batch)
        trace.end(self._batch_ended)

    def serve_at(self, instance: str) -> None:
        """Say where this process listens."""
        if self._export is not None:
            self._export.serve_at(instance)

    def close(self) -> None:
        """Send what waits, but not for long. Blocks."""
        if self._export is not None:
            self._export.close()

    def _batch_ended(self, batch: BatchTrace) -> None:
        """Export a run of an exported call, once."""
        if self._export is not None and not batch.exported:
            batch.exported = True
            wall_ns = self._wall_ns() - self._clock.now_ns()
            self._export.record(record_of(batch, self._serves, wall_ns))
