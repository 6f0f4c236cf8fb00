"""Ratios of servers that were measured in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_bench.paired import paired_ratio

if TYPE_CHECKING:
    from collections.abc import Sequence


def mean(values: Sequence[float]) -> float:
    """The figure of these tests."""
    return sum(values) / len(values)


def test_what_hits_both_sides_of_a_pair_does_not_blur_the_ratio() -> None:
    """Minutes that differ tenfold, a cost of 2 % in each: the interval is the cost alone."""
    plain = [1.0, 10.0, 3.0, 7.0, 2.0]
    ratio = paired_ratio([1.02 * value for value in plain], plain, mean, seed=0)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((1.02, 1.02, 1.02))
    assert str(ratio) == "1.020 (1.020 to 1.020)"


def test_pairs_that_disagree_widen_the_interval() -> None:
    """It holds the ratio, and reaches towards the pairs on either side."""
    ratio = paired_ratio([0.9, 1.0, 1.1, 1.0, 1.0], [1.0] * 5, mean, seed=0)
    assert ratio.value == pytest.approx(1.0)
    assert ratio.low < ratio.value < ratio.high
    assert 0.9 <= ratio.low <= ratio.high <= 1.1


@pytest.mark.parametrize("pairs", [6, 10])
def test_equal_sides_are_called_different_no_more_often_than_promised(pairs: int) -> None:
    """400 comparisons of equals, 10 % of noise in a pair: 5 % may differ, and chance on top."""
    rng = np.random.default_rng(2)
    different = 0
    for _ in range(400):
        plain = np.exp(rng.normal(0, 0.3, pairs))
        changed = plain * np.exp(rng.normal(0, 0.1, pairs))
        ratio = paired_ratio(changed.tolist(), plain.tolist(), mean, seed=0)
        different += ratio.low > 1 or ratio.high < 1
    assert different <= 0.085 * 400


def test_below_six_pairs_the_interval_is_their_extremes() -> None:
    """No percentile of a few resamples tells more than the pairs themselves."""
    ratio = paired_ratio([0.9, 1.0, 1.1], [1.0] * 3, mean, seed=0)
    assert (ratio.low, ratio.high) == pytest.approx((0.9, 1.1))


@pytest.mark.parametrize("plain", [[], [1.0, 2.0]])
def test_without_pairs_there_is_no_ratio(plain: list[float]) -> None:
    """Nothing measured, or one side more often than the other."""
    with pytest.raises(ValueError, match="no pairs"):
        paired_ratio([] if not plain else [1.0], plain, mean, seed=0)
