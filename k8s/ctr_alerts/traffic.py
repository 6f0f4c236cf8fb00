"""Span metrics of made-up traffic, for promtool's tests: good requests, bad ones of a kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_alerts import metrics
from ctr_alerts.series import Phase, Series, counter, labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_alerts.slo import Slo

UNSET, ERROR = "STATUS_CODE_UNSET", "STATUS_CODE_ERROR"


@dataclass(frozen=True, slots=True)
class Flow:
    """A stretch of even traffic.

    Attributes:
        steps: how long.
        requests: a step.
        bad: how many of them are bad.
    """

    steps: int
    requests: float
    bad: float


@dataclass(frozen=True, slots=True)
class Traffic:
    """Writes the series of one gateway's worker."""

    slo: Slo
    worker: str = "0"

    def calls(
        self, flows: Sequence[Phase], *, status: str = UNSET, code: str = "OK", degraded: str = ""
    ) -> Series:
        """Calls that ended in one way."""
        return counter(self._span(metrics.CALLS, status, code, degraded), *flows)

    def failing(self, flows: Sequence[Flow]) -> tuple[Series, ...]:
        """Bad ones end with an error of the server."""
        return (
            self.calls(good(flows)),
            self.calls(bad(flows), status=ERROR, code="UNAVAILABLE"),
        )

    def shedding(self, flows: Sequence[Flow]) -> tuple[Series, ...]:
        """Bad ones are refused, for want of capacity."""
        return (self.calls(good(flows)), self.calls(bad(flows), code="RESOURCE_EXHAUSTED"))

    def degrading(self, flows: Sequence[Flow]) -> tuple[Series, ...]:
        """Bad ones hold fallbacks."""
        return (
            self.calls(good(flows), degraded="false"),
            self.calls(bad(flows), degraded="true"),
        )

    def slow(self, flows: Sequence[Flow], threshold_ms: float) -> tuple[Series, ...]:
        """Bad ones take longer than one threshold, and less than the next."""
        everything = [Phase(flow.steps, flow.requests) for flow in flows]
        thresholds = sorted(target.threshold_ms for target in self.slo.objectives.latency)
        buckets = [
            counter(
                self._span(metrics.DURATION_BUCKET, UNSET, "OK", le=f"{float(edge)}"),
                *(good(flows) if edge <= threshold_ms else everything),
            )
            for edge in thresholds
        ]
        return (*buckets, counter(self._span(metrics.DURATION_COUNT, UNSET, "OK"), *everything))

    def all_fail_late(self, flows: Sequence[Phase]) -> tuple[Series, ...]:
        """Every request fails, and no good one was ever seen: no series of a good one exists."""
        return (counter(self._span(metrics.DURATION_COUNT, ERROR, "DEADLINE_EXCEEDED"), *flows),)

    def _span(self, metric: str, status: str, code: str, degraded: str = "", le: str = "") -> str:
        more = {"ctr_degraded": degraded} if degraded else {}
        if le:
            more["le"] = le
        return labels(
            metric,
            service_name=self.slo.service_name,
            span_name=self.slo.spans[0],
            span_kind="SPAN_KIND_SERVER",
            status_code=status,
            rpc_status_code=code,
            ctr_model_version="1",
            job=self.slo.job,
            instance="gateway:8501",
            worker=self.worker,
            **more,
        )


def good(flows: Sequence[Flow]) -> list[Phase]:
    """The good ones' paces."""
    return [Phase(flow.steps, flow.requests - flow.bad) for flow in flows]


def bad(flows: Sequence[Flow]) -> list[Phase]:
    """The bad ones' paces."""
    return [Phase(flow.steps, flow.bad) for flow in flows]
