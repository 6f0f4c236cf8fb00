"""Claims of `ctr_service.prior`: what a caller's prior is worth beside the model's scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_service.bundle.calibration import sigmoid
from ctr_service.prior import FIRST_FIT_PAIRS, PriorCalibrator

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARES = st.floats(0, 1)


def taught(
    pairs: int,
    slope: float,
    intercept: float,
    *,
    seed: int = 0,
    into: PriorCalibrator | None = None,
) -> PriorCalibrator:
    """A calibrator that has seen noisy pairs of a caller whose priors are off by a line."""
    rng = np.random.default_rng(seed)
    calibrator = into or PriorCalibrator()
    logits = rng.normal(-1, 1.5, pairs)
    noisy = sigmoid(slope * logits + intercept + rng.normal(0, 0.3, pairs))
    for prior, probability in zip(sigmoid(logits).tolist(), noisy.tolist(), strict=True):
        calibrator.learn(prior, probability)
    return calibrator


def truth(priors: NDArray[np.float64], slope: float, intercept: float) -> NDArray[np.float64]:
    """What the model says of such priors."""
    return sigmoid(slope * np.log(priors / (1 - priors)) + intercept)


@given(prior=SHARES)
def test_a_prior_is_itself_until_enough_was_seen(prior: float) -> None:
    """One pair too few, and the caller's number stands as it was sent."""
    assert taught(FIRST_FIT_PAIRS - 1, 0.5, -2).apply(prior) == prior


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, -1.5), (0.4, 0.5), (2.0, 1.0)])
def test_priors_come_to_the_models_scale(slope: float, intercept: float) -> None:
    """A caller who is too high, too bold or too shy is put right within 0.03."""
    calibrator = taught(4_000, slope, intercept)
    priors = np.linspace(0.05, 0.8, 16)
    got = [calibrator.apply(prior) for prior in priors.tolist()]
    assert got == pytest.approx(truth(priors, slope, intercept).tolist(), abs=0.03)


def test_a_change_of_the_callers_scale_is_followed() -> None:
    """As many pairs as are remembered, and the old scale is forgotten."""
    calibrator = taught(8_000, 1.0, 1.0)
    taught(60_000, 1.0, -1.5, seed=1, into=calibrator)
    assert calibrator.apply(0.3) == pytest.approx(
        float(truth(np.array([0.3]), 1, -1.5)[0]), abs=0.03
    )


@given(seed=st.integers(0, 20), sign=st.sampled_from([-1.0, 0.0]))
def test_a_prior_that_says_nothing_becomes_the_mean(seed: int, sign: float) -> None:
    """Also one that is upside down: it is not turned round, but counts for next to nothing."""
    calibrator = taught(5_000, sign, -1.0, seed=seed)
    low, high = calibrator.apply(0.05), calibrator.apply(0.6)
    assert low < high
    assert high - low < 0.02


@given(
    pairs=st.lists(st.tuples(SHARES, SHARES), min_size=FIRST_FIT_PAIRS, max_size=200),
    low=SHARES,
    high=SHARES,
)
def test_the_map_rises_and_stays_within_bounds(
    pairs: list[tuple[float, float]], low: float, high: float
) -> None:
    """Whatever pairs came, 0 and 1 among them, the caller's order stays."""
    calibrator = PriorCalibrator()
    for prior, probability in pairs:
        calibrator.learn(prior, probability)
    low, high = sorted((low, high))
    assert 0 <= calibrator.apply(low) <= calibrator.apply(high) <= 1
