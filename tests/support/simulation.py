"""The queue, the cost model and admission in simulated time: no engine, no loop, no waiting."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ctr_service.backend.base import Cost
from ctr_service.batcher.admission import Load, decide
from ctr_service.batcher.by_length import LengthPacking
from ctr_service.batcher.by_list import ListPacking
from ctr_service.batcher.cost import CostModel
from ctr_service.batcher.lane import QueuedList
from ctr_service.batcher.packing import Slots
from ctr_service.batcher.queue import BatchQueue
from ctr_service.types import Priority

if TYPE_CHECKING:
    from ctr_service.batcher.formed import FormedBatch
    from ctr_service.batcher.packing import Packing

START_S, TOKEN_S = 1e-3, 0.1e-3
"""About what MiniLM in int8 costs on one core: a start is worth ten tokens."""
NOISE = 0.05
SLOTS = 2
BUCKETS = tuple(range(8, 49, 2))
MAX_BATCH_TOKENS = 512
LIST_ROWS = 16
MIN_LENGTH, MAX_LENGTH = 10, 45


@dataclass(frozen=True)
class Graph:
    """A kind of graph, and what its runs cost.

    Attributes:
        skips_padding: it computes padding in attention alone.
        square_tokens: what attention adds to a row, times the square of the batch's length.
    """

    skips_padding: bool
    square_tokens: float = 0.0

    def seconds(self, bucket: int, rows: int, own_tokens: int) -> float:
        """Return what a run takes on an idle machine."""
        linear = own_tokens if self.skips_padding else rows * bucket
        return START_S + TOKEN_S * (linear + self.square_tokens * rows * bucket**2)

    @property
    def bound_rows_s(self) -> float:
        """Rows a second of an engine that wastes nothing, in runs of sixteen rows."""
        lengths = np.arange(MIN_LENGTH, MAX_LENGTH + 1)
        tokens = float((lengths + self.square_tokens * lengths**2).mean())
        return SLOTS / (TOKEN_S * tokens + START_S / LIST_ROWS)

    def packing(self) -> Packing:
        """Return how its batches are filled."""
        if self.skips_padding:
            return ListPacking(MAX_BATCH_TOKENS)
        return LengthPacking(BUCKETS, MAX_BATCH_TOKENS)


PADDED = Graph(skips_padding=False)
UNPADDED = Graph(skips_padding=True, square_tokens=0.0014)
"""The square's cost is about that of MiniLM in float32, measured on batches of 16 rows."""


@dataclass
class Simulated:
    """What became of the lists.

    Attributes:
        seconds: simulated time until the last arrival.
        took_s: of each list that was admitted and completed, from arrival to its last row.
    """

    lists: int
    graph: Graph
    seconds: float = 0.0
    refused: int = 0
    took_s: list[float] = field(default_factory=list)

    def goodput(self, allowed_s: float) -> float:
        """Return the rows a second of lists complete in time, as a share of the bound."""
        in_time = sum(1 for took_s in self.took_s if took_s <= allowed_s)
        return in_time * LIST_ROWS / self.seconds / self.graph.bound_rows_s


def simulate(
    load: float, *, lists: int, allowed_s: float, graph: Graph = PADDED, seed: int = 0
) -> Simulated:
    """Serve Poisson arrivals of lists at `load` times the bound, each with `allowed_s` to live."""
    rng = np.random.default_rng(seed)
    costs = [
        Cost(bucket, rows, graph.seconds(bucket, rows, bucket * rows))
        for bucket in BUCKETS
        for rows in (1, MAX_BATCH_TOKENS // bucket)
    ]
    server = _Server(graph, CostModel(costs, skips_padding=graph.skips_padding), rng)
    result = Simulated(lists, graph)
    gaps_s = rng.exponential(LIST_ROWS / (load * graph.bound_rows_s), lists)
    for arrival_ns in (np.cumsum(gaps_s) * 1e9).astype(int).tolist():
        server.run_until(arrival_ns)
        result.refused += not server.arrive(arrival_ns, round(allowed_s * 1e9))
        result.seconds = arrival_ns / 1e9
    server.run_until(1 << 62)
    result.took_s = server.took_s
    return result


class _Server:
    def __init__(self, graph: Graph, cost: CostModel, rng: np.random.Generator) -> None:
        self._graph = graph
        self._cost = cost
        self._rng = rng
        self._queue: BatchQueue[QueuedList] = BatchQueue(
            buckets_tokens=BUCKETS,
            max_batch_tokens=MAX_BATCH_TOKENS,
            max_queued_tokens=10**7,
            packing=graph.packing(),
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
                Priority.INTERACTIVE, sum(buckets), deadline_ns, now_ns, self._cost.price
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
            batch = self._queue.next_batch(Slots(SLOTS, free), self._cost.price)
            if batch is None:
                break
            slowed = 1 + abs(self._rng.normal(0, NOISE))
            seconds = slowed * self._graph.seconds(
                batch.bucket_tokens, batch.rows, batch.queued_tokens
            )
            end_ns = now_ns + round(seconds * 1e9)
            heapq.heappush(self._ends, (end_ns, next(self._numbers), batch, seconds))
