"""Verdicts on late requests: exact binomial, and early stops that hold however often one looks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_bench.early_end import EarlyEnd
from ctr_bench.figures import percentile_ms
from ctr_bench.job import Job
from ctr_bench.verdict import Claim, Decision

P99 = Claim()


@pytest.mark.parametrize(("late", "requests"), [(0, 459), (10, 2_010), (100, 12_571)])
def test_the_fewest_requests_of_a_p99_at_99_percent(late: int, requests: int) -> None:
    """The table of the exact binomial law; one request fewer leaves it open."""
    assert P99.minimum_requests(late) == requests
    assert P99.decide(requests, late) is Decision.HELD
    assert P99.decide(requests - 1, late) is Decision.UNDECIDED


def test_two_hundred_requests_cannot_bear_out_a_p99() -> None:
    """With none late it is open; it takes seven late ones to refute it."""
    assert P99.decide(200, 0) is Decision.UNDECIDED
    assert P99.decide(200, 6) is Decision.UNDECIDED
    assert P99.decide(200, 7) is Decision.NOT_HELD


@given(st.integers(1, 5_000), st.integers(0, 60))
def test_one_more_late_request_never_helps(requests: int, late: int) -> None:
    """HELD, UNDECIDED and NOT_HELD come in this order as lateness grows."""
    order = [Decision.HELD, Decision.UNDECIDED, Decision.NOT_HELD]
    late = min(late, requests - 1)
    better, worse = P99.decide(requests, late), P99.decide(requests, late + 1)
    assert order.index(better) <= order.index(worse)


@given(st.integers(1, 3_000), st.sampled_from([50.0, 95.0, 99.0, 99.9]))
def test_the_point_verdict_is_the_percentile_that_is_shown(requests: int, percent: float) -> None:
    """With so many late the percentile keeps the limit, with one more it does not."""
    claim = Claim(late_share=round(1 - percent / 100, 9))
    late = claim.allowed_late(requests)
    for count, kept in ((late, True), (late + 1, False)):
        latency_ms = np.where(np.arange(requests) < count, 150.0, 20.0)
        assert (percentile_ms(latency_ms, percent) <= 100.0) is kept


def ends_after(late: np.ndarray, job: Job) -> int:
    """Play a trial whose requests end in turn; return how many ended before it was decided."""
    early = EarlyEnd(job)
    for number, is_late in enumerate(late.tolist(), 1):
        early.take(200_000_000 if is_late else 20_000_000, good=True)
        if early.decided:
            return number
    return len(late)


def job_of(requests: int, least: int = 0) -> Job:
    """A trial with early stops at 100 ms."""
    stops = P99.stops(requests, least)
    return Job("", 1.0, late_s=0.1, lost_by=stops.lost_by, won_after=stops.won_after)


def test_a_hopeless_trial_ends_at_once_and_a_clear_one_before_its_end() -> None:
    """All late: five requests are enough, as four of 500 are allowed. None late: 907 of 5,000."""
    assert ends_after(np.ones(500, dtype=bool), job_of(500)) == 5
    assert ends_after(np.zeros(5_000, dtype=bool), job_of(5_000)) == 907
    assert ends_after(np.zeros(5_000, dtype=bool), job_of(5_000, least=2_000)) == 2_000


def test_a_trial_that_may_still_hold_is_never_lost_early() -> None:
    """A bunch of late requests within what the whole trial is allowed does not end it."""
    late = np.zeros(1_500, dtype=bool)
    late[:14] = True
    assert P99.allowed_late(1_500) == 14
    assert ends_after(late, job_of(1_500)) > 1_000


@pytest.mark.parametrize("share", [0.01, 0.005, 0.02])
def test_early_stops_err_no_oftener_than_they_say(share: float) -> None:
    """Of 2,000 trials of 4,000 requests few stop for the wrong verdict, at whatever look."""
    stops = P99.stops(4_000)
    lost_by = np.array([*stops.lost_by, *[4_000] * 4_000])
    won_after = np.array([*stops.won_after, *[4_001] * 4_000])
    rng = np.random.default_rng(7)
    ended = np.arange(1, 4_001)
    wrong = 0
    for _ in range(2_000):
        late = np.cumsum(rng.random(4_000) < share)
        lost = (late > 0) & (ended <= lost_by[late - 1])
        won = ended >= won_after[late]
        wrong += bool(won.any() if share >= 0.01 else lost.any())
    # One in 1,000 is 2 of these; more than 8 has a chance below 1 in 4,000, and the seed is fixed.
    assert wrong <= 8
