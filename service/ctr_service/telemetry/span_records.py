"""What a call and its batches look like as spans, free of any SDK.

Built for exported calls alone, after they ended. Times are nanoseconds since 1970.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ctr_service.telemetry.names import spans
from ctr_service.telemetry.stages import stages_of
from ctr_service.traces import SPAN_ID_BITS, new_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ctr_service.traces import BatchTrace, CallEnd, CallTrace

FAULTS = frozenset(
    ("DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE", "UNKNOWN", "UNIMPLEMENTED", "DATA_LOSS")
)
"""Codes that are the server's fault (RPC conventions 1.44); refusals and bad requests are not."""
SHED = "RESOURCE_EXHAUSTED"


class Serves(NamedTuple):
    """What the spans say of this process: model, graph as GetModel tells it, and engine."""

    model_version: str
    graph: str
    backend: str


class SpanRecord(NamedTuple):
    """One span.

    Attributes:
        parent_id: span id of the parent; None of a root.
        links: (trace id, span id) of each.
        server: a call's own span, whose parent is in another process.
        failed: the server failed.
    """

    name: str
    trace_id: int
    span_id: int
    parent_id: int | None
    began_ns: int
    ended_ns: int
    attributes: Mapping[str, str | int | bool]
    links: Sequence[tuple[int, int]] = ()
    server: bool = False
    failed: bool = False


def server_record(trace: CallTrace, end: CallEnd, serves: Serves, wall_ns: int) -> SpanRecord:
    """Return the span of a call that ended; attributes that are not known are left out.

    Args:
        trace: the call's memory.
        end: how it ended.
        serves: what spans say of this process.
        wall_ns: what the injected clock lacks of the time since 1970.
    """
    found: dict[str, str | int | bool] = {
        spans.RPC_SYSTEM.name: "grpc",
        spans.RPC_METHOD.name: trace.name,
        spans.RPC_STATUS.name: end.code,
        spans.MODEL_VERSION.name: serves.model_version,
        spans.GRAPH.name: serves.graph,
    }
    if end.candidates is not None:
        found[spans.CANDIDATES.name] = end.candidates
    if end.degraded is not None:
        found[spans.DEGRADED.name] = end.degraded
    if end.caller:
        found[spans.CALLER.name] = end.caller
    if end.reason:
        found[spans.REASON.name] = end.reason
    if end.code in FAULTS:
        found[spans.ERROR_TYPE.name] = end.code
    elif end.code == SHED:
        found[spans.SHED.name] = True
    return SpanRecord(
        trace.name,
        trace.trace_id,
        trace.span_id,
        trace.parent_id,
        trace.began_ns + wall_ns,
        end.ended_ns + wall_ns,
        found,
        server=True,
        failed=end.code in FAULTS,
    )


def children_of(
    trace: CallTrace, batches: Sequence[BatchTrace], ended_ns: int, wall_ns: int
) -> Iterator[SpanRecord]:
    """Yield the stages of a call that ended.

    Args:
        trace: its memory.
        batches: runs that rows of it were in, oldest first.
        ended_ns: on the injected clock.
        wall_ns: see `server_record`.
    """
    for stage in stages_of(trace, batches, ended_ns):
        yield SpanRecord(
            stage.span.name,
            trace.trace_id,
            new_id(SPAN_ID_BITS),
            trace.span_id,
            stage.began_ns + wall_ns,
            stage.ended_ns + wall_ns,
            {spans.BATCHES.name: len(batches)} if stage.span is spans.COMPUTE else {},
        )


def record_of(batch: BatchTrace, serves: Serves, wall_ns: int) -> SpanRecord:
    """Return the span of a run that ended; see `server_record`."""
    trace_id, span_id = batch.ids
    return SpanRecord(
        spans.BATCH.name,
        trace_id,
        span_id,
        None,
        batch.began_ns + wall_ns,
        batch.ended_ns + wall_ns,
        {
            spans.ROWS.name: batch.rows,
            spans.TOKENS.name: batch.row_tokens,
            spans.BUCKET_TOKENS.name: batch.bucket_tokens,
            spans.FAILED_ROWS.name: batch.failed_rows,
            spans.BACKEND.name: serves.backend,
        },
        [(call.trace_id, call.span_id) for call in batch.calls],
    )
