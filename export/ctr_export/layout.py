"""Length buckets, batch size and sessions: what runs fastest on this machine."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ctr_export.chunks import Chunk, sorted_chunks
from ctr_export.measure import Contender, Speed, measure_in_turn
from ctr_export.pool import SessionPool
from ctr_service.backend.opening import sessions_opener
from ctr_service.bundle.manifest import Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_service.bundle.template import InputTemplate
    from ctr_service.clock import Clock
    from ctr_service.types import Row

STEP_TOKENS = 2
"""Buckets are multiples of this. Rows are multiplied as one matrix of rows x bucket lines, which is
large beside a kernel's block of 8 or 16, so a finer step saves padding and costs nothing."""
SHORTEST_TOKENS = 8
"""The first bucket: `[CLS]`, `[SEP]` and a few word pieces."""
MOST_GROWTH = 13 / 12
"""A bucket is at most so many times the one before, where the step allows: so no row pads by more
than a twelfth, whatever lengths come. Buckets fitted to the log's own lengths padded other traffic
on the same model by 10 %."""
USUAL_ROWS = 16
BATCH_ROWS = (4, 8, USUAL_ROWS, 32)
"""Rows of the median length in a batch, to be tried."""
GATEWAY_S_A_BATCH = 0.8e-3
"""What the gateway's event loop takes of a core to form a batch, hand it over and deliver it while
the engine keeps every core busy: the engine alone does not see it."""
GOOD_ENOUGH = 0.99
"""The smallest batch within this share of the best speed wins: small batches split over idle
sessions and let an urgent request in sooner. At 0.97 batches of 8 rows won, which served 5 to 10 %
less than 16 on a saturated gateway and no more within the SLO."""
SHARED_SESSION_GAIN = 1.15
"""Sessions of several threads must be so much faster than those of one. Timed alone they looked
equal within noise and were chosen once; served, in turn at half load, the median list took 1.6
times as long (1.42 to 1.73): a batch at a time leaves no session for the next list."""
MOST_BATCH_S = 0.05
MOST_BATCH_LISTS = 1.5
"""A batch takes no longer than 50 ms, or than one and a half lists of 16 on the whole machine where
that is more, if a smaller one can be had: who comes just after it has begun waits for its end."""
LAYOUT_ROUNDS = 9
"""Measured one after another, three rounds each, a neighbour on the machine chose: 208 tokens gave
513 pairs/s between 796 for 104 and 871 for 832."""
MOST_TIMED_SESSIONS = 4
"""Sessions while candidates are compared: each loads every graph once, which costs memory."""


class RunsOn(Protocol):
    """Says which engine runs a graph, and at which precision: a candidate, or a bundle's entry."""

    @property
    def engine(self) -> str: ...  # noqa: D102 -- as in the manifest

    @property
    def precision(self) -> str: ...  # noqa: D102 -- as in the manifest


@dataclass(frozen=True, slots=True)
class TriedLayout:
    """A layout and its speed, for the report.

    Attributes:
        speed: of the engine alone.
        rows_a_batch: mean of the batches that were timed.
    """

    layout: Layout
    speed: Speed
    rows_a_batch: float

    @property
    def served_pairs_s(self) -> float:
        """Pairs a second with the gateway's share of the cores taken off."""
        cores = self.layout.sessions * self.layout.threads_a_session
        return 1 / (1 / self.speed.pairs_per_second + GATEWAY_S_A_BATCH / self.rows_a_batch / cores)

    @property
    def batch_s(self) -> float:
        """What a batch takes while every session is busy."""
        return self.rows_a_batch * self.layout.sessions / self.speed.pairs_per_second


def bucket_ladder(longest_tokens: int) -> tuple[int, ...]:
    """Return the lengths to pad to: rising in even steps, then by a twelfth at most.

    Traffic need not look like the log, so the ladder does not look at the log's lengths. It holds
    20 buckets for rows of up to 46 tokens, 54 for 512; each costs the warm-up a few runs.

    Args:
        longest_tokens: the longest row that may come; the last bucket.
    """
    buckets: list[int] = []
    bucket = SHORTEST_TOKENS
    while bucket < longest_tokens:
        buckets.append(bucket)
        grown = int(bucket * MOST_GROWTH) // STEP_TOKENS * STEP_TOKENS
        bucket = max(bucket + STEP_TOKENS, grown)
    return (*buckets, longest_tokens)


def usual_layout(
    lengths: NDArray[np.int64], longest_tokens: int, *, cores: int, rows: int = USUAL_ROWS
) -> Layout:
    """Return the layout to compare candidates in: a session a core, `rows` median rows a batch."""
    buckets = bucket_ladder(longest_tokens)
    median = buckets[int(np.searchsorted(buckets, np.median(lengths)))]
    return Layout(
        buckets_tokens=buckets,
        max_batch_tokens=max(rows * median, longest_tokens),
        sessions=cores,
        threads_a_session=1,
    )


