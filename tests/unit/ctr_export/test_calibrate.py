"""Claims about calibration: right maps, no position bias, no reversed ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_export.calibrate import (
    MIN_ISOTONIC_ROWS,
    fit_calibration,
    fit_isotonic,
    fit_platt,
    fit_smooth,
)
from ctr_export.observed import Observed
from ctr_service.bundle.calibration import IsotonicCalibration, PlattCalibration, sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

EXAMINATION = np.array([1.0, 0.97, 0.66, 0.60, 0.41, 0.28, 0.27, 0.18, 0.19, 0.18])


def _draw(
    logits: Floats, chance: Floats, *, examined: Floats | None = None, seed: int = 0
) -> Observed:
    rng = np.random.default_rng(seed)
    seen = np.ones(len(logits)) if examined is None else examined
    clicks = (rng.random(len(logits)) < seen * chance).astype(np.float64)
    group = np.arange(len(logits), dtype=np.int64) // 10
    return Observed(clicks, np.ones(len(logits)), seen, group)


def _logits(count: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(0.0, 1.5, count)


def test_platt_recovers_the_map_that_made_the_clicks() -> None:
    """Slope and intercept come back within their statistical error."""
    logits = _logits(50_000)
    fitted = fit_platt(logits, _draw(logits, sigmoid(0.6 * logits - 1.0)))
    assert fitted.slope == pytest.approx(0.6, abs=0.03)
    assert fitted.intercept == pytest.approx(-1.0, abs=0.04)


def test_calibration_does_not_bring_position_bias_back() -> None:
    """With examination the fit finds P(click | examined); without, it learns the lower clicks."""
    logits = _logits(60_000)
    examined = EXAMINATION[np.arange(len(logits)) % len(EXAMINATION)]
    truth = sigmoid(logits - 0.5)
    observed = _draw(logits, truth, examined=examined)
    blind = Observed(observed.target, observed.weight, np.ones(len(logits)), observed.group)
    fair, biased = (fit_calibration(logits, seen, seed=0).calibration for seen in (observed, blind))
    assert abs(fair.apply(logits).mean() - truth.mean()) < 0.01
    assert biased.apply(logits).mean() < 0.6 * truth.mean()
    exact = fit_platt(logits, observed)
    assert exact.slope == pytest.approx(1.0, abs=0.04)
    assert exact.intercept == pytest.approx(-0.5, abs=0.04)


def test_isotonic_does_not_bring_position_bias_back() -> None:
    """The isotonic map too is of P(click | examined)."""
    logits = _logits(60_000)
    examined = EXAMINATION[np.arange(len(logits)) % len(EXAMINATION)]
    truth = sigmoid(logits - 0.5)
    observed = _draw(logits, truth, examined=examined)
    fitted = fit_isotonic(logits, observed, fit_platt(logits, observed))
    assert fitted is not None
    assert np.abs(fitted.apply(logits) - truth).mean() < 0.02


def test_impressions_count() -> None:
    """A row of 40 impressions moves the fit as 40 rows do."""
    logits = _logits(300)
    chance = sigmoid(logits - 1)
    once = _draw(logits, chance)
    weight = np.where(np.arange(300) % 3 == 0, 40.0, 1.0)
    weighted = Observed(once.target, weight, once.examined, once.group)
    repeated = np.repeat(np.arange(300), weight.astype(int))
    copies = Observed(
        once.target[repeated], np.ones(len(repeated)), once.examined[repeated], repeated
    )
    one, other = fit_platt(logits, weighted), fit_platt(logits[repeated], copies)
    assert one.slope == pytest.approx(other.slope, rel=1e-3)
    assert one.intercept == pytest.approx(other.intercept, rel=1e-3)


def test_isotonic_is_chosen_where_it_is_better() -> None:
    """Clicks that no logistic curve describes get the isotonic map."""
    logits = _logits(20_000)
    fitted = fit_calibration(logits, _draw(logits, np.where(logits > 0, 0.5, 0.05)), seed=0)
    assert isinstance(fitted.calibration, IsotonicCalibration)
    assert fitted.reason.startswith("isotonic")


def test_platt_is_chosen_where_it_is_right() -> None:
    """Clicks of a logistic curve get Platt's map, by cross-validation."""
    logits = _logits(5_000)
    fitted = fit_calibration(logits, _draw(logits, sigmoid(logits)), seed=0)
    assert isinstance(fitted.calibration, PlattCalibration)
    assert "(isotonic)" in fitted.reason


def test_the_curve_is_chosen_where_a_line_is_wrong_and_clicks_are_few() -> None:
    """A curve whose low tail is long, seen through few clicks, gets four parameters."""
    logits = _logits(4_000)
    truth = np.where(logits > 0, sigmoid(0.4 * logits), sigmoid(1.6 * logits))
    fitted = fit_calibration(logits, _draw(logits, truth, examined=np.full(4_000, 0.2)), seed=0)
    assert fitted.reason.startswith("curve")
    assert isinstance(fitted.calibration, IsotonicCalibration)


def _saturated(seed: int) -> tuple[Floats, Floats, Floats]:
    """Logits of a classifier that was told 0.78 and 0.02, the truth, and who looked."""
    rng = np.random.default_rng(seed)
    inner = rng.normal(-0.5, 3.0, 7_000)
    squashed = 0.02 + 0.75 * sigmoid(inner)
    logits = np.log(squashed / (1 - squashed))
    return logits, sigmoid(inner - 0.5), EXAMINATION[rng.integers(0, 10, 7_000)]


