"""Replicas and cost from goodput and forecast."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_bench.capacity import Policy, by_time, cost_of, size
from ctr_bench.forecast import Forecast

NO_SLACK = Policy(headroom=1.0, failures=0)
DAY = Forecast([0.0, 3_600.0, 7_200.0], [500.0, 2_000.0, 900.0], "test")


@pytest.mark.parametrize(
    ("peak", "policy", "replicas", "decided_by"),
    [
        (3_000, NO_SLACK, 6, "peak"),
        (3_001, NO_SLACK, 7, "peak"),
        (3_000, Policy(headroom=0.7, failures=0), 9, "peak"),
        (3_000, Policy(headroom=0.7, failures=2), 11, "peak"),
        (3_000, Policy(headroom=1.0, failures=1, surge=1.5), 9, "surge"),
        (3_000, Policy(headroom=0.7, failures=1, surge=1.5), 10, "peak"),
        (10, NO_SLACK, 1, "peak"),
    ],
)
def test_replicas_at_500_pairs_a_second_each(
    peak: float, policy: Policy, replicas: int, decided_by: str
) -> None:
    """The greater of the peak with headroom and failures, and the surge without either."""
    sizing = size(peak, 500, policy)
    assert (sizing.replicas, sizing.decided_by) == (replicas, decided_by)


@given(
    st.integers(1, 50),
    st.floats(min_value=0.1, max_value=1e5),
    st.floats(min_value=0.1, max_value=1.0),
)
def test_a_load_that_fills_its_replicas_exactly_needs_no_more(
    count: int, goodput: float, headroom: float
) -> None:
    """Rounding of a division buys no machine."""
    assert size(count * goodput * headroom, goodput, Policy(headroom, 0)).for_peak == count


def test_replicas_follow_the_forecast_a_lead_ahead() -> None:
    """A replica that takes an hour to serve must be there an hour before the peak."""
    assert by_time(DAY, 500, NO_SLACK, lead_s=60).replicas == [1, 4, 2]
    assert by_time(DAY, 500, NO_SLACK, lead_s=3_600).replicas == [4, 4, 2]


def test_the_cost_of_a_million_scores() -> None:
    """4 replicas at 0.36 for three hours of 1,133 pairs/s; 7 replica-hours when they follow."""
    follow = by_time(DAY, 500, NO_SLACK, lead_s=60)
    cost = cost_of(0.36, 4, 500, DAY, follow)
    scores = (500 + 2_000 + 900) * 3_600 / 1e6
    assert cost.an_hour == pytest.approx(1.44)
    assert cost.fixed == pytest.approx(0.36 * 12 / scores)
    assert cost.following == pytest.approx(0.36 * 7 / scores)
    assert cost.full == pytest.approx(0.36 / (500 * 3_600 / 1e6))
