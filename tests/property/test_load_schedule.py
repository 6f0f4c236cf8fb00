"""Arrival times are a pure function of their arguments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_bench.schedule import NS_PER_S, constant, poisson

RATES = st.floats(min_value=0.1, max_value=10_000)
REQUESTS = st.integers(min_value=1, max_value=2_000)
SEEDS = st.integers(min_value=0, max_value=2**32)


@given(RATES, REQUESTS, SEEDS)
def test_poisson_times_never_fall_and_repeat_with_their_seed(
    rate: float, requests: int, seed: int
) -> None:
    """There are as many times as asked for, none before the one before it, the same every time."""
    times = poisson(rate, requests, seed)
    assert len(times) == requests
    assert times[0] >= 0
    assert (np.diff(times) >= 0).all()
    assert (times == poisson(rate, requests, seed)).all()


@given(RATES, SEEDS)
def test_poisson_gaps_have_the_rate_and_the_spread_of_an_exponential(
    rate: float, seed: int
) -> None:
    """Of 10,000 gaps the mean is 1 / rate within 6 standard errors, and a share 1/e is longer."""
    gaps_s = np.diff(poisson(rate, 10_001, seed)) / NS_PER_S
    assert gaps_s.mean() * rate == pytest.approx(1, abs=0.06)
    assert (gaps_s > 1 / rate).mean() == pytest.approx(np.exp(-1), abs=0.03)


@given(RATES, REQUESTS)
def test_constant_times_are_evenly_spaced(rate: float, requests: int) -> None:
    """The k-th request is due k / rate seconds after the begin, to the nanosecond."""
    expected = [round(k / rate * NS_PER_S) for k in range(1, requests + 1)]
    assert constant(rate, requests).tolist() == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    """Neither schedule takes a rate at or below 0, or one that is no number."""
    with pytest.raises(ValueError, match="above 0"):
        poisson(rate, 1, 0)
    with pytest.raises(ValueError, match="above 0"):
        constant(rate, 1)


def test_a_schedule_of_no_request_is_refused() -> None:
    """At least one request is needed."""
    with pytest.raises(ValueError, match="at least 1"):
        poisson(1.0, 0, 0)
