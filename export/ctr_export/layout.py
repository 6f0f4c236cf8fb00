"""Length buckets, batch size and sessions: what runs fastest on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_export.chunks import Chunk, sorted_chunks
from ctr_export.measure import Speed, measure_speeds
from ctr_export.pool import SessionPool
from ctr_service.bundle.manifest import Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_service.clock import Clock
    from ctr_service.types import Row

STEP_TOKENS = 2
"""Buckets are multiples of this. Rows are multiplied as one matrix of rows x bucket lines, which is
large beside a kernel's block of 8 or 16, so a finer step saves padding and costs nothing."""
MAX_BUCKETS = 24
WORTHWHILE_SAVING = 0.003
"""A further bucket must save this share of the padded tokens: each one costs warm-up time."""
BATCH_ROWS = (4, 8, 16, 32)
"""Rows of the median length in a batch, to be tried."""
USUAL_ROWS = 16
GOOD_ENOUGH = 0.97
"""The smallest batch within this share of the best speed wins: small batches split over idle
sessions and let an urgent request in sooner."""
LAYOUT_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class TriedLayout:
    """A layout and its speed, for the report."""

    layout: Layout
    speed: Speed


def choose_buckets(lengths: NDArray[np.int64], longest_tokens: int) -> tuple[int, ...]:
    """Choose the lengths to pad to, so that few padded tokens are computed.

    Adds, one bucket at a time, the best set of that many (exact, by dynamic programming), until a
    further one saves less than 0.3 % or there are 24. The last is always `longest_tokens`.

    Args:
        lengths: int64 [rows], what is expected to be served; at least one.
        longest_tokens: the longest row that may come.
    """
    edges = [*range(STEP_TOKENS, longest_tokens, STEP_TOKENS), longest_tokens]
    counts = np.bincount(
        np.searchsorted(edges, np.minimum(lengths, longest_tokens)), minlength=len(edges)
    )
    below = np.concatenate(([0], np.cumsum(counts)))
    count_at_most = below[1:].astype(np.float64)
    cost = np.array(edges) * count_at_most  # one bucket: all rows up to an edge padded to it
    came_from: list[NDArray[np.int64]] = []
    best = float(cost[-1])
    for _ in range(1, min(MAX_BUCKETS, len(edges))):
        # To edge j from edge i < j: the rows between them are padded to edge j.
        total = cost[:, None] + (count_at_most[None, :] - count_at_most[:, None]) * np.array(edges)
        total[np.tril_indices(len(edges))] = np.inf
        cost, origin = total.min(axis=0), total.argmin(axis=0)
        if not cost[-1] < best * (1 - WORTHWHILE_SAVING):
            break
        best = float(cost[-1])
        came_from.append(origin)
    chosen = [len(edges) - 1]
    for origin in reversed(came_from):
        chosen.append(int(origin[chosen[-1]]))
    return tuple(edges[index] for index in reversed(chosen))


def usual_layout(
    lengths: NDArray[np.int64], longest_tokens: int, *, cores: int, rows: int = USUAL_ROWS
) -> Layout:
    """Return the layout to compare candidates in: a session a core, `rows` median rows a batch."""
    buckets = choose_buckets(lengths, longest_tokens)
    median = buckets[int(np.searchsorted(buckets, np.median(lengths)))]
    return Layout(
        buckets_tokens=buckets,
        max_batch_tokens=max(rows * median, longest_tokens),
        sessions=cores,
        threads_a_session=1,
    )


def candidate_layouts(
    lengths: NDArray[np.int64], longest_tokens: int, *, cores: int
) -> list[Layout]:
    """Return layouts that use `cores` cores: several batch sizes, many small or few large sessions.

    The splits of the cores are tried at the usual batch size only; that keeps the sweep short.
    """
    layouts = [usual_layout(lengths, longest_tokens, cores=cores, rows=rows) for rows in BATCH_ROWS]
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
    """Time a graph in each layout, on its own batches of the same rows."""
    tried: list[TriedLayout] = []
    for layout in layouts:
        with open_graph(layout) as pool:
            chunks = layout_chunks(rows, layout, pad_id=pad_id)
            speeds = measure_speeds({"graph": pool}, chunks, rounds=LAYOUT_ROUNDS)
        tried.append(TriedLayout(layout, speeds["graph"]))
    return tried


def choose_layout(tried: Sequence[TriedLayout]) -> Layout:
    """Choose the smallest batch among the fastest layouts; more sessions where they are equal."""
    fastest = max(one.speed.pairs_per_second for one in tried)
    good = [one for one in tried if one.speed.pairs_per_second >= GOOD_ENOUGH * fastest]
    best = min(good, key=lambda one: (one.layout.max_batch_tokens, -one.layout.sessions))
    return best.layout


def open_pool(path: Path, layout: Layout, *, clock: Clock) -> SessionPool:
    """Load a graph as a layout says.

    Raises:
        BundleError: the runtime cannot load it.
    """
    return SessionPool(
        path, sessions=layout.sessions, threads=layout.threads_a_session, clock=clock
    )


def layout_chunks(rows: Sequence[Row], layout: Layout, *, pad_id: int) -> list[Chunk]:
    """Pack rows as a layout says."""
    return sorted_chunks(
        rows,
        buckets_tokens=layout.buckets_tokens,
        max_batch_tokens=layout.max_batch_tokens,
        pad_id=pad_id,
    )
