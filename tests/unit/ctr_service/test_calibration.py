"""Claims of `ctr_service.bundle.calibration`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ctr_service.bundle.calibration import (
    MIN_PROBABILITY,
    Calibration,
    IsotonicCalibration,
    PlattCalibration,
    sigmoid,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

ISOTONIC = IsotonicCalibration(logits=(-2.0, 0.0, 3.0), probabilities=(0.1, 0.1, 0.7))
CALIBRATIONS = (PlattCalibration(), PlattCalibration(slope=0.3, intercept=-1.5), ISOTONIC)
LOGITS = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20).map(
    lambda values: np.array(values, dtype=np.float32)
)


@given(x=st.floats(-700, 700))
def test_the_sigmoid_is_the_sigmoid(x: float) -> None:
    """It equals the formula where that does not overflow, and never leaves [0, 1]."""
    expected = 1 / (1 + math.exp(-x))
    assert float(sigmoid(np.array([x]))[0]) == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("calibration", CALIBRATIONS)
@given(logits=LOGITS)
def test_probabilities_rise_with_logits_and_keep_off_the_ends(
    calibration: Calibration, logits: NDArray[np.float32]
) -> None:
    """Order is kept, shape and float64 too, and no probability has an infinite log loss."""
    p = calibration.apply(logits)
    assert p.shape == logits.shape
    assert p.dtype == np.float64
    assert (p >= MIN_PROBABILITY).all()
    assert (p <= 1 - MIN_PROBABILITY).all()
    assert (np.diff(p[np.argsort(logits, kind="stable")]) >= 0).all()


def test_platt_scales_and_shifts_the_logit() -> None:
    """Slope * logit + intercept, through the sigmoid; the default is the plain sigmoid."""
    x = np.array([-1.0, 0.0, 2.0])
    np.testing.assert_allclose(PlattCalibration().apply(x), 1 / (1 + np.exp(-x)))
    shifted = PlattCalibration(slope=2, intercept=1).apply(x)
    np.testing.assert_allclose(shifted, 1 / (1 + np.exp(-(2 * x + 1))))


def test_isotonic_is_linear_between_knots_and_flat_beyond() -> None:
    """The map goes through its knots."""
    x = np.array([-9.0, -2.0, -1.0, 0.0, 1.5, 3.0, 9.0])
    np.testing.assert_allclose(ISOTONIC.apply(x), [0.1, 0.1, 0.1, 0.1, 0.4, 0.7, 0.7])


@pytest.mark.parametrize(
    ("logits", "probabilities"),
    [
        ((0.0,), (0.5,)),
        ((0.0, 0.0), (0.1, 0.2)),
        ((1.0, 0.0), (0.1, 0.2)),
        ((0.0, math.nan), (0.1, 0.2)),
        ((0.0, math.inf), (0.1, 0.2)),
        ((0.0, 1.0), (0.2, 0.1)),
        ((0.0, 1.0), (-0.1, 0.5)),
        ((0.0, 1.0), (0.1, 1.5)),
        ((0.0, 1.0), (0.1, math.nan)),
        ((0.0, 1.0, 2.0), (0.1, 0.2)),
    ],
)
def test_knots_that_make_no_calibration_are_refused(
    logits: tuple[float, ...], probabilities: tuple[float, ...]
) -> None:
    """Too few, unequal, not rising, outside [0, 1], not finite."""
    with pytest.raises(ValidationError):
        IsotonicCalibration(logits=logits, probabilities=probabilities)


@pytest.mark.parametrize(("slope", "intercept"), [(0, 0), (-1, 0), (math.nan, 0), (1, math.inf)])
def test_a_platt_map_that_turns_the_order_is_refused(slope: float, intercept: float) -> None:
    """The slope is positive and both are finite."""
    with pytest.raises(ValidationError):
        PlattCalibration(slope=slope, intercept=intercept)


@pytest.mark.parametrize("calibration", CALIBRATIONS)
def test_a_calibration_survives_the_manifest(calibration: Calibration) -> None:
    """Written as JSON and read back it is the same, of the same kind."""
    adapter: TypeAdapter[Calibration] = TypeAdapter(Calibration)
    assert adapter.validate_json(adapter.dump_json(calibration)) == calibration
