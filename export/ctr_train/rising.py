"""A logistic curve over features of a logit that may only rise; every smooth calibration is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SLOPE_PRIOR = 1.0
"""Deviation of each log(slope): worth one observation, so that a handful of rows that happen to be
separable does not make a slope infinite."""
INTERCEPT_PRIOR = 3.0


def fit_rising(
    features: Floats, *, target: Floats, weight: Floats, examined: Floats
) -> tuple[Floats, float]:
    """Fit examined * sigmoid(slopes @ features + intercept) to the clicks by maximum likelihood.

    Slopes are positive by construction (their logarithms are fitted), so features that rise with a
    logit give a curve that does, and no ranks are reversed. Weak normal priors stand on each
    log(slope), about an equal share of 1, and on the intercept.

    Args:
        features: float64 [features, rows], finite.
        target: float64 [rows], click rates in [0, 1].
        weight: float64 [rows], impressions.
        examined: float64 [rows], P(examined) where the row was shown, in (0, 1].

    Returns:
        slopes, float64 [features], and the intercept.
    """
    with np.errstate(divide="ignore"):  # log(0) = -inf is right where examined is 1
        log_examined, log_rest = np.log(examined), np.log1p(-examined)
    total = float(weight.sum())
    centre = -np.log(len(features))

    def loss(parameters: Floats) -> tuple[float, Floats]:
        log_slopes, intercept = parameters[:-1], parameters[-1]
        slopes, off_centre = np.exp(log_slopes), log_slopes - centre
        shifted = slopes @ features + intercept
        log_sigmoid, log_other = -np.logaddexp(0, -shifted), -np.logaddexp(0, shifted)
        log_none = np.logaddexp(log_rest, log_examined + log_other)
        likelihood = target * (log_examined + log_sigmoid)
        likelihood += (1 - target) * log_none
        seen = examined * np.exp(log_sigmoid)
        step = weight * np.exp(log_other - log_none) * (target - seen)
        prior = float(off_centre @ off_centre) / SLOPE_PRIOR**2 / 2
        prior += (intercept / INTERCEPT_PRIOR) ** 2 / 2
        slope_steps = slopes * (features @ step) - off_centre / SLOPE_PRIOR**2
        intercept_step = float(step.sum()) - intercept / INTERCEPT_PRIOR**2
        value = prior - float(weight @ likelihood)
        return value / total, -np.append(slope_steps, intercept_step) / total

    start = np.append(np.full(len(features), centre), 0.0)
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B")
    return np.exp(fitted.x[:-1]), float(fitted.x[-1])
