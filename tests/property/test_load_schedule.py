"""Arrival times are a pure function of their arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_bench.schedule import NS_PER_S, burst, constant, diurnal, poisson, ramp, replayed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctr_bench.schedule import Times

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


SHAPES = st.sampled_from(
    [
        lambda seed: burst(400, 20, seed, every_s=5, length_s=1, factor=4),
        lambda seed: ramp(0, 800, 20, seed),
        lambda seed: ramp(700, 100, 20, seed),
        lambda seed: diurnal(800, 20, seed, period_s=10, low=0.25),
    ]
)


@given(SHAPES, SEEDS)
def test_shaped_times_never_fall_stay_within_their_length_and_repeat(
    shape: Callable[[int], Times], seed: int
) -> None:
    """Whatever the shape: sorted, from 0 to the length, the same for the same seed."""
    times = shape(seed)
    assert times[0] >= 0
    assert times[-1] <= 20 * NS_PER_S
    assert (np.diff(times) >= 0).all()
    assert (times == shape(seed)).all()


@given(SEEDS)
def test_a_burst_has_its_factor_in_the_last_part_of_each_period(seed: int) -> None:
    """Of 1 s in 5 at 4 times 400 a second over 20 s, 6,400 fall inside and 6,400 outside."""
    in_period_s = burst(400, 20, seed, every_s=5, length_s=1, factor=4) / NS_PER_S % 5
    inside = int((in_period_s >= 4).sum())
    assert inside == pytest.approx(6_400, abs=6 * 80)
    assert len(in_period_s) - inside == pytest.approx(6_400, abs=6 * 80)


@given(SEEDS, st.sampled_from([(0, 800), (800, 0), (100, 700), (400, 400)]))
def test_a_ramp_goes_evenly_from_one_rate_to_the_other(
    seed: int, ends: tuple[float, float]
) -> None:
    """Each quarter of the time holds the mean of the rates at its ends, within 6 deviations."""
    first, last = ends
    times_s = ramp(first, last, 20, seed) / NS_PER_S
    for quarter in range(4):
        middle = first + (last - first) * (quarter + 0.5) / 4
        count = int(((times_s >= 5 * quarter) & (times_s < 5 * quarter + 5)).sum())
        assert count == pytest.approx(5 * middle, abs=6 * np.sqrt(5 * middle))


@given(SEEDS)
def test_a_day_is_low_at_its_begin_and_high_in_its_middle(seed: int) -> None:
    """Over two days the middle half has the share that the cosine's integral says."""
    in_day_s = diurnal(800, 20, seed, period_s=10, low=0.25) / NS_PER_S % 10
    middle = ((in_day_s >= 2.5) & (in_day_s < 7.5)).mean()
    mean, swing = 0.625, 0.375
    assert middle == pytest.approx(0.5 + swing / mean / np.pi, abs=0.035)
    assert len(in_day_s) == pytest.approx(20 * 800 * mean, abs=6 * 100)


@given(
    st.lists(st.floats(min_value=0, max_value=1e6), min_size=1).map(sorted),
    st.sampled_from([0.5, 1.0, 4.0]),
)
def test_recorded_times_are_replayed_from_the_first_one_at_a_speed(
    times_s: list[float], speed: float
) -> None:
    """The first is the begin; every gap is the recorded one over the speed, to the nanosecond."""
    replay = replayed(times_s, speed=speed)
    assert replay[0] == 0
    expected = [(time_s - times_s[0]) / speed * NS_PER_S for time_s in times_s]
    assert replay.tolist() == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("times_s", [[], [2.0, 1.0], [float("nan")], [0.0, float("inf")]])
def test_times_that_fall_or_are_none_are_not_replayed(times_s: list[float]) -> None:
    """A recorded schedule has at least one time, all are numbers, none falls."""
    with pytest.raises(ValueError, match="never fall"):
        replayed(times_s)


def test_shapes_out_of_range_are_refused() -> None:
    """A burst longer than its period, a ramp of nothing, a day whose low is above its peak."""
    with pytest.raises(ValueError, match="burst"):
        burst(1, 10, 0, every_s=1, length_s=2, factor=2)
    with pytest.raises(ValueError, match="ramp"):
        ramp(0, 0, 10, 0)
    with pytest.raises(ValueError, match="low"):
        diurnal(1, 10, 0, period_s=5, low=1.5)
    with pytest.raises(ValueError, match="speed"):
        replayed([0.0], speed=0)
    with pytest.raises(ValueError, match="no request"):
        ramp(0, 1e-9, 1, 0)