def test_crowded_logits_are_told_apart() -> None:
    """Where a classifier saturates the curve has half of a line's error, on average of ten logs."""
    errors: dict[str, list[float]] = {"platt": [], "curve": []}
    for seed in range(10):
        logits, truth, examined = _saturated(seed)
        observed = _draw(logits, truth, examined=examined, seed=100 + seed)
        platt = fit_platt(logits, observed)
        curve = fit_smooth(logits, observed, platt)
        assert curve is not None
        for kind, fitted in (("platt", platt), ("curve", curve)):
            errors[kind].append(float(np.abs(fitted.apply(logits) - truth).mean()))
    assert np.mean(errors["curve"]) < 0.5 * np.mean(errors["platt"])


def test_the_curve_rises_strictly_and_beyond_its_knots_too() -> None:
    """From below to above what was seen, no two logits are tied where p is above its floor."""
    logits, truth, examined = _saturated(0)
    observed = _draw(logits, truth, examined=examined)
    curve = fit_smooth(logits, observed, fit_platt(logits, observed))
    assert curve is not None
    assert (np.diff(curve.apply(np.linspace(-7, 5, 1_001))) > 0).all()


def test_the_curve_weighs_impressions() -> None:
    """A row of 40 impressions bends it as 40 rows do."""
    logits, truth, _ = _saturated(0)
    logits, truth = logits[:1_500], truth[:1_500]
    once = _draw(logits, truth)
    weight = np.where(np.arange(1_500) % 3 == 0, 40.0, 1.0)
    weighted = Observed(once.target, weight, once.examined, once.group)
    repeated = np.repeat(np.arange(1_500), weight.astype(int))
    copies = Observed(
        once.target[repeated], np.ones(len(repeated)), once.examined[repeated], repeated
    )
    platt = fit_platt(logits, weighted)
    one = fit_smooth(logits, weighted, platt)
    other = fit_smooth(logits[repeated], copies, platt)
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one.apply(logits), other.apply(logits), atol=5e-3)


@pytest.mark.parametrize("different", [1, 2])
def test_logits_without_ranks_get_platt(different: int) -> None:
    """One or two different logits have no curve."""
    logits = np.repeat(np.arange(different, dtype=np.float64), 2_000 // different)
    observed = _draw(logits, sigmoid(logits))
    assert fit_smooth(logits, observed, fit_platt(logits, observed)) is None
    fitted = fit_calibration(logits, observed, seed=0)
    assert isinstance(fitted.calibration, PlattCalibration)


def test_few_rows_get_platt() -> None:
    """Below 1,000 rows the isotonic map is not even tried."""
    logits = _logits(MIN_ISOTONIC_ROWS - 1)
    fitted = fit_calibration(logits, _draw(logits, np.where(logits > 0, 0.9, 0.05)), seed=0)
    assert isinstance(fitted.calibration, PlattCalibration)
    assert "fewer than 1,000" in fitted.reason


@pytest.mark.parametrize("click", [0.0, 1.0])
def test_one_class_is_left_alone(click: float) -> None:
    """Rows without any click, or with nothing else, calibrate nothing: the identity stands."""
    logits = _logits(100)
    group = np.arange(100, dtype=np.int64)
    observed = Observed(np.full(100, click), np.ones(100), np.ones(100), group)
    fitted = fit_calibration(logits, observed, seed=0)
    assert fitted.calibration == PlattCalibration()
    assert "one class" in fitted.reason


def test_separable_rows_do_not_make_the_slope_infinite() -> None:
    """A handful of rows that happen to be separable give a modest slope."""
    logits = np.array([-2.0, -1.0, 1.0, 2.0])
    observed = Observed((logits > 0).astype(np.float64), np.ones(4), np.ones(4), np.arange(4))
    assert fit_platt(logits, observed).slope < 10


def test_a_reversed_model_keeps_its_ranks() -> None:
    """Where clicks fall with the logit the curve flattens; it never falls."""
    logits = _logits(2_000)
    fitted = fit_calibration(logits, _draw(logits, sigmoid(-logits)), seed=0)
    ordered = fitted.calibration.apply(np.sort(logits))
    assert (np.diff(ordered) >= 0).all()


def test_no_step_turns_rounding_into_a_jump() -> None:
    """Logits that differ by float32 rounding get probabilities that differ by less than 1e-5."""
    logits = _logits(20_000)
    observed = _draw(logits, np.where(logits > 0, 0.5, 0.05))
    fitted = fit_isotonic(logits, observed, fit_platt(logits, observed))
    assert fitted is not None
    moved = np.abs(fitted.apply(logits + 1e-6) - fitted.apply(logits))
    assert moved.max() < 1e-5


def test_rates_fit_like_the_clicks_behind_them() -> None:
    """A rate of 0.3 with 10 impressions is 3 clicks and 7 rows without."""
    logits = np.linspace(-2, 2, 50)
    rate = np.round(sigmoid(logits), 1)
    group = np.arange(50, dtype=np.int64)
    rates = Observed(rate, np.full(50, 10.0), np.ones(50), group)
    both = np.tile(logits, 2)
    clicks = Observed(
        np.repeat([1.0, 0.0], 50),
        np.concatenate((10 * rate, 10 * (1 - rate))),
        np.ones(100),
        np.tile(group, 2),
    )
    one, other = fit_platt(logits, rates), fit_platt(both, clicks)
    assert one.slope == pytest.approx(other.slope, rel=1e-3)
