"""Makes metrics from the catalogue's entries, in one registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge

from ctr_service.telemetry.histogram import Histogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from ctr_service.telemetry.names import Metric


class Families:
    """Registers each metric with the name, meaning, labels and bounds that the catalogue has."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

    def counter(self, metric: Metric) -> Counter:
        """Return a new counter."""
        return Counter(metric.name, metric.meaning, metric.labels, registry=self.registry)

    def gauge(self, metric: Metric) -> Gauge:
        """Return a new gauge."""
        return Gauge(metric.name, metric.meaning, metric.labels, registry=self.registry)

    def histogram(self, metric: Metric) -> Histogram:
        """Return a new histogram."""
        histogram = Histogram(metric)
        self.registry.register(histogram)
        return histogram
