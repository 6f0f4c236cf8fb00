"""Platt's map: the line through logits that explains clicks best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_service.bundle.calibration import PlattCalibration
from ctr_train.rising import fit_rising

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def platt_map(
    logits: Floats, *, target: Floats, weight: Floats, examined: Floats
) -> PlattCalibration:
    """Fit examined * sigmoid(slope * logit + intercept) to the clicks by maximum likelihood.

    Args:
        logits: float64 [rows], finite.
        target: float64 [rows], click rates in [0, 1].
        weight: float64 [rows], impressions.
        examined: float64 [rows], P(examined) where the row was shown, in (0, 1].
    """
    slopes, intercept = fit_rising(
        logits[np.newaxis], target=target, weight=weight, examined=examined
    )
    return PlattCalibration(slope=float(slopes[0]), intercept=intercept)
