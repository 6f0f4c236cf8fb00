"""The interval of a model's gain over a constant."""

from __future__ import annotations

import numpy as np
import pytest

from ctr_train.bootstrap import LossGain, loss_gain
from ctr_train.metrics import log_loss

ROWS = 4000


def gain(probability: object, *, seed: int = 0, rows_a_group: int = 4) -> LossGain:
    """Judge predictions of clicks drawn at rates 0.1 and 0.3."""
    rng = np.random.default_rng(1)
    rate = np.where(np.arange(ROWS) % 2, 0.3, 0.1)
    target = (rng.random(ROWS) < rate).astype(float)
    return loss_gain(
        target,
        np.broadcast_to(np.asarray(probability, dtype=float), ROWS),
        np.ones(ROWS),
        group=[str(row // rows_a_group) for row in range(ROWS)],
        constant=0.2,
        rng=np.random.default_rng(seed),
        resamples=500,
    )


TRUE_RATE = np.where(np.arange(ROWS) % 2, 0.3, 0.1)


def test_the_true_rates_are_better_than_a_constant() -> None:
    """Knowledge shows: the whole interval lies below 0 and holds the difference."""
    result = gain(TRUE_RATE)
    assert result.is_better
    assert result.low < result.difference < result.high
    assert result.sentence().endswith("the model is better")


def test_the_constant_itself_gains_nothing() -> None:
    """A model that says the constant differs from it by nothing at all."""
    result = gain(0.2)
    assert (result.difference, result.low, result.high) == (0, 0, 0)
    assert "cannot tell the two apart" in result.sentence()


def test_wrong_rates_are_worse() -> None:
    """The interval lies above 0 when the model misleads."""
    result = gain(0.4 - TRUE_RATE)
    assert result.is_worse
    assert "worse" in result.sentence()


def test_equal_seeds_give_equal_intervals() -> None:
    """Resampling is seeded; another seed moves the interval a little, not the difference."""
    first, again, other = gain(TRUE_RATE), gain(TRUE_RATE), gain(TRUE_RATE, seed=1)
    assert first == again
    assert first.low != other.low
    assert first.difference == other.difference


def test_the_difference_is_that_of_the_log_losses() -> None:
    """Weighted rows count by their impressions."""
    target, probability, weight = [0.5, 0.0, 1.0], [0.4, 0.1, 0.9], [10, 3, 1]
    result = loss_gain(
        target, probability, weight, group="abc", constant=0.3, rng=np.random.default_rng(0)
    )
    expected = log_loss(target, probability, weight) - log_loss(target, [0.3] * 3, weight)
    assert result.difference == pytest.approx(expected)
    assert result.clicks == 6


def test_dependent_rows_widen_the_interval() -> None:
    """Rows that repeat within a group are one piece of evidence, not forty."""
    target = np.repeat(np.random.default_rng(0).integers(0, 2, 50), 40).astype(float)
    probability = np.full(2000, 0.6)
    widths = []
    for group in (np.arange(2000), np.arange(2000) // 40):
        result = loss_gain(
            target,
            probability,
            np.ones(2000),
            group=group,
            constant=0.4,
            rng=np.random.default_rng(0),
            resamples=400,
        )
        widths.append(result.high - result.low)
    assert widths[1] > 4 * widths[0]


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Of 200 fresh logs the 95 % interval holds the true difference in 90 to 99 %."""
    rng = np.random.default_rng(5)
    rate = np.where(np.arange(400) % 2, 0.3, 0.1)
    truth = log_loss(rate, rate) - log_loss(rate, np.full(400, 0.2))
    held = 0
    for _ in range(200):
        result = loss_gain(
            (rng.random(400) < rate).astype(float),
            rate,
            np.ones(400),
            group=np.arange(400),
            constant=0.2,
            rng=rng,
            resamples=200,
        )
        held += result.low <= truth <= result.high
    assert 0.90 <= held / 200 <= 0.99
