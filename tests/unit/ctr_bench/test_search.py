"""The search for the highest rate, on systems whose answer is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_bench.search import highest_rate


class Knee:
    """A system that holds every rate up to its capacity, and counts its trials."""

    def __init__(self, capacity: float) -> None:
        self.capacity = capacity
        self.rates: list[float] = []

    def holds(self, rate: float) -> bool:
        """One trial."""
        self.rates.append(rate)
        return rate <= self.capacity


@given(st.floats(min_value=1, max_value=1_000), st.floats(min_value=0.1, max_value=10))
def test_the_knee_is_found_within_the_tolerance(capacity: float, guess: float) -> None:
    """From any start within a factor of ten the answer holds, and 5 % more would not."""
    knee = Knee(capacity)
    found = highest_rate(knee.holds, capacity * guess, max_trials=30)
    assert capacity / 1.05 <= found <= capacity


def test_a_good_start_needs_few_trials() -> None:
    """From 10 % off, seven trials are enough."""
    knee = Knee(100)
    found = highest_rate(knee.holds, 90)
    assert 95 <= found <= 100
    assert len(knee.rates) <= 7


def test_no_rate_that_holds_gives_zero_after_the_last_trial() -> None:
    """A system that holds nothing is asked `max_trials` times and no more."""
    knee = Knee(0)
    assert highest_rate(knee.holds, 50, max_trials=5) == 0
    assert len(knee.rates) == 5


def test_the_answer_is_a_rate_that_was_tried() -> None:
    """Nothing is interpolated: what is returned was held in a trial."""
    knee = Knee(37)
    assert highest_rate(knee.holds, 10) in knee.rates


@pytest.mark.parametrize(
    ("start", "factor", "tolerance"), [(0, 2, 1.05), (1, 1, 1.05), (1, 2, 1.0)]
)
def test_arguments_that_would_never_end_are_refused(
    start: float, factor: float, tolerance: float
) -> None:
    """A start at 0, a step of 1 or a tolerance of 1 raise."""
    with pytest.raises(ValueError, match="above"):
        highest_rate(lambda _: True, start, factor=factor, tolerance=tolerance)
