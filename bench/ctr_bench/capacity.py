"""From goodput and forecast to replicas and cost. Pure; decision 0021 says why so.

replicas = max(ceil(peak / (goodput * headroom)) + failures, ceil(surge * peak / goodput))
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctr_bench.forecast import Forecast

ROUNDING = 1e-9
"""A load that fills its replicas exactly needs no further one for the last bit of a division."""
SECONDS_AN_HOUR = 3_600.0


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator wants to survive.

    Attributes:
        headroom: share of a replica's goodput that the forecast may use; above 0, at most 1.
        failures: replicas that may be away (lost, drained, in a rollout) at the peak.
        surge: so many times the forecast's peak is held by all replicas without headroom.
    """

    headroom: float = 0.7
    failures: int = 1
    surge: float = 1.0


@dataclass(frozen=True, slots=True)
class Sizing:
    """Replicas, and how they came about.

    Attributes:
        for_peak: ceil(peak / (goodput * headroom)).
        with_failures: that and the failures tolerated.
        for_surge: ceil(surge * peak / goodput).
    """

    for_peak: int
    with_failures: int
    for_surge: int

    @property
    def replicas(self) -> int:
        """The greater of both cases, at least 1."""
        return max(1, self.with_failures, self.for_surge)

    @property
    def decided_by(self) -> str:
        """Which case it was."""
        return "surge" if self.for_surge > self.with_failures else "peak"


def size(peak_pairs_s: float, goodput_pairs_s: float, policy: Policy) -> Sizing:
    """Return the replicas that hold a load.

    Args:
        peak_pairs_s: at least 0.
        goodput_pairs_s: of one replica at the SLO, above 0.
        policy: what to survive.
    """
    for_peak = _ceil(peak_pairs_s / (goodput_pairs_s * policy.headroom))
    for_surge = _ceil(policy.surge * peak_pairs_s / goodput_pairs_s)
    return Sizing(for_peak, for_peak + policy.failures, for_surge)


@dataclass(frozen=True, slots=True)
class ByTime:
    """Replicas that follow the forecast, each step's started a lead time before it is needed.

    Attributes:
        replicas: one a time of the forecast.
    """

    replicas: list[int]
    durations_s: list[float]

    @property
    def least(self) -> int:
        """The fewest at any time."""
        return min(self.replicas)

    @property
    def hours(self) -> float:
        """Replica-hours of the whole forecast."""
        pairs = zip(self.replicas, self.durations_s, strict=True)
        return sum(count * lasts for count, lasts in pairs) / SECONDS_AN_HOUR


def by_time(forecast: Forecast, goodput_pairs_s: float, policy: Policy, lead_s: float) -> ByTime:
    """Size each time of a forecast for the greatest load until a new replica could serve."""
    loads = forecast.most_within(lead_s)
    replicas = [size(load, goodput_pairs_s, policy).replicas for load in loads]
    return ByTime(replicas, forecast.durations_s)


@dataclass(frozen=True, slots=True)
class Cost:
    """Money for a million scores, in the price's currency.

    Attributes:
        an_hour: of all replicas.
        full: a replica at its whole goodput; the least there is.
        fixed: the planned replicas all the time, at the forecast's mean load.
        following: replicas that follow the forecast.
    """

    an_hour: float
    full: float
    fixed: float
    following: float


def cost_of(
    price_an_hour: float,
    replicas: int,
    goodput_pairs_s: float,
    forecast: Forecast,
    follow: ByTime,
) -> Cost:
    """Return what scores cost.

    Args:
        price_an_hour: of one replica.
        replicas: planned.
        goodput_pairs_s: of one replica.
        forecast: the loads.
        follow: replicas by time.
    """
    hours = sum(forecast.durations_s) / SECONDS_AN_HOUR
    scores = forecast.mean_pairs_s * hours * SECONDS_AN_HOUR

    def a_million(money: float, pairs: float) -> float:
        return money / pairs * 1e6

    return Cost(
        price_an_hour * replicas,
        a_million(price_an_hour, goodput_pairs_s * SECONDS_AN_HOUR),
        a_million(price_an_hour * replicas * hours, scores),
        a_million(price_an_hour * follow.hours, scores),
    )


def _ceil(value: float) -> int:
    return math.ceil(value * (1 - ROUNDING))
