"""What holds of every choice of layers."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ctr_train.layers import check_kept, spread_layers

SIZES = st.integers(1, 200).flatmap(lambda total: st.tuples(st.just(total), st.integers(1, total)))


@given(SIZES)
def test_kept_layers_are_as_many_as_asked_for_and_rise(sizes: tuple[int, int]) -> None:
    """Every kept layer is one of the teacher's, none comes twice, and the first stays."""
    total, keep = sizes
    kept = spread_layers(total, keep)
    assert len(kept) == keep
    assert list(kept) == sorted(set(kept))
    assert kept[0] == 0
    assert kept[-1] < total


@given(SIZES)
def test_gaps_differ_by_one_at_most(sizes: tuple[int, int]) -> None:
    """The spread is even, the end included: no run of dropped layers is longer than it must be."""
    total, keep = sizes
    places = [*spread_layers(total, keep), total]
    gaps = [after - before for before, after in pairwise(places)]
    assert max(gaps) - min(gaps) <= 1


@given(st.integers(1, 50).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_named_layers_are_taken_in_the_teachers_order(named: tuple[int, set[int]]) -> None:
    """The order in which a user names them does not matter."""
    total, layers = named
    if layers:
        assert check_kept(sorted(layers, reverse=True), total) == tuple(sorted(layers))
