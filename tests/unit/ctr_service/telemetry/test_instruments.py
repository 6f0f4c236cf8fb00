"""Instruments keep what the catalogue promises."""

from __future__ import annotations

import random
import urllib.request

import pytest
from prometheus_client import CollectorRegistry

from ctr_service.backend.scripted import ScriptedBackend
from ctr_service.batcher.observer import BatchReport, DropCause
from ctr_service.bundle.token_cache import TokenCache
from ctr_service.clock import ManualClock
from ctr_service.errors import Reason, SettingsError
from ctr_service.scores.cache import ScoreCache
from ctr_service.scores.flights import Flights
from ctr_service.server.item_cache import ItemCache
from ctr_service.telemetry import names
from ctr_service.telemetry.endpoint import MetricsEndpoint
from ctr_service.telemetry.instruments import Instruments
from ctr_service.telemetry.silent import SilentInstruments
from ctr_service.types import Answer, ItemError, Prediction, Priority, Source, StageTimings, Status
from tests.support.batching import make_batcher


@pytest.fixture
def instruments() -> Instruments:
    """Instruments on a registry of their own, everything registered."""
    made = Instruments(CollectorRegistry())
    made.watch_caches(TokenCache(1000), ItemCache(1000))
    rng = random.Random(0)  # noqa: S311 -- jitter, no secret
    clock = ManualClock()
    batcher = make_batcher(ScriptedBackend(slots=1, clock=clock), clock)
    made.watch_scores(ScoreCache(max_bytes=1000, ttl_ns=1, rng=rng), Flights(batcher, None))
    return made


def value(instruments: Instruments, name: str, **labels: str) -> float | None:
    """The value of one sample."""
    return instruments.registry.get_sample_value(name, labels)


def test_every_metric_of_the_catalogue_is_registered_and_no_other(
    instruments: Instruments,
) -> None:
    """The catalogue and the registry hold the same metrics, with the same help."""
    instruments.model_loaded(name="m", version="v", graph="g", manifest_sha256="s", created_s=5.0)
    families = {family.name: family for family in instruments.registry.collect()}
    for metric in names.PROCESS_METRICS:
        assert families.pop(metric.name).type == metric.kind.value
    assert set(families) == {metric.name for metric in names.CATALOGUE}
    for metric in names.CATALOGUE:
        assert families[metric.name].type == metric.kind.value
        assert families[metric.name].documentation == metric.meaning


def test_names_carry_their_unit() -> None:
    """A metric with a unit ends in it; histograms have rising bounds; no name stands twice."""
    assert len({metric.name for metric in names.CATALOGUE}) == len(names.CATALOGUE)
    for metric in names.CATALOGUE:
        assert metric.name.startswith("ctr_")
        assert not metric.unit or metric.name.endswith(f"_{metric.unit}")
        assert list(metric.bounds) == sorted(set(metric.bounds))
        assert bool(metric.bounds) == (metric.kind is names.Kind.HISTOGRAM)


def test_calls_are_counted_by_code_and_reason(instruments: Instruments) -> None:
    """A finished call leaves the in-flight gauge and enters counter, histogram and refusals."""
    instruments.call_started("P")
    assert value(instruments, "ctr_requests_in_flight", method="P") == 1
    instruments.call_finished("P", code="NOT_FOUND", reason=Reason.MODEL_NOT_FOUND, seconds=0.02)
    assert value(instruments, "ctr_requests_in_flight", method="P") == 0
    assert value(instruments, "ctr_requests_total", method="P", code="NOT_FOUND") == 1
    assert value(instruments, "ctr_refusals_total", method="P", reason="MODEL_NOT_FOUND") == 1
    assert value(instruments, "ctr_request_duration_seconds_sum", method="P") == 0.02


def test_candidates_are_counted_by_status_and_source(instruments: Instruments) -> None:
    """An answer's items are counted once each, and a degraded answer once."""
    error = ItemError(Reason.EMPTY_ITEM_ID, "x")
    predictions = (
        Prediction("a", Status.SCORED, 0.1, Source.MODEL),
        Prediction("b", Status.SCORED, 0.1, Source.MODEL),
        Prediction("c", Status.FALLBACK, 0.1, Source.PRIOR),
        Prediction("d", Status.INVALID, error=error),
    )
    timings = StageTimings(1, 1, 1, 1, 1)
    answer = Answer(predictions, timings, degraded=True, truncated_texts=3)
    instruments.answered(answer, slack_ns=30_000_000)
    assert value(instruments, "ctr_deadline_slack_seconds_sum") == 0.03
    assert value(instruments, "ctr_candidates_total", status="SCORED", source="MODEL") == 2
    assert value(instruments, "ctr_candidates_total", status="FALLBACK", source="PRIOR") == 1
    assert value(instruments, "ctr_candidates_total", status="INVALID", source="none") == 1
    assert value(instruments, "ctr_degraded_answers_total") == 1
    assert value(instruments, "ctr_truncated_texts_total") == 3
    instruments.answered(Answer(predictions[:2], timings, degraded=False), slack_ns=1)
    assert value(instruments, "ctr_candidates_total", status="SCORED", source="MODEL") == 4


