"""The search for the highest rate, on systems whose answer is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_bench.search import MAX_CONFIRMATIONS, highest_rate, lowered_until_held
from ctr_bench.verdict import Claim, Decision

P99 = Claim()


@dataclass(frozen=True)
class Word:
    """What trials say."""

    held: bool
    sure: bool = True


class Knee:
    """A system that holds every rate up to its capacity, and counts its trials."""

    def __init__(self, capacity: float) -> None:
        self.capacity = capacity
        self.rates: list[float] = []
        self.at_length: list[float] = []

    def trial(self, rate: float, at_length: bool) -> Word:  # noqa: FBT001 -- the search's signature
        """One trial."""
        self.rates.append(rate)
        if at_length:
            self.at_length.append(rate)
        return Word(rate <= self.capacity)


@given(st.floats(min_value=1, max_value=1_000), st.floats(min_value=0.1, max_value=10))
def test_the_knee_is_found_within_the_tolerance(capacity: float, guess: float) -> None:
    """From any start within a factor of ten the answer is confirmed, and 5 % more fails."""
    knee = Knee(capacity)
    found = highest_rate(knee.trial, capacity * guess, max_trials=30)
    assert capacity / 1.05 <= found.rate <= capacity < found.failed
    assert found.confirmed
    assert knee.at_length == [found.rate]


def test_a_good_start_needs_few_trials() -> None:
    """From 10 % off, seven trials and the confirming one are enough."""
    knee = Knee(100)
    assert 95 <= highest_rate(knee.trial, 90).rate <= 100
    assert len(knee.rates) <= 8


def test_no_rate_that_holds_gives_zero_after_the_last_trial() -> None:
    """A system that holds nothing is asked `max_trials` times and no more."""
    knee = Knee(0)
    found = highest_rate(knee.trial, 50, max_trials=5)
    assert (found.rate, found.confirmed, found.failed) == (0, False, min(knee.rates))
    assert len(knee.rates) == 5


def test_a_system_that_holds_everything_says_that_no_limit_was_found() -> None:
    """The answer is the highest rate that was tried, and no rate failed."""
    found = highest_rate(Knee(math.inf).trial, 10, max_trials=4)
    assert found.rate > 10
    assert found.failed == math.inf


def test_an_unlucky_failure_does_not_bound_the_answer() -> None:
    """The first trial fails by chance: it is tried again, and the search goes on."""
    rates: list[float] = []

    def trial(rate: float, at_length: bool) -> Word:  # noqa: ARG001, FBT001 -- the search's signature
        rates.append(rate)
        return Word(rate <= 100 and len(rates) > 1, sure=False)

    assert 95 <= highest_rate(trial, 50).rate <= 100


def test_confirmations_that_all_fail_fall_back_on_the_highest_rate_that_still_holds() -> None:
    """Every long trial fails: the answer is a rate below all of them that held, not 0."""
    failed_at: list[float] = []

    def trial(rate: float, at_length: bool) -> Word:  # noqa: FBT001 -- the search's signature
        if at_length:
            failed_at.append(rate)
        return Word(not at_length and rate <= 100)

    found = highest_rate(trial, 20, factor=3)
    assert len(failed_at) <= MAX_CONFIRMATIONS
    assert 0 < found.rate < min(failed_at)
    assert not found.confirmed


def test_the_answer_steps_down_little_by_little_until_it_is_confirmed() -> None:
    """Long trials hold 10 % less than short ones: the answer is within a step of that."""

    def trial(rate: float, at_length: bool) -> Word:  # noqa: FBT001 -- the search's signature
        return Word(rate <= (90 if at_length else 100))

    found = highest_rate(trial, 70)
    assert 90 * 0.97 <= found.rate <= 90
    assert found.confirmed


class NoisyServer:
    """Requests are late at random, 1 % of them at a rate of 100 and more beyond; trials are pooled.

    The late share grows with the tenth power of the rate, as a queue's does near its knee.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._seen: dict[float, tuple[int, int]] = {}

    def trial(self, rate: float, at_length: bool) -> Word:  # noqa: FBT001 -- the search's signature
        """Draw a trial and judge all of the rate."""
        requests, late = self._seen.get(rate, (0, 0))
        size = 1_500 if at_length else 500
        share = min(1.0, 0.01 * (rate / 100) ** 10)
        requests, late = requests + size, late + int(self._rng.binomial(size, share))
        self._seen[rate] = requests, late
        held = late <= P99.allowed_late(requests)
        decision = P99.decide(requests, late)
        return Word(held, decision is (Decision.HELD if held else Decision.NOT_HELD))


