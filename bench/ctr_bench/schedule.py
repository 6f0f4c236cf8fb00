"""When requests are due: pure functions of a seed, so that a run can be repeated.

Latency is measured from these times, not from the time of sending: a stalled server must not make
its own measurement stall with it (coordinated omission; see MLPerf LoadGen and vegeta's pacer).
A closed loop has no schedule: there the next request is due when the answer before it came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Times: TypeAlias = NDArray[np.int64]

NS_PER_S = 1_000_000_000


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


def _check(rate: float, requests: int) -> None:
    if not (np.isfinite(rate) and rate > 0):
        raise ValueError(f"a rate must be above 0 requests a second, not {rate}")
    if requests < 1:
        raise ValueError(f"a schedule needs at least 1 request, not {requests}")
