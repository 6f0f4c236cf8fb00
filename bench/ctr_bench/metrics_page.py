"""Reading the gateway's /metrics: a histogram's buckets, and percentiles of what came between."""

from __future__ import annotations

import math
import urllib.request
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Buckets: TypeAlias = Mapping[float, float]
    """Upper bound -> how many values lie at or below it."""

READ_S = 10.0


def read_page(port: int) -> str:
    """Return the text of /metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=READ_S) as answer:
        return str(answer.read().decode())


def total_of(page: str, name: str, labels: Mapping[str, str] | None = None) -> float:
    """Return the sum of a metric's samples that have the labels; 0 when there are none."""
    wanted = (labels or {}).items()
    return sum(
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name and wanted <= sample.labels.items()
    )


def read_with_exemplars(port: int) -> bytes:
    """Return /metrics as Prometheus asks for it."""
    ask = urllib.request.Request(
        f"http://127.0.0.1:{port}/metrics",
        headers={"Accept": "application/openmetrics-text; version=1.0.0"},
    )
    with urllib.request.urlopen(ask, timeout=READ_S) as answer:  # noqa: S310 -- our own endpoint
        return bytes(answer.read())


def buckets_of(page: str, histogram: str, labels: Mapping[str, str]) -> Buckets:
    """Return a histogram's cumulative counts; empty when it has seen nothing under the labels."""
    found: dict[float, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == f"{histogram}_bucket" and labels.items() <= sample.labels.items():
                bound = float(sample.labels["le"])
                found[bound] = found.get(bound, 0.0) + sample.value
    return found


def between(before: Buckets, after: Buckets) -> Buckets:
    """Return the counts of what came after `before`."""
    return {bound: count - before.get(bound, 0.0) for bound, count in after.items()}


def quantile(buckets: Buckets, share: float) -> float:
    """Return a quantile, straight between the bounds of its bucket, as Prometheus does.

    Args:
        buckets: cumulative counts.
        share: in (0, 1].

    Returns:
        The histogram's greatest finite bound when the quantile lies beyond it; NaN of no values.
    """
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if not total:
        return math.nan
    wanted = share * total
    low, below = 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= wanted:
            if math.isinf(bound):
                return low
            return low + (bound - low) * (wanted - below) / (buckets[bound] - below)
        low, below = bound, buckets[bound]
    return low