def test_batches_are_measured(instruments: Instruments) -> None:
    """The batcher's reports become rows, tokens, waits and compute time."""
    instruments.admitted(rows=3, padded_tokens=96, priority=Priority.BULK)
    instruments.refused(rows=5, padded_tokens=96, priority=Priority.INTERACTIVE)
    instruments.dropped(rows=2, cause=DropCause.EXPIRED)
    instruments.limits_set(max_batch_tokens=128, max_queued_tokens=5_000)
    instruments.load_changed(waiting_rows=7, waiting_tokens=224, running=2)
    instruments.finished(
        BatchReport(
            rows=3,
            bucket_tokens=32,
            computed_tokens=96,
            row_tokens=70,
            lists=2,
            queue_ns=5_000_000,
            run_ns=9_000_000,
            compute_ns=8_000_000,
            expected_s=0.006,
            cost_s=0.009,
            failed_rows=1,
            retry=False,
        )
    )
    assert value(instruments, "ctr_admitted_rows_total", priority="bulk") == 3
    assert value(instruments, "ctr_shed_rows_total", priority="interactive") == 5
    assert value(instruments, "ctr_dropped_rows_total", cause="expired") == 2
    assert value(instruments, "ctr_queued_rows") == 7
    assert value(instruments, "ctr_queued_tokens") == 224
    assert value(instruments, "ctr_running_batches") == 2
    assert value(instruments, "ctr_padded_tokens_total") == 96
    assert value(instruments, "ctr_row_tokens_total") == 70
    assert value(instruments, "ctr_queue_wait_seconds_sum") == 0.005
    assert value(instruments, "ctr_compute_seconds_sum") == 0.008
    assert value(instruments, "ctr_failed_rows_total") == 1
    assert value(instruments, "ctr_batch_padded_tokens_sum") == 96
    assert value(instruments, "ctr_batch_fill_ratio_sum") == 0.75
    assert value(instruments, "ctr_cost_error_ratio_sum") == pytest.approx(0.5)
    assert value(instruments, "ctr_queue_limit_tokens") == 5_000


def test_without_metrics_nothing_of_a_call_is_counted() -> None:
    """Calls, lists and batches pass unheard; only the runs are told, for Open Inference."""
    silent = SilentInstruments(CollectorRegistry())
    silent.call_started("P")
    silent.call_finished("P", code="OK", reason=None, seconds=0.1)
    silent.answered(Answer((), StageTimings(1, 1, 1, 1, 1), degraded=True), slack_ns=1)
    silent.finished(
        BatchReport(
            rows=1,
            bucket_tokens=8,
            computed_tokens=8,
            row_tokens=8,
            lists=1,
            queue_ns=0,
            run_ns=0,
            compute_ns=0,
            expected_s=0,
            cost_s=0,
            failed_rows=0,
            retry=False,
        )
    )
    assert silent.batches_run == 1
    assert value(silent, "ctr_batches_total") == 0
    assert value(silent, "ctr_degraded_answers_total") == 0
    assert value(silent, "ctr_requests_total", method="P", code="OK") is None


def test_spans_on_their_way_are_counted(instruments: Instruments) -> None:
    """By what became of them."""
    instruments.spans_told("sent", 3)
    assert value(instruments, "ctr_trace_spans_total", outcome="sent") == 3


def test_the_endpoint_serves_openmetrics_until_closed(instruments: Instruments) -> None:
    """A scraper that asks for OpenMetrics gets it, and the port is free again after closing."""
    instruments.serving_changed(serving=True)
    endpoint = MetricsEndpoint(instruments.registry, host="127.0.0.1", port=0)
    url = f"http://127.0.0.1:{endpoint.port}/metrics"
    ask = urllib.request.Request(url, headers={"Accept": "application/openmetrics-text"})
    with urllib.request.urlopen(ask, timeout=5) as answer:  # noqa: S310 -- our own endpoint
        body = answer.read()
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    assert b"ctr_serving 1.0" in body
    endpoint.close()
    MetricsEndpoint(instruments.registry, host="127.0.0.1", port=endpoint.port).close()


def test_a_port_in_use_is_a_sentence(instruments: Instruments) -> None:
    """Two endpoints on one port: the second says which port and what to do."""
    first = MetricsEndpoint(instruments.registry, host="127.0.0.1", port=0)
    try:
        with pytest.raises(SettingsError, match=rf"{first.port}.*--metrics-port"):
            MetricsEndpoint(instruments.registry, host="127.0.0.1", port=first.port)
    finally:
        first.close()
