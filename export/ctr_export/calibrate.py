"""Fitting a calibration: logits of one graph -> P(click | examined).

Where the log has positions, a click is seen with probability examined * p, and it is p that is
fitted: a map fitted to the clicks as they are would bring the positions' bias back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from sklearn.isotonic import isotonic_regression

from ctr_export.curve import fit_curve
from ctr_service.bundle.calibration import IsotonicCalibration, PlattCalibration, sigmoid
from ctr_train.metrics import log_loss
from ctr_train.platt import platt_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctr_export.observed import Observed
    from ctr_service.bundle.calibration import Calibration

    Floats: TypeAlias = NDArray[np.float64]

MIN_ISOTONIC_ROWS = 1_000
FOLDS = 5
MAX_BINS = 40
ROWS_A_BIN = 50
EDGE = 1e-4
"""Isotonic knots keep this distance from 0 and 1: a bin without clicks does not prove p = 0."""
WORTHWHILE_GAIN = 0.005
"""Share of its log loss that the isotonic map must save over the curve to serve."""
TAIL_LOGITS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Beyond the outermost knot a map goes on as Platt's, with knots so far out."""


@dataclass(frozen=True, slots=True)
class FittedCalibration:
    """A calibration, why it was chosen, for people, and what it makes of the rows it was fitted on.

    `mean_probability` is P(click | examined), weighted by impressions.
    """

    calibration: Calibration
    reason: str
    mean_probability: float


def fit_calibration(logits: Floats, observed: Observed, *, seed: int) -> FittedCalibration:
    """Fit Platt's map, a curve of four parameters or an isotonic map, by cross-validated log loss.

    Platt's line cannot follow logits that crowd at one end; an isotonic map follows the noise of
    each bin, the more so as few rows of a position were looked at. The curve (`curve.py`) had less
    error to the true attraction than either, or than their mean, in simulated clicks on the demo's
    searches; see docs/decisions/0010. So the isotonic map must be better by more than noise.

    Args:
        logits: float64 [rows], finite, of the very graph that will be served.
        observed: the same rows.
        seed: of the folds.
    """
    calibration, reason = _choose(logits, observed, seed)
    mean = float(np.average(calibration.apply(logits), weights=observed.weight))
    return FittedCalibration(calibration, reason, mean)


def _choose(logits: Floats, observed: Observed, seed: int) -> tuple[Calibration, str]:
    clicks = float(observed.weight @ observed.target)
    if clicks <= 0 or clicks >= observed.weight.sum():
        return PlattCalibration(), "identity: the validation rows show one class only"
    platt = fit_platt(logits, observed)
    if len(logits) < MIN_ISOTONIC_ROWS:
        return platt, f"Platt: fewer than {MIN_ISOTONIC_ROWS:,} validation rows"
    losses = _cross_validated(logits, observed, seed)
    figures = ", ".join(f"{loss:.5f} ({kind})" for kind, loss in losses.items())
    isotonic, curve = fit_isotonic(logits, observed, platt), fit_smooth(logits, observed, platt)
    if isotonic is None or curve is None or losses["platt"] < losses["curve"]:
        return platt, f"Platt: log loss {figures}"
    if losses["isotonic"] < (1 - WORTHWHILE_GAIN) * losses["curve"]:
        return isotonic, f"isotonic: log loss {figures}"
    return curve, f"curve: log loss {figures}"


def fit_smooth(
    logits: Floats, observed: Observed, platt: PlattCalibration
) -> IsotonicCalibration | None:
    """Fit the curve of `curve.py`, drawn by knots; None where too few logits differ."""
    curve = fit_curve(logits, observed)
    return None if curve is None else _with_tails(*curve, platt.slope)


def fit_platt(logits: Floats, observed: Observed) -> PlattCalibration:
    """Fit examined * sigmoid(slope * logit + intercept) to the clicks by maximum likelihood."""
    return platt_map(
        logits, target=observed.target, weight=observed.weight, examined=observed.examined
    )


def fit_isotonic(
    logits: Floats, observed: Observed, platt: PlattCalibration
) -> IsotonicCalibration | None:
    """Fit a rising piecewise-linear map through bins of equal impressions; None if it is flat.

    Bins that would fall are pooled (Zadrozny and Elkan 2002) and each pool is one knot at its mean
    logit, so the map rises strictly: no two logits are tied, and no step turns a rounding error of
    the logit into a jump of the probability. Within a bin, p minimises
    sum w (click - examined * p)^2.
    """
    bins = min(MAX_BINS, len(logits) // ROWS_A_BIN)
    order = np.argsort(logits, kind="stable")
    mass = np.cumsum(observed.weight[order])
    of_row = np.minimum((mass - observed.weight[order] / 2) / mass[-1] * bins, bins - 1).astype(int)
    weight, examined = observed.weight[order], observed.examined[order]

    def by_bin(values: Floats) -> Floats:
        return np.bincount(of_row, values, minlength=bins).astype(np.float64)

    evidence = by_bin(weight * examined**2)
    filled = evidence > 0
    clicks = by_bin(weight * examined * observed.target[order])[filled]
    centres = by_bin(weight * examined**2 * logits[order])[filled]
    evidence = evidence[filled]
    pooled = isotonic_regression(clicks / evidence, sample_weight=evidence)
    values, pool = np.unique(np.clip(pooled, EDGE, 1 - EDGE), return_inverse=True)
    knots = np.bincount(pool, centres) / np.bincount(pool, evidence)
    if len(values) < 2 or (np.diff(knots) <= 0).any():  # noqa: PLR2004 -- a line has two ends
        return None
    return _with_tails(knots, values, platt.slope)


def _with_tails(knots: Floats, values: Floats, slope: float) -> IsotonicCalibration:
    ends = np.log(values[[0, -1]] / (1 - values[[0, -1]]))
    far = np.array(TAIL_LOGITS)
    low = sigmoid(ends[0] - slope * far[::-1])
    high = sigmoid(ends[1] + slope * far)
    return IsotonicCalibration(
        logits=tuple(np.concatenate((knots[0] - far[::-1], knots, knots[-1] + far)).tolist()),
        probabilities=tuple(np.concatenate((low, values, high)).tolist()),
    )


def _cross_validated(logits: Floats, observed: Observed, seed: int) -> dict[str, float]:
    """Return each kind's log loss on folds that it was not fitted on; infinite where it fails."""
    codes, group = np.unique(observed.group, return_inverse=True)
    if len(codes) < FOLDS:
        codes = group = np.arange(len(logits))
    fold = (np.random.default_rng(seed).permutation(len(codes)) % FOLDS)[group]
    kinds = ("platt", "curve", "isotonic")
    predicted = {kind: np.empty(len(logits)) for kind in kinds}
    failed = False
    for number in range(FOLDS):
        inside = fold != number
        platt = fit_platt(logits[inside], observed.take(inside))
        maps: dict[str, Calibration | None] = {
            "platt": platt,
            "curve": fit_smooth(logits[inside], observed.take(inside), platt),
            "isotonic": fit_isotonic(logits[inside], observed.take(inside), platt),
        }
        for kind, fitted in maps.items():
            failed |= fitted is None
            predicted[kind][~inside] = (fitted or platt).apply(logits[~inside])
    losses = {
        kind: log_loss(observed.target, observed.examined * chance, observed.weight)
        for kind, chance in predicted.items()
    }
    return losses | (dict.fromkeys(("curve", "isotonic"), float("inf")) if failed else {})
