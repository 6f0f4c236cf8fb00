"""A trace as bars one under the other. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctr_monitor.traces.spans import SpanRecord, Trace

LEAST_PERCENT = 0.4
"""A bar narrower than this would not be seen."""
MAX_DEPTH = 6


@dataclass(frozen=True, slots=True)
class Bar:
    """One span: where its bar begins and how wide it is, in percent of the trace."""

    span: SpanRecord
    depth: int
    left_percent: float
    width_percent: float
    begin_ms: float


def waterfall(trace: Trace) -> list[Bar]:
    """Return a trace's spans as a tree, children by start under their parents.

    Spans whose parent is elsewhere (a frontend's) are roots; so is what would be a circle.
    """
    begin_ns = trace.start_ns
    whole_ns = max(1, trace.end_ns - begin_ns)
    ids = {span.span_id for span in trace.spans}
    children: dict[str, list[SpanRecord]] = {}
    for span in trace.spans:
        children.setdefault(span.parent_id if span.parent_id in ids else "", []).append(span)
    bars: list[Bar] = []
    placed: set[str] = set()

    def place(span: SpanRecord, depth: int) -> None:
        if span.span_id in placed:
            return
        placed.add(span.span_id)
        left = 100.0 * (span.start_ns - begin_ns) / whole_ns
        width = 100.0 * max(0, span.end_ns - span.start_ns) / whole_ns
        bars.append(
            Bar(
                span=span,
                depth=min(depth, MAX_DEPTH),
                left_percent=round(min(left, 100.0 - LEAST_PERCENT), 2),
                width_percent=round(max(width, LEAST_PERCENT), 2),
                begin_ms=(span.start_ns - begin_ns) / 1e6,
            )
        )
        for child in children.get(span.span_id, ()):
            place(child, depth + 1)

    for span in (*children.get("", ()), *trace.spans):
        place(span, 0)
    return bars
