"""The workers' metrics as one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.openmetrics import exposition
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from ctr_service.telemetry import names
from ctr_service.telemetry.endpoint import MetricsEndpoint
from ctr_service.telemetry.merged import (
    WorkersMetrics,
    WorkerState,
    fetch_metrics,
    labelled_registry,
    registry_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

GOLDEN = """\
# HELP ctr_worker_up 1 when the worker's metrics are among these.
# TYPE ctr_worker_up gauge
ctr_worker_up{worker="0"} 1.0
ctr_worker_up{worker="1"} 1.0
# HELP ctr_worker_restarts How often the supervisor started the worker again.
# TYPE ctr_worker_restarts counter
ctr_worker_restarts_total{worker="0"} 0.0
ctr_worker_restarts_total{worker="1"} 3.0
# HELP ctr_requests Calls \\"ended\\".
# TYPE ctr_requests counter
ctr_requests_total{code="a\\"b\\n",worker="0"} 2.0 # {trace_id="t0"} 2.0 5.000000000
ctr_requests_total{code="a\\"b\\n",worker="1"} 5.0 # {trace_id="t1"} 5.0 5.000000000
# HELP ctr_wait_seconds Wait.
# TYPE ctr_wait_seconds histogram
ctr_wait_seconds_bucket{le="0.1",worker="0"} 1.0 # {trace_id="t0"} 0.05 5.000000000
ctr_wait_seconds_bucket{le="+Inf",worker="0"} 1.0
ctr_wait_seconds_count{worker="0"} 1.0
ctr_wait_seconds_sum{worker="0"} 0.05
ctr_wait_seconds_bucket{le="0.1",worker="1"} 1.0 # {trace_id="t1"} 0.05 5.000000000
ctr_wait_seconds_bucket{le="+Inf",worker="1"} 1.0
ctr_wait_seconds_count{worker="1"} 1.0
ctr_wait_seconds_sum{worker="1"} 0.05
# HELP ctr_model What serves.
# TYPE ctr_model info
ctr_model_info{version="v1",worker="0"} 1.0
ctr_model_info{version="v1",worker="1"} 1.0
# EOF
"""


@pytest.fixture(autouse=True)
def _still_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exemplars carry the time; series' times of creation are left out."""
    monkeypatch.setattr("time.time", lambda: 5.0)
    monkeypatch.setattr("prometheus_client.metrics._use_created", False)


def text_of(registry: CollectorRegistry) -> str:
    """The registry's page."""
    raw: bytes = exposition.generate_latest(registry)  # type: ignore[no-untyped-call]  # -- untyped library
    return raw.decode()


def registry(worker: str, requests: int) -> CollectorRegistry:
    """What one worker counted, with its label."""
    own = CollectorRegistry()
    counter = Counter("ctr_requests", 'Calls "ended".', ["code"], registry=own)
    counter.labels('a"b\n').inc(requests, {"trace_id": f"t{worker}"})
    wait = Histogram("ctr_wait_seconds", "Wait.", buckets=(0.1,), registry=own)
    wait.observe(0.05, {"trace_id": f"t{worker}"})
    Info("ctr_model", "What serves.", registry=own).info({"version": "v1"})
    return labelled_registry(own, {names.WORKER: worker})


def page(texts: Mapping[int, str], states: list[WorkerState]) -> str:
    """The supervisor's page when these texts are behind these ports."""

    def fetch(port: int) -> str:
        if port not in texts:
            raise ConnectionRefusedError
        return texts[port]

    return text_of(registry_of(WorkersMetrics(lambda: states, fetch)))


def test_families_are_merged_with_their_labels_and_exemplars() -> None:
    """One HELP and TYPE a family, each worker's samples beneath, exemplars kept, one EOF."""
    texts = {
        10 + worker: text_of(registry(str(worker), requests))
        for worker, requests in ((0, 2), (1, 5))
    }
    merged = page(texts, [WorkerState(0, 10, 0), WorkerState(1, 11, 3)])
    assert merged == GOLDEN
    read = list(text_string_to_metric_families(merged))  # type: ignore[no-untyped-call]  # -- untyped library
    assert len(read) == 5


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (WorkerState(1, None, 1), None),
        (WorkerState(1, 11, 1), None),
        (WorkerState(1, 11, 1), "# TYPE ctr_requests counter\nctr_requests_tot"),
        (WorkerState(1, 11, 1), "<html>not metrics</html>"),
    ],
    ids=["starting", "dead", "cut-off", "garbage"],
)
def test_a_worker_that_does_not_answer_well_is_left_out(
    state: WorkerState, text: str | None
) -> None:
    """The others stay, and ctr_worker_up says which is missing."""
    texts = {10: text_of(registry("0", 2))}
    if text is not None:
        texts[11] = text
    lines = page(texts, [WorkerState(0, 10, 0), state]).splitlines()
    assert 'ctr_worker_up{worker="0"} 1.0' in lines
    assert 'ctr_worker_up{worker="1"} 0.0' in lines
    assert 'ctr_worker_restarts_total{worker="1"} 1.0' in lines
    others = [line for line in lines if 'worker="1"' in line]
    assert len(others) == 2
    assert sum(line.startswith("ctr_requests_total{") for line in lines) == 1


def test_a_label_does_not_touch_the_registry_beneath() -> None:
    """The worker's own registry stays without the label."""
    own = CollectorRegistry()
    gauge = Gauge("ctr_serving", "Serving.", registry=own)
    gauge.set(1)
    above = labelled_registry(own, {"worker": "7"})
    assert above.get_sample_value("ctr_serving", {"worker": "7"}) == 1
    assert own.get_sample_value("ctr_serving") == 1
    assert [sample.labels for family in own.collect() for sample in family.samples] == [{}]


def test_the_page_is_fetched_in_the_form_that_has_exemplars() -> None:
    """A worker's endpoint answers with OpenMetrics; a closed one is an OSError."""
    endpoint = MetricsEndpoint(registry("0", 2), host="127.0.0.1", port=0)
    try:
        assert 'trace_id="t0"' in fetch_metrics(endpoint.port)
    finally:
        endpoint.close()
    with pytest.raises(OSError, match="refused"):
        fetch_metrics(endpoint.port)


def test_the_supervisors_names_are_documented_and_apart() -> None:
    """The supervisor's metrics are in names.py and clash with none of a worker's."""
    families = {
        family.name: family
        for family in registry_of(WorkersMetrics(lambda: [WorkerState(0, None, 0)])).collect()
    }
    assert set(families) == {metric.name for metric in names.SUPERVISOR_CATALOGUE}
    assert not set(families) & {metric.name for metric in names.CATALOGUE}
    for metric in names.SUPERVISOR_CATALOGUE:
        assert families[metric.name].type == metric.kind.value
        assert families[metric.name].documentation == metric.meaning
