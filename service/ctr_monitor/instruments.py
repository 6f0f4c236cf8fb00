"""The monitor's own metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.process_collector import ProcessCollector

INVESTIGATION_BOUNDS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0)


class Instruments:
    """Every metric, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        registry = self.registry
        self.notifications = Counter(
            "ctr_monitor_notifications",
            "Webhooks of Alertmanager, by what they did: opened, joined, repeated, reopened, "
            "resolved.",
            ("change",),
            registry=registry,
        )
        self.bad_input = Counter(
            "ctr_monitor_bad_input",
            "Requests that were refused, by place: webhook, otlp, form.",
            ("place",),
            registry=registry,
        )
        self.investigations = Counter(
            "ctr_monitor_investigations",
            "Investigations ended, by whether they lacked something: whole, incomplete, failed.",
            ("outcome",),
            registry=registry,
        )
        self.investigation_seconds = Histogram(
            "ctr_monitor_investigation_seconds",
            "How long an investigation took.",
            buckets=INVESTIGATION_BOUNDS_S,
            registry=registry,
        )
        self.incidents = Gauge(
            "ctr_monitor_incidents", "Incidents on record, by state.", ("state",), registry=registry
        )
        self.spans = Counter(
            "ctr_monitor_spans",
            "Spans received, by outcome: kept, rejected (no valid ids), refused (too many).",
            ("outcome",),
            registry=registry,
        )
        self.traces = Gauge(
            "ctr_monitor_traces",
            "Traces kept, by class; those that incidents point at left out.",
            ("kind",),
            registry=registry,
        )
        self.trace_bytes = Gauge(
            "ctr_monitor_trace_bytes",
            "Size of those traces, by class.",
            ("kind",),
            registry=registry,
        )

    def exposition(self) -> tuple[bytes, str]:
        """Return the metrics in OpenMetrics, and their content type."""
        body: bytes = generate_latest(self.registry)  # type: ignore[no-untyped-call]  # -- the library has no types
        return body, CONTENT_TYPE_LATEST
