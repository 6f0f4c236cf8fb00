"""How fast each candidate is: short, alternating rounds, so that all see the same machine."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ctr_export.chunks import full_chunk
from ctr_service.bundle.manifest import MeasuredCost

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from ctr_export.chunks import Chunk
    from ctr_export.pool import SessionPool
    from ctr_service.bundle.manifest import Layout

_Name = TypeVar("_Name", bound="Hashable")

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


class Contender(NamedTuple):
    """What takes a turn: a pool, and the chunks that it is timed on."""

    pool: SessionPool
    chunks: Sequence[Chunk]


def measure_speeds(
    pools: Mapping[str, SessionPool], chunks: Sequence[Chunk], *, rounds: int = ROUNDS
) -> dict[str, Speed]:
    """Time every pool on the same chunks; see `measure_in_turn`.

    Raises:
        BackendFailedError: an engine failed.
    """
    contenders = {name: Contender(pool, chunks) for name, pool in pools.items()}
    return measure_in_turn(contenders, rounds=rounds)


def measure_in_turn(
    contenders: Mapping[_Name, Contender], *, rounds: int = ROUNDS
) -> dict[_Name, Speed]:
    """Time every contender, in alternating rounds, after one round of warm-up.

    Every other round runs backwards, so that a drift of the machine favours no place in the order.

    Raises:
        BackendFailedError: an engine failed.
    """
    names = list(contenders)
    seen: dict[_Name, list[float]] = {name: [] for name in names}
    for pool, chunks in contenders.values():
        pool.run(chunks)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            pool, chunks = contenders[name]
            pairs = sum(len(chunk.indices) for chunk in chunks)
            seen[name].append(pairs / max(pool.run(chunks).seconds, LEAST_SECONDS))
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
