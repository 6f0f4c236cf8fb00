"""Claims about buckets and layouts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_export.layout import (
    MAX_BUCKETS,
    STEP_TOKENS,
    TriedLayout,
    candidate_layouts,
    choose_buckets,
    choose_layout,
    usual_layout,
)
from ctr_export.measure import Speed
from ctr_service.bundle.manifest import Layout

LENGTHS = np.random.default_rng(0).integers(8, 60, 500)


def _padded(lengths: np.ndarray, buckets: tuple[int, ...]) -> int:
    chosen = np.asarray(buckets)[np.searchsorted(buckets, lengths)]
    return int(chosen.sum())


@given(
    lengths=st.lists(st.integers(3, 512), min_size=1, max_size=60),
    longest=st.integers(8, 512),
)
def test_buckets_hold_every_row(lengths: list[int], longest: int) -> None:
    """Buckets rise, end at the longest row that may come, and are few."""
    buckets = choose_buckets(np.minimum(lengths, longest), longest)
    assert list(buckets) == sorted(set(buckets))
    assert buckets[-1] == longest
    assert len(buckets) <= MAX_BUCKETS
    assert all(bucket % STEP_TOKENS == 0 for bucket in buckets[:-1])


@given(lengths=st.lists(st.integers(3, 16), min_size=1, max_size=40))
def test_no_other_buckets_of_that_number_pad_less(lengths: list[int]) -> None:
    """The choice is the best of its size, by trying them all."""
    array = np.array(lengths)
    buckets = choose_buckets(array, 16)
    edges = range(STEP_TOKENS, 16, STEP_TOKENS)
    best = min(
        _padded(array, (*others, 16)) for others in itertools.combinations(edges, len(buckets) - 1)
    )
    assert _padded(array, buckets) == best


def test_rows_of_one_length_need_few_buckets() -> None:
    """A bucket that saves nothing is not added."""
    assert choose_buckets(np.full(100, 24), 64) == (24, 64)


@pytest.mark.parametrize(
    ("cores", "splits"),
    [(1, {(1, 1)}), (2, {(2, 1), (1, 2)}), (4, {(4, 1), (2, 2), (1, 4)}), (3, {(3, 1), (1, 3)})],
)
def test_layouts_use_every_core(cores: int, splits: set[tuple[int, int]]) -> None:
    """Many small sessions and few large ones are tried, always with all cores."""
    layouts = candidate_layouts(LENGTHS, 64, cores=cores)
    assert {(one.sessions, one.threads_a_session) for one in layouts} == splits
    assert len({one.max_batch_tokens for one in layouts}) >= 3


def test_a_batch_always_holds_the_longest_row() -> None:
    """However few rows a batch has, its budget holds one row of the largest bucket."""
    assert usual_layout(np.array([8, 8]), 512, cores=1, rows=1).max_batch_tokens == 512


def _tried(sessions: int, batch: int, speed: float) -> TriedLayout:
    layout = Layout(
        buckets_tokens=(32,), max_batch_tokens=batch, sessions=sessions, threads_a_session=1
    )
    return TriedLayout(layout, Speed(speed, 0.01))


def test_the_smallest_batch_among_the_fastest_wins() -> None:
    """Within 3 % of the best, the smaller batch serves urgent requests sooner."""
    tried = [_tried(2, 128, 900), _tried(2, 256, 985), _tried(2, 512, 1000), _tried(1, 512, 999)]
    assert choose_layout(tried).max_batch_tokens == 256
    assert choose_layout(tried[2:]).sessions == 2
