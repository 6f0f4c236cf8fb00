"""Metrics of spans, under the names of the OpenTelemetry Collector's `span_metrics` connector.

So the same alert rules hold whether a Collector makes them of spans or the gateway itself does.
They are counted before sampling: every call is in them.
"""

from __future__ import annotations

from ctr_service.telemetry.bounds import DURATION_BOUNDS_MS
from ctr_service.telemetry.names import spans
from ctr_service.telemetry.names.metric import Kind, Metric

SERVICE_NAME, SPAN_NAME, SPAN_KIND, STATUS_CODE = (
    *("service_name", "span_name", "span_kind", "status_code"),
)
DIMENSIONS = (spans.MODEL_VERSION, spans.DEGRADED, spans.RPC_STATUS)
"""Attributes that become labels where a span has them; a label without a value is left out."""


def label_of(attribute: spans.Attribute) -> str:
    """Return the label that an attribute becomes, as the Collector's Prometheus exporter has it."""
    return attribute.name.replace(".", "_")


LABELS = (SERVICE_NAME, SPAN_NAME, SPAN_KIND, STATUS_CODE, *map(label_of, DIMENSIONS))
SERVER_KIND = "SPAN_KIND_SERVER"
UNSET, ERROR = "STATUS_CODE_UNSET", "STATUS_CODE_ERROR"

CALLS = Metric("traces_span_metrics_calls", Kind.COUNTER, "", "Server spans ended.", LABELS)
DURATION_MS = Metric(
    "traces_span_metrics_duration_milliseconds",
    Kind.HISTOGRAM,
    "milliseconds",
    "Length of server spans.",
    LABELS,
    DURATION_BOUNDS_MS,
)
SPAN_METRICS = (CALLS, DURATION_MS)
"""With `--no-tracing` there are none of these."""
