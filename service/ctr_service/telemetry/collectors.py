"""Metrics that are read from objects' own counts whenever somebody asks for metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from ctr_service.telemetry import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric as Family

    from ctr_service.bundle.token_cache import TokenCache
    from ctr_service.scores.cache import ScoreCache
    from ctr_service.scores.flights import Flights


class TokenCacheCollector(Collector):
    """Reads a TokenCache's plain integers, which is safe from the metrics thread."""

    def __init__(self, cache: TokenCache) -> None:
        self._cache = cache

    def collect(self) -> Iterator[Family]:
        """Yield the cache's three metrics."""
        hits, misses, size = names.CACHE_HITS, names.CACHE_MISSES, names.CACHE_BYTES
        yield CounterMetricFamily(hits.name, hits.meaning, self._cache.hits)
        yield CounterMetricFamily(misses.name, misses.meaning, self._cache.misses)
        yield GaugeMetricFamily(size.name, size.meaning, self._cache.size_bytes)


class ScoreCollector(Collector):
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
                (names.SCORE_REFRESHED, cache.refreshed),
                (names.SCORE_NEGATIVE, cache.failures.refused),
            ]
            gauges.append((names.SCORE_BYTES, cache.size_bytes))
        for metric, value in counts:
            yield CounterMetricFamily(metric.name, metric.meaning, value)
        for metric, value in gauges:
            yield GaugeMetricFamily(metric.name, metric.meaning, value)
