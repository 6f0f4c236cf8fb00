"""Claims about buckets and layouts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_export.layout import (
    TriedLayout,
    bucket_ladder,
    candidate_layouts,
    choose_layout,
    measure_layouts,
    usual_layout,
)
from ctr_export.measure import Speed
from ctr_export.pool import PoolRun, SessionPool
from ctr_service.bundle.manifest import Layout
from ctr_service.types import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_export.chunks import Chunk

LENGTHS = np.random.default_rng(0).integers(8, 60, 500)


@given(longest=st.integers(2, 512))
def test_buckets_rise_to_the_longest_row(longest: int) -> None:
    """Buckets rise strictly, are even up to the last, and end at the longest row that may come."""
    buckets = bucket_ladder(longest)
    assert list(buckets) == sorted(set(buckets))
    assert buckets[-1] == longest
    assert all(bucket % 2 == 0 for bucket in buckets[:-1])


@given(longest=st.integers(9, 512), data=st.data())
def test_no_row_pads_by_more_than_a_step_or_a_twelfth(longest: int, data: st.DataObject) -> None:
    """Whatever lengths come, from the shortest bucket on."""
    length = data.draw(st.integers(8, longest))
    bucket = min(bucket for bucket in bucket_ladder(longest) if bucket >= length)
    assert bucket - length < max(2, length / 12)


@pytest.mark.parametrize(("longest", "number"), [(46, 20), (128, 35), (512, 54)])
def test_buckets_are_few_enough_to_warm_up(longest: int, number: int) -> None:
    """Each costs a start some runs, so their number grows with the logarithm of the length."""
    assert len(bucket_ladder(longest)) <= number


@pytest.mark.parametrize(
    ("cores", "splits"),
    [(1, {(1, 1)}), (2, {(2, 1), (1, 2)}), (4, {(4, 1), (2, 2), (1, 4)}), (3, {(3, 1), (1, 3)})],
)
def test_layouts_use_every_core(cores: int, splits: set[tuple[int, int]]) -> None:
    """Many small sessions and few large ones are tried, always with all cores."""
    layouts = candidate_layouts(LENGTHS, 64, cores=cores, skips_padding=False)
    assert {(one.sessions, one.threads_a_session) for one in layouts} == splits
    assert len({one.max_batch_tokens for one in layouts}) >= 3


def test_a_graph_that_skips_padding_gets_no_budget_below_a_usual_list() -> None:
    """It is served list by list, in a share a session: less would cut each share once more."""
    layouts = candidate_layouts(np.full(64, 20), 32, cores=2, skips_padding=True)
    assert min(one.max_batch_tokens for one in layouts) == 16 * 20


def test_a_batch_always_holds_the_longest_row() -> None:
    """However few rows a batch has, its budget holds one row of the largest bucket."""
    assert usual_layout(np.array([8, 8]), 512, cores=1, rows=1).max_batch_tokens == 512


def _tried(batch_rows: int, speed: float, *, sessions: int = 2, threads: int = 1) -> TriedLayout:
    layout = Layout(
        buckets_tokens=(32,),
        max_batch_tokens=32 * batch_rows,
        sessions=sessions,
        threads_a_session=threads,
    )
    return TriedLayout(layout, Speed(speed, 0.01), batch_rows)


def test_the_smallest_batch_among_the_fastest_wins() -> None:
    """Within 1 % of the best, the smaller batch serves urgent requests sooner."""
    tried = [_tried(8, 900), _tried(16, 985), _tried(32, 975)]
    assert choose_layout(tried).max_batch_tokens == 16 * 32


def test_a_batch_that_takes_long_is_not_chosen() -> None:
    """On two sessions at 640 pairs/s 16 rows take 50 ms and 32 take 100, whatever they serve."""
    assert choose_layout([_tried(16, 640), _tried(32, 700)]).max_batch_tokens == 16 * 32


def test_where_every_batch_takes_long_the_shortest_is_chosen() -> None:
    """A slow machine has a layout too."""
    assert choose_layout([_tried(4, 20), _tried(8, 40), _tried(16, 10)]).max_batch_tokens == 8 * 32


def test_of_equals_more_sessions_win() -> None:
    """Two sessions serve two lists at once."""
    tried = [_tried(16, 1000, sessions=1, threads=2), _tried(16, 1000)]
    assert choose_layout(tried).sessions == 2
    assert choose_layout(tried[::-1]).sessions == 2


def test_sessions_of_several_threads_must_be_much_faster() -> None:
    """A tenth is noise, and one batch at a time leaves no session for the next list."""
    apart = _tried(16, 1_000)
    assert choose_layout([_tried(16, 1_100, sessions=1, threads=2), apart]).sessions == 2
    assert choose_layout([_tried(16, 1_400, sessions=1, threads=2), apart]).sessions == 1


@pytest.mark.parametrize(("speed", "rows"), [(1_000, 16), (100, 8)])
def test_small_batches_pay_for_the_gateway(speed: float, rows: int) -> None:
    """Of engines alike at 8 and 16 rows, a fast one is fed 16: each batch costs 0.8 ms beside."""
    assert choose_layout([_tried(8, speed), _tried(16, speed)]).max_batch_tokens == rows * 32


def test_layouts_that_split_the_cores_alike_share_their_sessions() -> None:
    """Each split is loaded once, however many batch sizes are tried on it, and all take turns."""
    opened: list[tuple[int, int]] = []
    diary: list[int] = []

    class NotedPool(SessionPool):
        def __init__(self, layout: Layout) -> None:
            opened.append((layout.sessions, layout.threads_a_session))

        def run(self, chunks: Sequence[Chunk]) -> PoolRun:
            diary.append(len(chunks))
            return PoolRun([], [], 1.0)

        def close(self) -> None:
            """Nothing was opened."""

    rows = [Row.of(np.zeros(20, np.int32), 2)] * 64
    layouts = candidate_layouts(np.full(64, 20), 32, cores=2, skips_padding=False)
    tried = measure_layouts(rows, layouts, NotedPool, pad_id=0)
    assert sorted(opened) == [(1, 2), (2, 1)]
    assert [one.rows_a_batch for one in tried] == [4, 8, 16, 32, 16]
    assert diary[:5] == diary[5:10] == [16, 8, 4, 2, 4], "a warm-up round, then turns"
