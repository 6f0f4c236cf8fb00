"""When requests are due: pure functions of a seed, so that a run can be repeated.

Latency is measured from these times, not from the time of sending: a stalled server must not make
its own measurement stall with it (coordinated omission; see MLPerf LoadGen and vegeta's pacer).
A closed loop has no schedule: there the next request is due when the answer before it came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Times: TypeAlias = NDArray[np.int64]

NS_PER_S = 1_000_000_000
DAY_STEPS = 10_000
"""A day's expected count is tabled at so many points; between them it is a line."""


def poisson(rate: float, requests: int, seed: int) -> Times:
    """Return arrival times of an open loop with exponential gaps.

    Args:
        rate: requests a second, above 0.
        requests: how many, at least 1.
        seed: the same seed gives the same times.

    Returns:
        int64 [requests]: nanoseconds since the run's begin, never falling.

    Raises:
        ValueError: the rate or the number is out of range.
    """
    _check(rate, requests)
    gaps_s = np.random.default_rng(seed).exponential(1 / rate, requests)
    return np.rint(np.cumsum(gaps_s) * NS_PER_S).astype(np.int64)


def constant(rate: float, requests: int) -> Times:
    """Return evenly spaced times, the first one gap after the begin; see `poisson`."""
    _check(rate, requests)
    return np.rint(np.arange(1, requests + 1) / rate * NS_PER_S).astype(np.int64)


def burst(  # noqa: PLR0913 -- each is one side of the shape
    rate: float, seconds: float, seed: int, *, every_s: float, length_s: float, factor: float
) -> Times:
    """Return Poisson times whose rate is `factor` times as high in each period's last part.

    Args:
        rate: requests a second outside the bursts.
        seconds: the whole length.
        seed: the same seed gives the same times.
        every_s: a period; its last `length_s` are the burst.
        length_s: of a burst, less than a period.
        factor: how many times the rate, above 0.

    Returns:
        int64 [requests]: nanoseconds since the begin, never falling; their number is random.

    Raises:
        ValueError: an argument is out of range, or no request falls into the length.
    """
    _check(rate, 1)
    if not (0 < length_s < every_s and factor > 0):
        raise ValueError("a burst needs 0 < length < every, and times above 0")
    edges_s = [0.0]
    while edges_s[-1] < seconds:
        begin_s = (len(edges_s) - 1) // 2 * every_s
        edges_s += [begin_s + every_s - length_s, begin_s + every_s]
    rates = np.resize([rate, rate * factor], len(edges_s) - 1)
    expected = np.concatenate([[0.0], np.cumsum(rates * np.diff(edges_s))])
    total = float(np.interp(seconds, edges_s, expected))
    return _rescaled(total, seed, lambda unit: np.interp(unit, expected, edges_s))


def ramp(first: float, last: float, seconds: float, seed: int) -> Times:
    """Return Poisson times whose rate goes evenly from `first` to `last`; see `burst`.

    Args:
        first: requests a second at the begin, 0 or more.
        last: at the end, 0 or more; one of both above 0.
        seconds: the whole length.
        seed: the same seed gives the same times.
    """
    if not (min(first, last) >= 0 and 0 < max(first, last) < np.inf):
        raise ValueError("a ramp needs two rates of 0 or more, one of them above 0")
    slope = (last - first) / seconds
    total = (first + last) / 2 * seconds

    def time_of(unit: NDArray[np.float64]) -> NDArray[np.float64]:
        # The root of first * t + slope * t^2 / 2 = unit, in the form that takes a slope of 0.
        root = np.sqrt(np.maximum(first * first + 2 * slope * unit, 0.0))
        time_s: NDArray[np.float64] = 2 * unit / np.maximum(first + root, 1e-300)
        return time_s

    return _rescaled(total, seed, time_of)


def diurnal(peak: float, seconds: float, seed: int, *, period_s: float, low: float) -> Times:
    """Return Poisson times whose rate is a cosine of the time of day; see `burst`.

    Args:
        peak: the highest rate, half a period after the begin.
        seconds: the whole length.
        seed: the same seed gives the same times.
        period_s: a day, usually shortened.
        low: the lowest rate, at the begin, as a share of the peak; 0 to 1.
    """
    _check(peak, 1)
    if not (0 <= low <= 1 and period_s > 0):
        raise ValueError("a day needs a period above 0 and a low between 0 and 1")
    mean, swing = peak * (1 + low) / 2, peak * (1 - low) / 2
    grid_s = np.linspace(0.0, seconds, max(2, round(DAY_STEPS * seconds / period_s) + 1))
    turn = 2 * np.pi / period_s
    expected = mean * grid_s - swing / turn * np.sin(turn * grid_s)
    return _rescaled(float(expected[-1]), seed, lambda unit: np.interp(unit, expected, grid_s))


def replayed(times_s: Sequence[float], *, speed: float = 1.0) -> Times:
    """Return recorded times, the first one as the run's begin.

    Args:
        times_s: seconds on any clock, never falling, at least one.
        speed: 2 replays twice as fast.

    Raises:
        ValueError: there is none, one falls or is no number, or the speed is not above 0.
    """
    recorded = np.asarray(times_s, dtype=np.float64)
    if not len(recorded) or not np.isfinite(recorded).all() or (np.diff(recorded) < 0).any():
        raise ValueError("recorded times must be numbers, at least one, and never fall")
    if not (np.isfinite(speed) and speed > 0):
        raise ValueError(f"a speed must be above 0, not {speed}")
    times: Times = np.rint((recorded - recorded[0]) / speed * NS_PER_S).astype(np.int64)
    return times


def _rescaled(
    total: float, seed: int, time_of: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> Times:
    """Return times of an inhomogeneous Poisson process by rescaling time.

    Arrivals of a process of rate 1 on [0, total], put through the inverse of the expected count
    (Cinlar, Introduction to Stochastic Processes, 1975, chapter 4.7).

    Args:
        total: requests expected over the whole length.
        seed: of the draws.
        time_of: the inverse: expected requests so far -> seconds.
    """
    rng = np.random.default_rng(seed)
    # Given their number, arrivals of a Poisson process are uniform.
    unit = np.sort(rng.uniform(0.0, total, rng.poisson(total)))
    if not len(unit):
        raise ValueError(f"no request falls into this schedule, which expects {total:.2g}")
    times: Times = np.rint(time_of(unit) * NS_PER_S).astype(np.int64)
    return times


def _check(rate: float, requests: int) -> None:
    if not (np.isfinite(rate) and rate > 0):
        raise ValueError(f"a rate must be above 0 requests a second, not {rate}")
    if requests < 1:
        raise ValueError(f"a schedule needs at least 1 request, not {requests}")
