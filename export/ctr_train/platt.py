"""Platt's map: the line through logits that explains clicks best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from ctr_service.bundle.calibration import PlattCalibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SLOPE_PRIOR = 1.0
"""Deviation of log(slope) around 0: worth one observation, so that a handful of rows that happen to
be separable does not make the slope infinite."""
INTERCEPT_PRIOR = 3.0


def platt_map(
    logits: Floats, *, target: Floats, weight: Floats, examined: Floats
) -> PlattCalibration:
    """Fit examined * sigmoid(slope * logit + intercept) to the clicks by maximum likelihood.

    The slope is positive by construction (its logarithm is fitted), so no ranks are reversed. Weak
    normal priors stand on log(slope) and on the intercept.

    Args:
        logits: float64 [rows], finite.
        target: float64 [rows], click rates in [0, 1].
        weight: float64 [rows], impressions.
        examined: float64 [rows], P(examined) where the row was shown, in (0, 1].
    """
    with np.errstate(divide="ignore"):  # log(0) = -inf is right where examined is 1
        log_examined, log_rest = np.log(examined), np.log1p(-examined)
    total = float(weight.sum())

    def loss(parameters: Floats) -> tuple[float, Floats]:
        log_slope, intercept = parameters
        scaled = np.exp(log_slope) * logits
        shifted = scaled + intercept
        log_sigmoid, log_other = -np.logaddexp(0, -shifted), -np.logaddexp(0, shifted)
        log_none = np.logaddexp(log_rest, log_examined + log_other)
        likelihood = target * (log_examined + log_sigmoid)
        likelihood += (1 - target) * log_none
        seen = examined * np.exp(log_sigmoid)
        step = weight * np.exp(log_other - log_none) * (target - seen)
        prior = (log_slope / SLOPE_PRIOR) ** 2 / 2 + (intercept / INTERCEPT_PRIOR) ** 2 / 2
        slope_step = float(step @ scaled) - log_slope / SLOPE_PRIOR**2
        intercept_step = float(step.sum()) - intercept / INTERCEPT_PRIOR**2
        value = prior - float(weight @ likelihood)
        return value / total, -np.array([slope_step, intercept_step]) / total

    fitted = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B")
    log_slope, intercept = fitted.x
    return PlattCalibration(slope=float(np.exp(log_slope)), intercept=float(intercept))
