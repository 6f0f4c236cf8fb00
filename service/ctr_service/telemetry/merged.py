"""The metrics of several workers as those of one process: each family once, all workers' samples.

Each worker labels its own samples, so nothing is added up here and exemplars stay; Prometheus
aggregates. A worker that does not answer is left out, and `ctr_worker_up` says so.
"""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector, CollectorRegistry

from ctr_service.telemetry import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

LOOPBACK = "127.0.0.1"
SCRAPE_S = 2.0
"""Prometheus gives up on the whole after 10 s by default; one worker must not use that up."""
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
"""Asked of the workers, whatever our own caller takes: the older format has no exemplars."""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """What the supervisor knows of a worker.

    Attributes:
        worker: its number.
        metrics_port: of its endpoint on loopback; None while it does not serve.
        restarts: how often it was started again.
    """

    worker: int
    metrics_port: int | None
    restarts: int


class Labelled(Collector):
    """A registry's metrics with more labels on every sample."""

    def __init__(self, registry: CollectorRegistry, labels: Mapping[str, str]) -> None:
        self._registry = registry
        self._labels = dict(labels)

    def collect(self) -> Iterator[Family]:
        """Yield the families; the registry's own are left as they are."""
        for family in self._registry.collect():
            labelled = Family(family.name, family.documentation, family.type, family.unit)
            labelled.samples = [
                sample._replace(labels={**self._labels, **sample.labels})
                for sample in family.samples
            ]
            yield labelled


def labelled_registry(registry: CollectorRegistry, labels: Mapping[str, str]) -> CollectorRegistry:
    """Return a registry that shows another one's metrics with more labels."""
    return registry_of(Labelled(registry, labels))


def registry_of(collector: Collector) -> CollectorRegistry:
    """Return a registry of a collector that knows its metrics only when it is asked."""
    registry = CollectorRegistry(support_collectors_without_names=True)
    registry.register(collector)
    return registry


class WorkersMetrics(Collector):
    """Asks every worker when it is asked."""

    def __init__(
        self,
        states: Callable[[], Sequence[WorkerState]],
        fetch: Callable[[int], str] | None = None,
    ) -> None:
        """Take what tells the workers' states, and what reads the text behind a loopback port."""
        self._states = states
        self._fetch = fetch or fetch_metrics

    def collect(self) -> Iterator[Family]:
        """Yield the supervisor's own families, and then the workers', merged."""
        states = self._states()
        with ThreadPoolExecutor(max_workers=len(states)) as pool:
            answers = list(pool.map(self._ask, states))
        up_is, restarts_are = names.WORKER_UP, names.WORKER_RESTARTS
        up = GaugeMetricFamily(up_is.name, up_is.meaning, labels=up_is.labels)
        restarts = CounterMetricFamily(
            restarts_are.name, restarts_are.meaning, labels=restarts_are.labels
        )
        for state, answer in zip(states, answers, strict=True):
            up.add_metric([str(state.worker)], 0 if answer is None else 1)
            restarts.add_metric([str(state.worker)], state.restarts)
        yield up
        yield restarts
        yield from merge(answer for answer in answers if answer is not None)

    def _ask(self, state: WorkerState) -> list[Family] | None:
        if state.metrics_port is None:
            return None
        try:
            text = self._fetch(state.metrics_port)
            return list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]  # -- the library's parser has no types
        except (OSError, http.client.HTTPException, ValueError):
            return None  # died, hangs, or was cut off in the middle of its answer


def merge(expositions: Iterable[Iterable[Family]]) -> Iterable[Family]:
    """Return each family once, in the order of first sight, with the samples of all."""
    merged: dict[str, Family] = {}
    for family in (family for exposition in expositions for family in exposition):
        known = merged.setdefault(
            family.name, Family(family.name, family.documentation, family.type, family.unit)
        )
        known.samples.extend(family.samples)
    return merged.values()


def fetch_metrics(port: int) -> str:
    """Read /metrics of a worker on this machine.

    Raises:
        OSError, HTTPException: it does not answer well within SCRAPE_S.
    """
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=SCRAPE_S)
    try:
        connection.request("GET", "/metrics", headers={"Accept": OPENMETRICS})
        return connection.getresponse().read().decode()
    finally:
        connection.close()
