"""Metrics of spans, to the letter of the Collector's connector."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics import exposition
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from ctr_service.telemetry.names import span_metrics as names
from ctr_service.telemetry.span_metrics import SpanIds, SpanKey, SpanMetrics

GOLDEN = Path(__file__).parents[3] / "golden" / "span_metrics.txt"
PREDICT = "ctr.v1.PredictionService/PredictClicks"
IDS = SpanIds("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
OK = SpanKey(PREDICT, names.UNSET, "v7", "false", "OK")
LATE = SpanKey(PREDICT, names.ERROR, "v7", None, "DEADLINE_EXCEEDED")


def page(metrics: SpanMetrics) -> str:
    """The OpenMetrics text."""
    registry = CollectorRegistry()
    registry.register(metrics)
    raw: bytes = exposition.generate_latest(registry)  # type: ignore[no-untyped-call]  # -- untyped library
    return raw.decode()


def test_the_page_is_the_golden_one() -> None:
    """Names, labels, units, bounds and exemplars; a label without a value is left out."""
    metrics = SpanMetrics("ctr-service", wall_s=lambda: 5.0)
    metrics.observe(OK, 12.5, None)
    metrics.observe(OK, 100.0, IDS)  # on an edge: within the objective
    metrics.observe(LATE, 20_000.0, IDS)
    assert page(metrics) == GOLDEN.read_text()


def test_the_page_can_be_merged() -> None:
    """The parser by which a supervisor reads its workers takes it, exemplars and all."""
    metrics = SpanMetrics("ctr-service", wall_s=lambda: 5.0)
    metrics.observe(OK, 1.0, IDS)
    families = {f.name: f for f in text_string_to_metric_families(page(metrics))}  # type: ignore[no-untyped-call]  # -- untyped library
    assert set(families) == {metric.name for metric in names.SPAN_METRICS}
    exemplars = [s.exemplar for f in families.values() for s in f.samples if s.exemplar]
    assert {exemplar.labels["trace_id"] for exemplar in exemplars} == {IDS.trace_id}


def test_calls_and_durations_are_one_count() -> None:
    """The sum of buckets is the number of calls, key by key."""
    metrics = SpanMetrics("ctr-service")
    for number in range(1_000):
        metrics.observe(OK if number % 3 else LATE, float(number), None)
    calls, durations = metrics.collect()
    counts = {
        (s.labels["rpc_status_code"], s.value)
        for s in durations.samples
        if s.name.endswith("_count")
    }
    assert counts == {(s.labels["rpc_status_code"], s.value) for s in calls.samples}
    assert sum(count for _, count in counts) == 1_000
