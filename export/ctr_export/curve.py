"""A smooth calibration of four parameters: as steady as Platt's line, and it can bend.

Logits of a classifier that saturates crowd at an end: of the demo's, two fifths lie between 1.0 and
1.2, over which P(click | examined) rises from 0.66 to 0.76. No line follows both that and the long
low tail, and an isotonic map needs more clicks than there are to do so bin by bin. What tells
crowded logits apart is their rank. So the curve is logistic in the logit and in its normal score
(the normal quantile of its rank), with a slope for each half of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from ctr_service.bundle.calibration import MIN_PROBABILITY, sigmoid
from ctr_train.rising import fit_rising

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctr_export.observed import Observed

    Floats = NDArray[np.float64]

RANK_KNOTS = 41
"""Normal scores are drawn through so many quantiles of the logits."""
GRID = 257
"""The curve is drawn by so many knots more, so close that a line between two misses it by 1e-4."""
LEAST_GAP = 1e-6


@dataclass(frozen=True, slots=True)
class NormalScores:
    """The normal score of a logit's rank, linear between quantiles, constant beyond them.

    Attributes:
        logits: float64 [knots], rising strictly.
        scores: float64 [knots], rising strictly.
    """

    logits: Floats
    scores: Floats

    @classmethod
    def of(cls, logits: Floats, weight: Floats) -> NormalScores | None:
        """Draw them; None where so few logits differ that there are no ranks.

        Args:
            logits: float64 [rows], finite.
            weight: float64 [rows], impressions.
        """
        order = np.argsort(logits, kind="stable")
        mass = np.cumsum(weight[order])
        shares = (np.arange(RANK_KNOTS) + 0.5) / RANK_KNOTS
        # Logits that were seen, not values between: two of them are two knots.
        at = np.searchsorted(mass, np.linspace(0, 1, RANK_KNOTS) * mass[-1])
        knots = logits[order][np.minimum(at, len(order) - 1)]
        rising = np.concatenate(([True], np.diff(knots) > LEAST_GAP))
        pool = np.cumsum(rising) - 1
        scores = np.bincount(pool, norm.ppf(shares)) / np.bincount(pool)
        return cls(knots[rising], scores) if len(scores) > 2 else None  # noqa: PLR2004 -- two halves

    def __call__(self, logits: Floats) -> Floats:
        """Return the normal scores, float64 of the logits' shape."""
        return np.interp(logits, self.logits, self.scores)


def fit_curve(logits: Floats, observed: Observed) -> tuple[Floats, Floats] | None:
    """Fit the curve; return its knots, logits and probabilities, both rising strictly.

    Args:
        logits: float64 [rows], finite.
        observed: the same rows.

    Returns:
        None where so few logits differ that Platt's line is all that can be fitted.
    """
    scores = NormalScores.of(logits, observed.weight)
    if scores is None:
        return None
    slopes, intercept = fit_rising(
        _features(logits, scores),
        target=observed.target,
        weight=observed.weight,
        examined=observed.examined,
    )
    grid = np.linspace(logits.min(), logits.max(), GRID)
    knots = np.unique(np.concatenate([scores.logits, grid]))
    knots = knots[np.concatenate(([True], np.diff(knots) > LEAST_GAP))]
    drawn = sigmoid(slopes @ _features(knots, scores) + intercept)
    return knots, np.clip(drawn, MIN_PROBABILITY, 1 - MIN_PROBABILITY)


def _features(logits: Floats, scores: NormalScores) -> Floats:
    """Return float64 [3, rows]: the logit, and its normal score below and above the median."""
    score = scores(logits)
    return np.stack([logits, np.minimum(score, 0.0), np.maximum(score, 0.0)])
