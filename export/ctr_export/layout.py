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
BATCH_ROWS = (4, 8, 16, 32)
"""Rows of the median length in a batch, to be tried."""
USUAL_ROWS = 16
GOOD_ENOUGH = 0.97
"""The smallest batch within this share of the best speed wins: small batches split over idle
sessions and let an urgent request in sooner."""
LAYOUT_ROUNDS = 3
MOST_TIMED_SESSIONS = 4
"""Sessions while candidates are compared: each loads every graph once, which costs memory."""


@dataclass(frozen=True, slots=True)
class TriedLayout:
    """A layout and its speed, for the report."""

    layout: Layout
    speed: Speed


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
