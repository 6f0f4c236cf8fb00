"""What the traces of an incident say together, and each as the report shows it. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ctr_monitor.clock import NS_PER_MS
from ctr_monitor.model import Stage, TraceSummary
from ctr_monitor.suspects.evidence import TraceFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_monitor.traces.spans import Trace

SHOWN = (
    "rpc.status_code",
    "ctr.reason",
    "error.type",
    "ctr.degraded",
    "ctr.candidates",
    "ctr.model.version",
    "ctr.graph",
    "ctr.caller",
    "service.instance.id",
)


def facts_of(slow: Sequence[Trace], failed: Sequence[Trace]) -> TraceFacts:
    """Return shares of stages and reasons."""
    time_in: Counter[str] = Counter()
    for trace in slow:
        for stage in trace.stages():
            time_in[stage.name] += max(0, stage.end_ns - stage.start_ns)
    whole = sum(time_in.values())
    fails = Counter(
        name for trace in failed for name in {s.name for s in trace.stages() if s.failed}
    )
    reasons = Counter(
        str(trace.main.attributes["ctr.reason"])
        for trace in failed
        if "ctr.reason" in trace.main.attributes
    )
    return TraceFacts(
        slow=len(slow),
        failed=len(failed),
        stage_share={name: ns / whole for name, ns in time_in.items()} if whole else {},
        failed_stage_share={name: count / len(failed) for name, count in fails.items()},
        reason_share={name: count / len(failed) for name, count in reasons.items()},
    )


def summary(trace: Trace, why: str) -> TraceSummary:
    """Return a trace as the report keeps it, so that it outlives the trace's own storage."""
    main = trace.main
    return TraceSummary(
        trace_id=trace.trace_id,
        why=why,
        started_ms=main.start_ns // NS_PER_MS,
        duration_ms=round(main.duration_ms, 3),
        facts={name: str(main.attributes[name]) for name in SHOWN if name in main.attributes},
        stages=stages_shown(trace),
    )


def stages_shown(trace: Trace) -> tuple[Stage, ...]:
    """Return all spans, the main one first, with times from the trace's begin."""
    begin_ns = trace.start_ns
    main = trace.main
    ordered = (main, *(span for span in trace.spans if span is not main))
    return tuple(
        Stage(
            name=span.name,
            start_ms=round((span.start_ns - begin_ns) / NS_PER_MS, 3),
            duration_ms=round(span.duration_ms, 3),
            failed=span.failed,
        )
        for span in ordered
    )