def comparing_layout(lengths: NDArray[np.int64], template: InputTemplate, *, cores: int) -> Layout:
    """Return the layout that candidates are timed and judged in.

    Args:
        lengths: of the held-out test rows, in tokens.
        template: says how long a row can get.
        cores: that may be used.
    """
    sessions = min(cores, MOST_TIMED_SESSIONS)
    return usual_layout(lengths, template.max_row_tokens, cores=sessions)


def candidate_layouts(
    lengths: NDArray[np.int64], longest_tokens: int, *, cores: int, skips_padding: bool
) -> list[Layout]:
    """Return layouts that use `cores` cores: several batch sizes, many small or few large sessions.

    The splits of the cores are tried at the usual batch size only; that keeps the sweep short.

    A graph that skips padding is served list by list, a share for every session, and the budget
    only bounds long lists and deep queues: less than a usual list would cut its shares once more.
    """
    sizes = [rows for rows in BATCH_ROWS if rows >= USUAL_ROWS or not skips_padding]
    layouts = [usual_layout(lengths, longest_tokens, cores=cores, rows=rows) for rows in sizes]
    usual = usual_layout(lengths, longest_tokens, cores=cores)
    splits = [
        (cores // threads, threads)
        for threads in sorted({2, cores})
        if threads > 1 and cores % threads == 0
    ]
    layouts += [
        usual.model_copy(update={"sessions": sessions, "threads_a_session": threads})
        for sessions, threads in splits
    ]
    return list(dict.fromkeys(layouts))


def measure_layouts(
    rows: Sequence[Row],
    layouts: Sequence[Layout],
    open_graph: Callable[[Layout], SessionPool],
    *,
    pad_id: int,
) -> list[TriedLayout]:
    """Time a graph in each layout, on its own batches of the same rows, in alternating rounds.

    Layouts that split the cores alike share their sessions: a batch's size is no part of them.
    """
    with contextlib.ExitStack() as stack:
        pools: dict[tuple[int, int], SessionPool] = {}
        contenders: dict[int, Contender] = {}
        for index, layout in enumerate(layouts):
            split = (layout.sessions, layout.threads_a_session)
            if split not in pools:
                pools[split] = stack.enter_context(open_graph(layout))
            chunks = layout_chunks(rows, layout, pad_id=pad_id)
            contenders[index] = Contender(pools[split], chunks)
        speeds = measure_in_turn(contenders, rounds=LAYOUT_ROUNDS)
    return [
        TriedLayout(layout, speeds[index], len(rows) / len(contenders[index].chunks))
        for index, layout in enumerate(layouts)
    ]


def choose_layout(tried: Sequence[TriedLayout]) -> Layout:
    """Choose the smallest batch among the layouts that serve fastest.

    None whose batches take too long counts, unless all do. Nor one of fewer sessions than another
    that is nearly as fast.
    """
    most = max(one.layout.sessions for one in tried)
    apart = max(one.served_pairs_s for one in tried if one.layout.sessions == most)
    tried = [
        one
        for one in tried
        if one.layout.sessions == most or one.served_pairs_s >= SHARED_SESSION_GAIN * apart
    ]
    shortest_s = min(one.batch_s for one in tried)
    list_s = USUAL_ROWS / max(one.speed.pairs_per_second for one in tried)
    most_s = max(MOST_BATCH_S, MOST_BATCH_LISTS * list_s, shortest_s)
    short = [one for one in tried if one.batch_s <= most_s]
    fastest = max(one.served_pairs_s for one in short)
    good = [one for one in short if one.served_pairs_s >= GOOD_ENOUGH * fastest]
    best = min(good, key=lambda one: (one.layout.max_batch_tokens, -one.layout.sessions))
    return best.layout


def open_pool(which: RunsOn, path: Path, layout: Layout, *, clock: Clock) -> SessionPool:
    """Load a graph into its engine as a layout says, by the code that serves.

    Raises:
        EngineUnavailableError: the engine is not installed, or this CPU cannot run it.
        BundleError: the engine cannot load the graph.
    """
    open_sessions = sessions_opener(which.engine, which.precision)
    sessions = open_sessions(path, sessions=layout.sessions, threads=layout.threads_a_session)
    return SessionPool(sessions, clock=clock)


def layout_chunks(rows: Sequence[Row], layout: Layout, *, pad_id: int) -> list[Chunk]:
    """Pack rows as a layout says."""
    return sorted_chunks(
        rows,
        buckets_tokens=layout.buckets_tokens,
        max_batch_tokens=layout.max_batch_tokens,
        pad_id=pad_id,
    )
