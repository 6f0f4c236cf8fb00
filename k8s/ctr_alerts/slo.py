"""The whole file of objectives, `k8s/alerts/slo.yaml`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ctr_alerts.model import Frozen
from ctr_alerts.notifying import Collector, Notify
from ctr_alerts.objectives import Objectives
from ctr_alerts.promql import SPAN_NAME
from ctr_alerts.signal_limits import Signals
from ctr_alerts.windows import BurnWindow, Intervals, Minimum


class Slo(Frozen):
    """The source of everything that is generated.

    Attributes:
        service_name: `service.name` of the gateway's spans.
        job: Prometheus' job of the gateways.
        spans: names of the server spans that the objectives are about: package.Service/Method.
        duration_bounds_ms: upper bounds of the duration histogram's buckets; each latency
            threshold is one of them, so that the share below it is counted and not guessed.
    """

    service_name: str = Field(min_length=1)
    job: str = Field(min_length=1)
    spans: tuple[Annotated[str, Field(pattern=SPAN_NAME)], ...] = Field(min_length=1)
    objectives: Objectives
    burn: tuple[BurnWindow, ...] = Field(min_length=1)
    minimum: Minimum
    intervals: Intervals
    duration_bounds_ms: tuple[float, ...] = Field(min_length=1)
    signals: Signals
    notify: Notify
    collector: Collector

    @property
    def methods(self) -> tuple[str, ...]:
        """The spans' methods alone, as the gateway's own metrics name them."""
        return tuple(span.rpartition("/")[2] for span in self.spans)
