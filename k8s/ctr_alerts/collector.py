"""The OpenTelemetry Collector's configuration: span metrics as the gateway itself serves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_alerts import metrics
from ctr_alerts.yaml_text import yaml_text

if TYPE_CHECKING:
    from ctr_alerts.slo import Slo

VERSION = "0.157"
"""Of otelcol-contrib, whose names are used; older ones call the connector `spanmetrics`."""
NOTES = (
    f"For otelcol-contrib {VERSION} and later. Only needed where span metrics are to come from",
    "a Collector: every gateway serves the same ones on /metrics, before sampling. Take one of",
    "the two: drop traces_span_metrics_.* from the gateways' scrape, or counts double. The",
    "gateways must then send every span (--trace-ratio 1, and callers that leave sampling to us):",
    "it is done here, after the counting.",
)


def collector_config(slo: Slo) -> str:
    """Return `collector.yaml`."""
    connector = {
        "namespace": metrics.NAMESPACE,
        "histogram": {
            "unit": "ms",
            "explicit": {"buckets": [f"{bound:g}ms" for bound in slo.duration_bounds_ms]},
        },
        "dimensions": [{"name": name} for name in metrics.DIMENSIONS],
        "exemplars": {"enabled": True},
        "aggregation_temporality": "AGGREGATION_TEMPORALITY_CUMULATIVE",
        "metrics_flush_interval": str(slo.intervals.scrape),
        "resource_metrics_key_attributes": ["service.name", "service.instance.id"],
    }
    slow_ms = min(target.threshold_ms for target in slo.objectives.latency)
    policies = [
        {"name": "failed", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
        {"name": "slow", "type": "latency", "latency": {"threshold_ms": round(slow_ms)}},
        {
            "name": "some",
            "type": "probabilistic",
            "probabilistic": {"sampling_percentage": slo.collector.kept_percent},
        },
    ]
    monitor = {"endpoint": slo.collector.monitor_otlp_endpoint, "tls": {"insecure": True}}
    tree = {
        "receivers": {
            "otlp": {
                "protocols": {
                    "grpc": {"endpoint": "0.0.0.0:4317"},
                    "http": {"endpoint": "0.0.0.0:4318"},
                }
            }
        },
        "processors": {
            "memory_limiter": {
                "check_interval": "1s",
                "limit_percentage": 80,
                "spike_limit_percentage": 20,
            },
            "tail_sampling": {"decision_wait": "5s", "policies": policies},
        },
        "connectors": {"span_metrics": connector},
        "exporters": {
            "prometheus": {"endpoint": "0.0.0.0:8889", "enable_open_metrics": True},
            "otlp/monitor": monitor,
        },
        "service": {
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    "processors": ["memory_limiter"],
                    "exporters": ["span_metrics"],
                },
                "traces/kept": {
                    "receivers": ["otlp"],
                    "processors": ["memory_limiter", "tail_sampling"],
                    "exporters": ["otlp/monitor"],
                },
                "metrics": {"receivers": ["span_metrics"], "exporters": ["prometheus"]},
            }
        },
    }
    return yaml_text(tree, *NOTES)
