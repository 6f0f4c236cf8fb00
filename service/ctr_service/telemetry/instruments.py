"""The gateway's instruments: they hear what happens and keep the metrics of `names.py`.

One object implements the observers of the edge, the servicer and the batcher. It holds a registry
of its own; nothing global is touched.
"""

from __future__ import annotations

from collections import Counter as Tally
from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from ctr_service.breaker import BreakerState
from ctr_service.limits import NS_PER_S
from ctr_service.telemetry import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.metrics_core import Metric as Family

    from ctr_service.backend.triton_observer import EndpointState
    from ctr_service.batcher.observer import BatchReport, DropCause
    from ctr_service.bundle.features import Entity
    from ctr_service.bundle.tokens import TokenCache
    from ctr_service.errors import Reason
    from ctr_service.features.store import FetchReport
    from ctr_service.remote.base import DropCause as RemoteDropCause
    from ctr_service.remote.base import FailureKind, Side
    from ctr_service.scores.cache import ScoreCache
    from ctr_service.scores.flights import Flights
    from ctr_service.telemetry.names import Metric
    from ctr_service.types import Answer, Priority

_BREAKER_LEVELS = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


class Instruments:
    """Counts and times. Every method returns at once and may be called from the event loop."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.batches_run = 0
        self._requests = self._counter(names.REQUESTS)
        self._refusals = self._counter(names.REFUSALS)
        self._caller_calls = self._counter(names.CALLER_CALLS)
        self._caller_tokens = self._counter(names.CALLER_TOKENS)
        self._refusal_s = self._histogram(names.REFUSAL_SECONDS)
        self._request_s = self._histogram(names.REQUEST_SECONDS)
        self._in_flight = self._gauge(names.IN_FLIGHT)
        self._candidates = self._counter(names.CANDIDATES)
        self._degraded = self._counter(names.DEGRADED)
        self._truncated = self._counter(names.TRUNCATED)
        self._batch_rows = self._histogram(names.BATCH_ROWS)
        self._batches = self._counter(names.BATCHES)
        self._padded_tokens = self._counter(names.PADDED_TOKENS)
        self._row_tokens = self._counter(names.ROW_TOKENS)
        self._queue_s = self._histogram(names.QUEUE_SECONDS)
        self._compute_s = self._histogram(names.COMPUTE_SECONDS)
        self._failed_rows = self._counter(names.FAILED_ROWS)
        self._admitted_rows = self._counter(names.ADMITTED_ROWS)
        self._shed_rows = self._counter(names.SHED_ROWS)
        self._dropped_rows = self._counter(names.DROPPED_ROWS)
        # Kept as plain numbers, and read when metrics are: they change several times a request.
        self._load = (0, 0, 0)
        self._gauge(names.QUEUED_ROWS).set_function(lambda: self._load[0])
        self._gauge(names.QUEUED_TOKENS).set_function(lambda: self._load[1])
        self._gauge(names.RUNNING_BATCHES).set_function(lambda: self._load[2])
        self._remote_keys = self._counter(names.REMOTE_KEYS)
        self._remote_s = self._histogram(names.REMOTE_SECONDS)
        self._remote_corrupt = self._counter(names.REMOTE_CORRUPT)
        self._remote_failures = self._counter(names.REMOTE_FAILURES)
        self._remote_breaker = self._gauge(names.REMOTE_BREAKER)
        self._remote_written = self._counter(names.REMOTE_WRITTEN)
        self._remote_dropped = self._counter(names.REMOTE_DROPPED)
        self._triton_batches = self._counter(names.TRITON_BATCHES)
        self._triton_retries = self._counter(names.TRITON_RETRIES)
        self._triton_servers = self._gauge(names.TRITON_SERVERS)
        self._feature_ids = self._counter(names.FEATURE_IDS)
        self._feature_absent = self._counter(names.FEATURE_ABSENT)
        self._feature_bytes = self._gauge(names.FEATURE_CACHE_BYTES)
        self._feature_entries = self._gauge(names.FEATURE_CACHE_ENTRIES)
        self._warm_up_s = self._gauge(names.WARM_UP_SECONDS)
        self._loop_lag_s = self._histogram(names.LOOP_LAG_SECONDS)
        self._serving = self._gauge(names.SERVING)
        self._model = Info(names.MODEL.name, names.MODEL.meaning, registry=registry)
        # A metric of given labels, for every request: the library takes a lock and makes strings.
        self._in_flight_of = cache(self._in_flight.labels)
        self._requests_of = cache(self._requests.labels)
        self._request_s_of = cache(self._request_s.labels)
        self._candidates_of = cache(self._candidates.labels)
        self._admitted_rows_of = cache(self._admitted_rows.labels)

    # The edge and the servicer.

    def call_started(self, method: str) -> None:
        """A call arrived."""
        self._in_flight_of(method).inc()

    def call_finished(
        self, method: str, *, code: str, reason: Reason | None, seconds: float
    ) -> None:
        """It ended."""
        self._in_flight_of(method).dec()
        self._requests_of(method, code).inc()
        self._request_s_of(method).observe(seconds)
        if reason is not None:
            self._refusals.labels(method, reason.name).inc()
            self._refusal_s.labels(reason.name).observe(seconds)

    def caller_finished(self, caller: str, *, code: str) -> None:
        """It was a call of a caller whom the tokens file names."""
        self._caller_calls.labels(caller, code).inc()

    def caller_charged(self, caller: str, *, tokens: int) -> None:
        """A list of such a caller was answered."""
        self._caller_tokens.labels(caller).inc(tokens)

    def answered(self, answer: Answer) -> None:
        """A search was answered."""
        tally = Tally([(p.status, p.source) for p in answer.predictions])
        for (status, source), count in tally.items():
            self._candidates_of(status.name, "none" if source is None else source.name).inc(count)
        if answer.degraded:
            self._degraded.inc()
        if answer.truncated_texts:
            self._truncated.inc(answer.truncated_texts)

    # The batcher.

    def admitted(self, *, rows: int, padded_tokens: int, priority: Priority) -> None:  # noqa: ARG002 -- the observer's signature
        """A list entered the queue."""
        self._admitted_rows_of(priority.value).inc(rows)

    def refused(self, *, rows: int, padded_tokens: int, priority: Priority) -> None:  # noqa: ARG002 -- the observer's signature
        """A list was refused before it queued."""
        self._shed_rows.labels(priority.value).inc(rows)

    def dropped(self, *, rows: int, cause: DropCause) -> None:
        """Admitted rows left the queue without a run."""
        self._dropped_rows.labels(cause.value).inc(rows)

    def finished(self, batch: BatchReport) -> None:
        """A run ended, well or not."""
        self.batches_run += 1
        self._batches.inc()
        self._batch_rows.observe(batch.rows)
        self._padded_tokens.inc(batch.rows * batch.bucket_tokens)
        self._row_tokens.inc(batch.row_tokens)
        self._queue_s.observe(batch.queue_ns / NS_PER_S)
        self._compute_s.observe(batch.compute_ns / NS_PER_S)
        if batch.failed_rows:
            self._failed_rows.inc(batch.failed_rows)

    def load_changed(self, *, waiting_rows: int, waiting_tokens: int, running: int) -> None:
        """The queue or the number of running batches changed."""
        self._load = (waiting_rows, waiting_tokens, running)

    # The cache outside the process.

    def remote_read(
        self, layer: str, *, hits: int, misses: int, unanswered: int, seconds: float
    ) -> None:
        """Keys were asked for."""
        outcomes = (("hit", hits), ("miss", misses), ("unanswered", unanswered))
        for outcome, count in outcomes:
            if count:
                self._remote_keys.labels(layer, outcome).inc(count)
        self._remote_s.labels(layer).observe(seconds)

    def remote_corrupt(self, layer: str, values: int) -> None:
        """Values were garbage or another key's."""
        self._remote_corrupt.labels(layer).inc(values)

    def remote_failed(self, side: Side, kind: FailureKind) -> None:
        """An exchange with the server failed."""
        self._remote_failures.labels(side.value, kind.value).inc()

    def remote_breaker(self, side: Side, state: BreakerState) -> None:
        """A breaker changed its state."""
        self._remote_breaker.labels(side.value).set(_BREAKER_LEVELS[state])

    def remote_written(self, values: int) -> None:
        """The server took values."""
        self._remote_written.inc(values)

    def remote_dropped(self, values: int, cause: RemoteDropCause) -> None:
        """Values will never be written."""
        self._remote_dropped.labels(cause.value).inc(values)

    # Triton.

    def triton_called(self, target: str, *, outcome: str) -> None:
        """A batch that was sent to a server has ended."""
        self._triton_batches.labels(target, outcome).inc()

    def triton_retried(self, target: str) -> None:
        """A batch was sent once more."""
        self._triton_retries.labels(target).inc()

    def triton_endpoints(self, states: Mapping[EndpointState, int]) -> None:
        """So many servers are in each state."""
        for state, servers in states.items():
            self._triton_servers.labels(state.value).set(servers)

    # The feature store.

    def features_fetched(self, entity: Entity, report: FetchReport) -> None:
        """Ids were asked for."""
        for outcome, count in (
            ("cache", report.cached),
            ("store", report.stored),
            ("stale", report.stale),
            ("late", report.late),
        ):
            if count:
                self._feature_ids.labels(entity.value, outcome).inc(count)
        if report.absent:
            self._feature_absent.labels(entity.value).inc(report.absent)

    def feature_cache_changed(self, *, size_bytes: int, entries: int) -> None:
        """The cache in process changed."""
        self._feature_bytes.set(size_bytes)
        self._feature_entries.set(entries)

    # The process.

    def model_loaded(self, *, name: str, version: str, graph: str, manifest_sha256: str) -> None:
        """Say what serves."""
        self._model.info(
            {"name": name, "version": version, "graph": graph, "manifest_sha256": manifest_sha256}
        )

    def warmed_up(self, seconds: float) -> None:
        """Warm-up is done."""
        self._warm_up_s.set(seconds)

    def loop_lagged(self, seconds: float) -> None:
        """The event loop ran a timer this long after its time."""
        self._loop_lag_s.observe(seconds)

    def serving_changed(self, *, serving: bool) -> None:
        """Health changed."""
        self._serving.set(1 if serving else 0)

    def watch_cache(self, tokens: TokenCache) -> None:
        """Read the token cache whenever metrics are read."""
        self.registry.register(_CacheCollector(tokens))

    def watch_scores(self, cache: ScoreCache | None, flights: Flights) -> None:
        """Read the score cache, if there is one, and coalescing whenever metrics are read."""
        self.registry.register(_ScoreCollector(cache, flights))

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.meaning, metric.labels, registry=self.registry)

    def _gauge(self, metric: Metric) -> Gauge:
        return Gauge(metric.name, metric.meaning, metric.labels, registry=self.registry)

    def _histogram(self, metric: Metric) -> Histogram:
        return Histogram(
            metric.name,
            metric.meaning,
            metric.labels,
            buckets=metric.bounds,
            registry=self.registry,
        )


