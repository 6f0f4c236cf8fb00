"""How fast each candidate is: short, alternating rounds, so that all see the same machine."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_export.chunks import full_chunk
from ctr_service.bundle.manifest import MeasuredCost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_export.chunks import Chunk
    from ctr_export.pool import SessionPool
    from ctr_service.bundle.manifest import Layout

ROUNDS = 5
COST_REPEATS = 3
LEAST_SECONDS = 1e-9
"""A clock's resolution; keeps a speed finite."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Median speed over rounds.

    Attributes:
        pairs_per_second: the median.
        noise: half the range between the quartiles, relative to the median.
    """

    pairs_per_second: float
    noise: float


def measure_speeds(
    pools: Mapping[str, SessionPool], chunks: Sequence[Chunk], *, rounds: int = ROUNDS
) -> dict[str, Speed]:
    """Time every pool on the same chunks, in alternating rounds, after one round of warm-up.

    Every other round runs backwards, so that a drift of the machine favours no place in the order.

    Raises:
        BackendFailedError: an engine failed.
    """
    pairs = sum(len(chunk.indices) for chunk in chunks)
    names = list(pools)
    seen: dict[str, list[float]] = {name: [] for name in names}
    for pool in pools.values():
        pool.run(chunks)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            seen[name].append(pairs / max(pools[name].run(chunks).seconds, LEAST_SECONDS))
    return {name: _speed(values) for name, values in seen.items()}


def measure_costs(
    pool: SessionPool, layout: Layout, *, repeats: int = COST_REPEATS
) -> tuple[MeasuredCost, ...]:
    """Time one row and a full batch of every bucket, all sessions busy with the same, as in load.

    Args:
        pool: of the layout.
        layout: what will serve.
        repeats: runs a session; a first pass is warm-up and does not count.

    Raises:
        BackendFailedError: the engine failed.
    """
    costs: list[MeasuredCost] = []
    for bucket in layout.buckets_tokens:
        for rows in sorted({1, layout.max_batch_tokens // bucket}):
            chunk = full_chunk(rows, bucket)
            pool.run([chunk] * layout.sessions)
            seconds = pool.run([chunk] * (layout.sessions * repeats)).chunk_seconds
            median = max(statistics.median(seconds), LEAST_SECONDS)
            costs.append(MeasuredCost(bucket_tokens=bucket, rows=rows, seconds=median))
    return tuple(costs)


def _speed(values: list[float]) -> Speed:
    median = statistics.median(values)
    if len(values) < 2:  # noqa: PLR2004 -- quartiles need two values
        return Speed(median, 0.0)
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return Speed(median, (high - low) / 2 / median)
