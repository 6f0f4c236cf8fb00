"""A histogram for the way of a request: a binary search and two additions, a third of a us.

The library's takes a lock a number and searches bounds one by one, six times a batch.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_service.telemetry.names import Metric


class Series:
    """The values under one set of labels; counts are of each bucket alone."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count a value. For one thread alone; any other may read meanwhile."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class Histogram(Collector):
    """A metric of the catalogue. Written by one thread, the event loop's; read by any."""

    def __init__(self, metric: Metric) -> None:
        """Start empty; without labels it is there from the begin, with zeros."""
        self._metric = metric
        self._series: dict[tuple[str, ...], Series] = {}
        if not metric.labels:
            self.observe = self.labels().observe

    def labels(self, *values: str) -> Series:
        """Return the series of label values, in the catalogue's order."""
        series = self._series.get(values)
        if series is None:
            series = self._series[values] = Series(self._metric.bounds)
        return series

    def collect(self) -> Iterator[Family]:
        """Yield the metric."""
        metric, name = self._metric, self._metric.name
        family = Family(name, metric.meaning, "histogram")
        bounds = (*map(floatToGoString, metric.bounds), "+Inf")
        for values, series in self._series.copy().items():
            labels = dict(zip(metric.labels, values, strict=True))
            counts = list(accumulate(series.counts))
            for bound, count in zip(bounds, counts, strict=True):
                family.add_sample(f"{name}_bucket", {**labels, "le": bound}, count)
            family.add_sample(f"{name}_count", labels, counts[-1])
            family.add_sample(f"{name}_sum", labels, series.total)
        yield family
