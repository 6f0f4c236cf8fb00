"""What counts, and what counts as bad, for each objective: PromQL over the span metrics.

Shed calls (RESOURCE_EXHAUSTED) belong to `shed` alone: neither an error nor a slow answer. A call
that ended with an error is bad for latency too, however fast: failing early is no way to be quick.
A caller's own fault (INVALID_ARGUMENT, CANCELLED ...) leaves a span without an error; it is good.
Every worker of every gateway counts: sums run over all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_alerts import metrics
from ctr_alerts.promql import any_of, bound, select

if TYPE_CHECKING:
    from ctr_alerts.duration import Duration
    from ctr_alerts.objectives import LatencyTarget
    from ctr_alerts.slo import Slo

ERROR = 'status_code="STATUS_CODE_ERROR"'
NO_ERROR = 'status_code!="STATUS_CODE_ERROR"'
SHED = 'rpc_status_code="RESOURCE_EXHAUSTED"'
NOT_SHED = 'rpc_status_code!="RESOURCE_EXHAUSTED"'
ANSWERED = 'rpc_status_code="OK"'
DEGRADED = 'ctr_degraded="true"'
CALLER_LIMIT = 'reason="CALLER_LIMIT"'
"""Its gRPC code is that of shed calls, but it is the caller's own limit."""


@dataclass(frozen=True, slots=True)
class Sli:
    """One objective as two counts. Selectors; exactly one of `bad` and `good` is given.

    Attributes:
        slo: what it is about: availability, latency, shed, degraded.
        objective: its own name; differs where an SLO has several.
        budget: share that may be bad.
        every: what counts.
        bad: those that are bad.
        good: those that are not.
        spared: of the bad ones those that we do not answer for.
        threshold_ms: of a latency objective.
    """

    slo: str
    objective: str
    budget: float
    every: str
    bad: str = ""
    good: str = ""
    spared: str = ""
    threshold_ms: float | None = None

    @property
    def labels(self) -> dict[str, str]:
        """Labels of everything that is recorded of it."""
        return {"slo": self.slo, "objective": self.objective}

    def requests(self, window: Duration) -> str:
        """PromQL of the number that counts within a window."""
        return _number(self.every, window)

    def bad_requests(self, window: Duration, recorded: str) -> str:
        """PromQL of the number of bad ones; 0, not nothing, where no bad one was ever seen.

        Args:
            window: the range.
            recorded: name of the series that holds `requests` of the same window.
        """
        requests = f'sum({recorded}{{objective="{self.objective}"}})'
        if self.good:
            return _less(requests, _number(self.good, window))
        bad = _number(self.bad, window)
        if self.spared:
            bad = _less(bad, _number(self.spared, window))
        return f"{bad}\nor 0 * {requests}"


def server_spans(slo: Slo) -> tuple[str, ...]:
    """Return the matchers of the gateway's server spans that the objectives are about."""
    return (
        f'service_name="{slo.service_name}"',
        'span_kind="SPAN_KIND_SERVER"',
        f'span_name=~"{any_of(slo.spans)}"',
    )


def slis(slo: Slo) -> tuple[Sli, ...]:
    """Return all of them."""
    spans, targets = server_spans(slo), slo.objectives
    calls = metrics.CALLS
    own_limit = (f'job="{slo.job}"', f'method=~"{any_of(slo.methods)}"', CALLER_LIMIT)
    return (
        Sli(
            "availability",
            "availability",
            targets.availability.budget,
            every=select(calls, *spans, NOT_SHED),
            bad=select(calls, *spans, NOT_SHED, ERROR),
        ),
        *(_latency(spans, target) for target in targets.latency),
        Sli(
            "shed",
            "shed",
            targets.shed.budget,
            every=select(calls, *spans),
            bad=select(calls, *spans, SHED),
            spared=select(metrics.REFUSALS, *own_limit),
        ),
        Sli(
            "degraded",
            "degraded",
            targets.degraded.budget,
            every=select(calls, *spans, ANSWERED),
            bad=select(calls, *spans, ANSWERED, DEGRADED),
        ),
    )


def _latency(spans: tuple[str, ...], target: LatencyTarget) -> Sli:
    within = bound(target.threshold_ms)
    return Sli(
        "latency",
        f"latency_{target.threshold_ms:g}ms",
        target.budget,
        every=select(metrics.DURATION_COUNT, *spans, NOT_SHED),
        good=select(metrics.DURATION_BUCKET, *spans, NOT_SHED, NO_ERROR, within),
        threshold_ms=target.threshold_ms,
    )


def _number(selector: str, window: Duration) -> str:
    return f"sum(increase({selector}[{window}]))"


def _less(whole: str, part: str) -> str:
    """All but a part, which may never have been seen; rounding never makes it negative."""
    return f"clamp_min({whole}\n  - ({part} or vector(0)), 0)"
