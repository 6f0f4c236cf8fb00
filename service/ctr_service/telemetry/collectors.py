"""Metrics that are read from objects' own counts whenever somebody asks for metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from ctr_service.telemetry import names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    from prometheus_client.metrics_core import Metric as Family

    from ctr_service.generations import Generations
    from ctr_service.scores.cache import ScoreCache
    from ctr_service.scores.flights import Flights

    Counted: TypeAlias = Generations[Any, Any]


class GenerationsCollector(Collector):
    """Reads plain integers of the caches of two generations, which is safe from any thread."""

    def __init__(self, tokens: Counted, items: Counted) -> None:
        self._caches = (
            (tokens, names.CACHE_HITS, names.CACHE_MISSES, names.CACHE_BYTES),
            (items, names.ITEM_HITS, names.ITEM_MISSES, names.ITEM_BYTES),
        )

    def collect(self) -> Iterator[Family]:
        """Yield the three metrics of each cache."""
        for cache, hits, misses, size in self._caches:
            yield CounterMetricFamily(hits.name, hits.meaning, cache.hits)
            yield CounterMetricFamily(misses.name, misses.meaning, cache.misses)
            yield GaugeMetricFamily(size.name, size.meaning, cache.size_bytes)


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
