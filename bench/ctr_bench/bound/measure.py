"""The raw bound: what a graph of the bundle does on this machine with nothing around it.

Rows are tokenised beforehand, sorted by length within windows of several lists, cut into chunks and
padded to each chunk's longest row. The best over thread layouts and chunk sizes counts.
"""

from __future__ import annotations

import itertools
import os
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_bench.bound.chunks import CHUNKS_ROWS, sorted_chunks
from ctr_bench.bound.sessions import name_of, open_sessions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ctr_bench.bound.chunks import Tensors
    from ctr_bench.bound.sessions import Choice
    from ctr_service.backend.sessions import Session
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.types import Row

ROUNDS = 3
"""In which each layout is timed in turn: one that met the machine's fast moment must not win."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to use the machine."""

    sessions: int
    threads: int
    chunk_rows: int

    def __str__(self) -> str:
        return f"{self.sessions} x {self.threads} threads, chunks of {self.chunk_rows}"


@dataclass(frozen=True, slots=True)
class Bound:
    """What was found.

    Attributes:
        graph: graph, engine and precision.
        pairs_s: of the best layout.
        by_layout: pairs a second of each.
    """

    graph: str
    pairs_s: float
    best: Layout
    by_layout: Mapping[Layout, float]


def measure_bound(
    bundle: Bundle,
    lists: Sequence[Sequence[Row]],
    seconds: float,
    chunks_rows: Sequence[int] = CHUNKS_ROWS,
    choice: Choice | None = None,
) -> Bound:
    """Try every layout for `seconds` in all. Blocks.

    Args:
        bundle: has the graph.
        lists: the rows of each list, tokenised.
        seconds: of each layout.
        chunks_rows: rows a batch to try.
        choice: the graph; None is the bundle's default.

    Raises:
        BundleError, BackendFailedError: the graph does not load or run.
    """
    pad_id = bundle.manifest.template.pad_id
    choice = choice or bundle.manifest.default
    cpus = len(os.sched_getaffinity(0))
    ways = dict.fromkeys(((1, cpus), (cpus, 1)))
    opened = {way: open_sessions(bundle, choice, sessions=way[0], threads=way[1]) for way in ways}
    batches = {rows: sorted_chunks(lists, rows, pad_id) for rows in chunks_rows}
    seen: dict[Layout, list[float]] = {Layout(*way, rows): [] for way in ways for rows in batches}
    for _ in range(ROUNDS):
        for layout, rates in seen.items():
            sessions = opened[layout.sessions, layout.threads]
            rates.append(throughput(sessions, batches[layout.chunk_rows], seconds / ROUNDS))
    by_layout = {layout: statistics.fmean(rates) for layout, rates in seen.items()}
    best = max(by_layout, key=by_layout.__getitem__)
    return Bound(name_of(choice), by_layout[best], best, by_layout)


def throughput(sessions: Sequence[Session], batches: Sequence[Tensors], seconds: float) -> float:
    """Return pairs a second: a thread a session, each taking the next batch, over and over.

    Each is counted over its own time: one that ends while the others finish a batch was not idle.
    """
    waiting = _Shared(itertools.cycle(batches))
    for session in sessions:
        session.run(batches[0])

    def work(session: Session) -> float:
        pairs, began_s, took_s = 0, time.perf_counter(), 0.0
        while took_s < seconds:
            batch = waiting.take()
            session.run(batch)
            pairs += _rows_of(batch)
            took_s = time.perf_counter() - began_s
        return pairs / took_s

    with ThreadPoolExecutor(len(sessions)) as pool:
        return sum(pool.map(work, sessions))


class _Shared:
    """An endless iterator that several threads take from."""

    def __init__(self, batches: Iterable[Tensors]) -> None:
        self._batches = iter(batches)
        self._lock = threading.Lock()

    def take(self) -> Tensors:
        with self._lock:
            return next(self._batches)


def _rows_of(batch: Tensors) -> int:
    return len(next(iter(batch.values())))