class _CacheCollector(Collector):
    """Reads a TokenCache's plain integers, which is safe from the metrics thread."""

    def __init__(self, cache: TokenCache) -> None:
        self._cache = cache

    def collect(self) -> Iterator[Family]:
        """Yield the cache's three metrics."""
        hits, misses, size = names.CACHE_HITS, names.CACHE_MISSES, names.CACHE_BYTES
        yield CounterMetricFamily(hits.name, hits.meaning, self._cache.hits)
        yield CounterMetricFamily(misses.name, misses.meaning, self._cache.misses)
        yield GaugeMetricFamily(size.name, size.meaning, self._cache.size_bytes)


class _ScoreCollector(Collector):
    """Reads plain integers of the score cache and the flights, which is safe from any thread."""

    def __init__(self, cache: ScoreCache | None, flights: Flights) -> None:
        self._cache = cache
        self._flights = flights

    def collect(self) -> Iterator[Family]:
        """Yield what is known; a cache that is off yields nothing."""
        counts = [(names.COALESCED_ROWS, self._flights.coalesced)]
        gauges = [(names.ROWS_IN_FLIGHT, len(self._flights))]
        if (cache := self._cache) is not None:
            counts += [
                (names.SCORE_HITS, cache.hits),
                (names.SCORE_MISSES, cache.misses),
                (names.SCORE_STALE, cache.stale),
                (names.SCORE_EVICTED, cache.evicted),
            ]
            gauges.append((names.SCORE_BYTES, cache.size_bytes))
        for metric, value in counts:
            yield CounterMetricFamily(metric.name, metric.meaning, value)
        for metric, value in gauges:
            yield GaugeMetricFamily(metric.name, metric.meaning, value)
