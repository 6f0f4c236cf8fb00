"""Since when: the moment at which the alert's own signal left its usual range. Pure."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_monitor.around.questions import BY_KEY, Worse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ctr_monitor.around.windows import Span
    from ctr_monitor.model import Alert, Line, Panel

SIGNALS: Mapping[str, tuple[str, ...]] = {
    "availability": ("error_share",),
    "latency": ("latency_p99", "latency_p95"),
    "shed": ("shed_share",),
    "degraded": ("degraded_share",),
    "queue": ("queue_saturation",),
    "breaker": ("breaker", "remote_failures"),
    "cache": ("score_hit_share", "token_hit_share"),
    "loop": ("loop_lag_p99",),
    "absent": ("replicas_up", "serving"),
    "features": ("late_feature_share",),
    "memory": ("memory_bytes",),
    "triton": ("triton_ready",),
}
"""The label `slo` or `signal` of an alert -> the questions that show it."""
ANY = ("error_share", "latency_p99", "shed_share", "degraded_share", "replicas_up", "breaker")
SPREADS = 4.0
"""Median absolute deviations from the median that still count as usual (about 2.7 sigma)."""
MOVE = 0.25
"""A move of less than this share of the usual value is not one."""
LEAST = {"share": 0.005, "ms": 1.0, "count": 0.5, "per s": 0.05, "s": 1.0, "bytes": 50e6}
STAYS = 0.6
"""Share of the points up to the alert that must be out of range too: one peak is no onset."""


@dataclass(frozen=True, slots=True)
class Onset:
    """When it began; `seen` says whether a series shows it, else it is the alert's own time."""

    at_ms: int
    seen: bool


def find_onset(alerts: Iterable[Alert], panels: Mapping[str, Panel], span: Span) -> Onset:
    """Return the earliest departure of the alerts' signals, or of any main signal."""
    own = [
        key
        for alert in alerts
        for label in ("slo", "signal")
        for key in SIGNALS.get(alert.labels.get(label, ""), ())
    ]
    for keys in (own, ANY):
        found = [
            at_ms
            for key in keys
            if key in panels
            for line in panels[key].lines
            if (at_ms := departure(key, line, span)) is not None
        ]
        if found:
            return Onset(min(found), seen=True)
    return Onset(max(span.alert_ms - span.rate_s * 1000, span.from_ms), seen=False)


def departure(key: str, line: Line, span: Span) -> int | None:
    """Return when a series left its usual range for the worse and stayed out; None if never."""
    question = BY_KEY[key]
    usual = [v for at, v in line.points if v is not None and at < span.calm_until_ms]
    later = [
        (at, v)
        for at, v in line.points
        if v is not None and span.calm_until_ms <= at <= max(span.alert_ms, span.calm_until_ms)
    ]
    if not usual or not later:
        return None
    middle = statistics.median(usual)
    spread = statistics.median(abs(v - middle) for v in usual)
    room = max(SPREADS * spread, MOVE * abs(middle), LEAST.get(question.unit, 0.0))
    out = [_is_out(v - middle, room, question.worse) for _, v in later]
    return _first_that_stays([at for at, _ in later], out)


def _is_out(move: float, room: float, worse: Worse) -> bool:
    if worse is Worse.EITHER:
        return abs(move) > room
    return (move if worse is Worse.UP else -move) > room


def _first_that_stays(times: Sequence[int], out: Sequence[bool]) -> int | None:
    for start, at_ms in enumerate(times):
        rest = out[start:]
        if out[start] and sum(rest) >= STAYS * len(rest):
            return at_ms
    return None
