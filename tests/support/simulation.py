"""The queue, the cost model and admission in simulated time: no engine, no loop, no waiting."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field

import numpy as np

from ctr_service.backend.base import Cost
from ctr_service.batcher.admission import Load, decide
from ctr_service.batcher.cost import CostModel
from ctr_service.batcher.lane import QueuedList
from ctr_service.batcher.queue import BatchQueue, FormedBatch
from ctr_service.types import Priority

START_S, TOKEN_S = 1e-3, 0.1e-3
"""About what MiniLM in int8 costs on one core: a start is worth ten tokens."""
NOISE = 0.05
SLOTS = 2
BUCKETS = tuple(range(8, 49, 2))
MAX_BATCH_TOKENS = 512
LIST_ROWS = 16
MIN_LENGTH, MAX_LENGTH = 10, 45
BOUND_ROWS_S = SLOTS / (TOKEN_S * (MIN_LENGTH + MAX_LENGTH) / 2 + START_S / LIST_ROWS)
"""Rows a second of an engine that wastes nothing, in runs of sixteen rows."""


@dataclass
class Simulated:
    """What became of the lists.

    Attributes:
        seconds: simulated time until the last arrival.
        took_s: of each list that was admitted and completed, from arrival to its last row.
    """

    lists: int
    seconds: float = 0.0
    refused: int = 0
    took_s: list[float] = field(default_factory=list)

    def goodput(self, allowed_s: float) -> float:
        """Return the rows a second of lists complete in time, as a share of the bound."""
        in_time = sum(1 for took_s in self.took_s if took_s <= allowed_s)
        return in_time * LIST_ROWS / self.seconds / BOUND_ROWS_S


def simulate(load: float, *, lists: int, allowed_s: float, seed: int = 0) -> Simulated:
    """Serve Poisson arrivals of lists at `load` times the bound, each with `allowed_s` to live."""
    rng = np.random.default_rng(seed)
    costs = [
        Cost(bucket, rows, START_S + TOKEN_S * bucket * rows)
        for bucket in BUCKETS
        for rows in (1, MAX_BATCH_TOKENS // bucket)
    ]
    server = _Server(CostModel(costs), rng)
    result = Simulated(lists)
    gaps_s = rng.exponential(LIST_ROWS / (load * BOUND_ROWS_S), lists)
    for arrival_ns in (np.cumsum(gaps_s) * 1e9).astype(int).tolist():
        server.run_until(arrival_ns)
        result.refused += not server.arrive(arrival_ns, round(allowed_s * 1e9))
        result.seconds = arrival_ns / 1e9
    server.run_until(1 << 62)
    result.took_s = server.took_s
    return result


class _Server:
    def __init__(self, cost: CostModel, rng: np.random.Generator) -> None:
        self._cost = cost
        self._rng = rng
        self._queue: BatchQueue[QueuedList] = BatchQueue(
            buckets_tokens=BUCKETS, max_batch_tokens=MAX_BATCH_TOKENS, max_queued_tokens=10**7
        )
        self._numbers = itertools.count()
        self._ends: list[tuple[int, int, FormedBatch[QueuedList], float]] = []
        self._missing: dict[QueuedList, int] = {}
        self.took_s: list[float] = []

    def arrive(self, now_ns: int, allowed_ns: int) -> bool:
        lengths = self._rng.integers(MIN_LENGTH, MAX_LENGTH + 1, LIST_ROWS).tolist()
        buckets = self._queue.buckets_of(lengths)
        deadline_ns = now_ns + allowed_ns
        load = Load(
            tokens_before=self._queue.tokens_before(
                Priority.INTERACTIVE, sum(buckets), deadline_ns, now_ns
            ),
            running_seconds=sum(max(0, end_ns - now_ns) for end_ns, *_ in self._ends) / 1e9,
            slots=SLOTS,
            idle=len(self._ends) < SLOTS and not self._queue.waiting_rows,
        )
        if decide(buckets, allowed_ns, load, self._cost).rows < LIST_ROWS:
            return False
        entry = QueuedList(deadline_ns, now_ns, Priority.INTERACTIVE)
        self._missing[entry] = LIST_ROWS
        self._queue.push(entry, buckets)
        self._dispatch(now_ns)
        return True

    def run_until(self, until_ns: int) -> None:
        while self._ends and self._ends[0][0] <= until_ns:
            now_ns, _, batch, seconds = heapq.heappop(self._ends)
            self._cost.observe(
                bucket_tokens=batch.bucket_tokens,
                rows=batch.rows,
                queued_tokens=batch.queued_tokens,
                seconds=seconds,
            )
            for entry, places in batch.parts:
                self._missing[entry] -= len(places)
                if not self._missing[entry]:
                    self.took_s.append((now_ns - entry.enqueued_ns) / 1e9)
            self._dispatch(now_ns)

    def _dispatch(self, now_ns: int) -> None:
        self._queue.pop_expired(now_ns)
        while (free := SLOTS - len(self._ends)) > 0:
            batch = self._queue.next_batch(
                free_slots=free, overhead_tokens=self._cost.overhead_tokens
            )
            if batch is None:
                break
            slowed = 1 + abs(self._rng.normal(0, NOISE))
            seconds = (START_S + TOKEN_S * batch.padded_tokens) * slowed
            end_ns = now_ns + round(seconds * 1e9)
            heapq.heappush(self._ends, (end_ns, next(self._numbers), batch, seconds))
