"""Counts and durations of server spans, as the Collector's `span_metrics` connector keeps them.

A collector of its own, because a label of such a metric is left out where the span has no such
attribute, which the library's metrics cannot do. `calls` and the histogram are one count, so they
never disagree.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from ctr_service.telemetry.names import span_metrics as names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MODEL_VERSION, DEGRADED, RPC_STATUS = map(names.label_of, names.DIMENSIONS)


class SpanKey(NamedTuple):
    """What a span is counted under; None is an attribute that it has not.

    Attributes:
        status: UNSET or ERROR of `names.span_metrics`.
        degraded: "true" or "false".
    """

    span_name: str
    status: str
    model_version: str | None
    degraded: str | None
    rpc_status: str | None


class SpanIds(NamedTuple):
    """A trace that can be looked up: hexadecimal ids."""

    trace_id: str
    span_id: str


class _Series:
    """One key's durations; counts are of each bucket alone, the last one is beyond all bounds."""

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.exemplars: list[Exemplar | None] = [None] * buckets
        self.sum_ms = 0.0


class SpanMetrics(Collector):
    """Observed on the event loop, collected on the metrics thread."""

    def __init__(
        self,
        service_name: str,
        *,
        bounds_ms: Sequence[float] = names.DURATION_MS.bounds,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """Start without a series.

        Args:
            service_name: of the resource.
            bounds_ms: rising upper bounds of the buckets.
            wall_s: seconds since 1970, for exemplars.
        """
        self._service_name = service_name
        self._bounds_ms = tuple(bounds_ms)
        self._wall_s = wall_s
        self._series: dict[SpanKey, _Series] = {}
        self._lock = threading.Lock()

    def observe(self, key: SpanKey, duration_ms: float, ids: SpanIds | None) -> None:
        """Count a span that ended.

        Args:
            key: what to count it under.
            duration_ms: its length.
            ids: where its trace can be looked up; None when it is not exported.
        """
        bucket = bisect_left(self._bounds_ms, duration_ms)
        with self._lock:
            series = self._series.get(key)
            if series is None:
                series = self._series[key] = _Series(len(self._bounds_ms) + 1)
            series.counts[bucket] += 1
            series.sum_ms += duration_ms
            if ids is not None:
                series.exemplars[bucket] = Exemplar(ids._asdict(), duration_ms, self._wall_s())

    def collect(self) -> Iterator[Family]:
        """Yield both families."""
        calls = Family(names.CALLS.name, names.CALLS.meaning, "counter")
        durations = Family(
            names.DURATION_MS.name, names.DURATION_MS.meaning, "histogram", names.DURATION_MS.unit
        )
        with self._lock:
            for key, series in self._series.items():
                self._add(calls, durations, key, series)
        yield calls
        yield durations

    def _add(self, calls: Family, durations: Family, key: SpanKey, series: _Series) -> None:
        labels, name = self._labels(key), names.DURATION_MS.name
        total = sum(series.counts)
        latest = max(
            (one for one in series.exemplars if one is not None),
            key=lambda one: one.timestamp or 0.0,
            default=None,
        )
        calls.add_sample(
            f"{names.CALLS.name}_total", labels, total, exemplar=latest and latest._replace(value=1)
        )
        bounds = (*map(floatToGoString, self._bounds_ms), "+Inf")
        for le, count, exemplar in zip(
            bounds, accumulate(series.counts), series.exemplars, strict=True
        ):
            durations.add_sample(f"{name}_bucket", {**labels, "le": le}, count, exemplar=exemplar)
        durations.add_sample(f"{name}_count", labels, total)
        durations.add_sample(f"{name}_sum", labels, series.sum_ms)

    def _labels(self, key: SpanKey) -> dict[str, str]:
        labels = {
            names.SERVICE_NAME: self._service_name,
            names.SPAN_NAME: key.span_name,
            names.SPAN_KIND: names.SERVER_KIND,
            names.STATUS_CODE: key.status,
        }
        dimensions = {
            MODEL_VERSION: key.model_version,
            DEGRADED: key.degraded,
            RPC_STATUS: key.rpc_status,
        }
        return labels | {name: value for name, value in dimensions.items() if value is not None}