@pytest.mark.parametrize("start", [30.0, 100.0, 250.0])
def test_noise_moves_the_answer_by_little(start: float) -> None:
    """On 200 noisy servers the answer is never off by more than 15 %, by 4 % in the mean."""
    found = [highest_rate(NoisyServer(seed).trial, start).rate for seed in range(200)]
    assert min(found) > 85
    assert max(found) < 115
    assert float(np.mean(np.abs(np.array(found) - 100))) < 4


class QueueingServer:
    """One server with a constant service time, by Lindley's recursion; the SLO is 10 of them.

    Late requests come in bunches, which no binomial law knows.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._seen: dict[float, tuple[int, int]] = {}

    def trial(self, rate: float, at_length: bool) -> Word:  # noqa: FBT001 -- the search's signature
        """Simulate a trial at `rate` percent of the capacity and judge all of the rate."""
        requests, late = self._seen.get(rate, (0, 0))
        size = 1_500 if at_length else 500
        late += late_in_queue(self._rng, rate / 100, size)
        requests += size
        self._seen[rate] = requests, late
        held = late <= P99.allowed_late(requests)
        decision = P99.decide(requests, late)
        return Word(held, decision is (Decision.HELD if held else Decision.NOT_HELD))


def late_in_queue(rng: np.random.Generator, load: float, requests: int) -> int:
    """Count requests that wait and are served for more than ten service times."""
    gaps = rng.exponential(1 / load, requests)
    # Lindley: the wait is the walk of (service - gap) above its lowest point so far.
    walk = np.concatenate([[0.0], np.cumsum(1.0 - gaps[1:])])
    waits = walk - np.minimum.accumulate(walk)
    return int((waits + 1.0 > 10.0).sum())


def test_bunches_of_late_requests_do_not_lead_far_off() -> None:
    """On 100 queues the answer is never off by more than 18 %, by 6 % in the mean."""
    rng = np.random.default_rng(1)
    loads = np.arange(0.5, 1.0, 0.01)
    shares = np.array([late_in_queue(rng, load, 400_000) / 400_000 for load in loads])
    knee = 100 * float(loads[shares <= 0.01][-1])
    found = [highest_rate(QueueingServer(seed).trial, 50).rate for seed in range(100)]
    assert knee * 0.82 < min(found)
    assert max(found) < knee * 1.18
    assert float(np.mean(np.abs(np.array(found) - knee))) < 0.06 * knee


@pytest.mark.parametrize(
    ("start", "factor", "tolerance"), [(0, 2, 1.05), (1, 1, 1.05), (1, 2, 1.0)]
)
def test_arguments_that_would_never_end_are_refused(
    start: float, factor: float, tolerance: float
) -> None:
    """A start at 0, a step of 1 or a tolerance of 1 raise."""
    with pytest.raises(ValueError, match="above"):
        highest_rate(Knee(1).trial, start, factor=factor, tolerance=tolerance)


@pytest.mark.parametrize(
    ("capacity", "tried"),
    [(100.0, [80.0]), (50.0, [80.0, 60.0, 45.0]), (1.0, [80.0, 60.0, 45.0])],
    ids=["at once", "the third", "none of three"],
)
def test_a_rate_is_lowered_until_it_holds_or_the_trials_are_spent(
    capacity: float, tried: list[float]
) -> None:
    """The first rate that holds ends it; the last verdict comes back with its rate either way."""
    knee = Knee(capacity)
    rate, word = lowered_until_held(lambda rate: knee.trial(rate, True), 80.0, step=0.75, most=3)
    assert knee.rates == tried
    assert (rate, word.held) == (tried[-1], tried[-1] <= capacity)


@pytest.mark.parametrize(("step", "most"), [(1.0, 3), (0.0, 3), (0.9, 0)])
def test_a_step_that_lowers_nothing_and_no_trial_at_all_are_refused(step: float, most: int) -> None:
    """Both are said before a trial runs."""
    knee = Knee(1)
    with pytest.raises(ValueError, match="step must be between 0 and 1, most at least 1"):
        lowered_until_held(lambda rate: knee.trial(rate, True), 80.0, step=step, most=most)
    assert knee.rates == []
