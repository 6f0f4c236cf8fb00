"""The position model once more, when the classifier is done.

While both learn together, a classifier that cannot yet tell good items from bad ones leaves the
difference to the positions: production rankers put good items on top, so lower places look less
examined than they are, and items more attractive. Afterwards the classifier's ranks are known, and
examination can be counted against items of equal rank. Measured on the demo's log: see
docs/decisions/0010.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_train.position import PRIOR_CLICKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BINS = 20
ROUNDS = 200
SETTLED = 1e-6
RANGE = (1e-3, 1.0)


def refit_examination(
    logit: Floats, tie: NDArray[np.int64], target: Floats, weight: Floats, learnt: Floats
) -> Floats:
    """Return the examination of each tie that explains the clicks best, float64 [ties], first 1.

    Expected clicks of a row are examination[tie] x attraction[bin of its logit]. Rows and columns
    of that table are scaled in turn until both margins hold (iterative proportional fitting, Deming
    and Stephan 1940; the maximum-likelihood fit of a multiplicative Poisson model). The shape of
    attraction over the logit is free, so a badly calibrated classifier does no harm.

    Args:
        logit: float64 [rows], of P(click | examined); only its order counts.
        tie: int64 [rows].
        target: float64 [rows], click rates.
        weight: float64 [rows], impressions.
        learnt: float64 [ties], what was learnt beside the classifier; worth five clicks a tie.
    """
    clicks_seen = weight * target
    bins = _bins(logit, weight)
    tie_clicks = np.bincount(tie, clicks_seen, minlength=len(learnt))
    bin_clicks = np.bincount(bins, clicks_seen, minlength=BINS)
    examination = learnt.copy()
    for _ in range(ROUNDS):
        looked_at = np.bincount(bins, weight * examination[tie], minlength=BINS)
        attraction = bin_clicks / np.maximum(looked_at, np.finfo(float).tiny)
        expected = np.bincount(tie, weight * attraction[bins], minlength=len(learnt))
        scaled = (tie_clicks + PRIOR_CLICKS) / (expected + PRIOR_CLICKS / learnt)
        scaled = np.clip(scaled / scaled[0], *RANGE)
        moved = float(np.abs(np.log(scaled / examination)).max())
        examination = scaled
        if moved < SETTLED:
            break
    return examination


def _bins(logit: Floats, weight: Floats) -> NDArray[np.int64]:
    """Return the bin of each row, int64 [rows]: about equal weights, equal logits together."""
    order = np.argsort(logit, kind="stable")
    mass = np.cumsum(weight[order])
    ends = np.searchsorted(mass, mass[-1] * np.arange(1, BINS) / BINS)
    edges = logit[order][np.minimum(ends, len(logit) - 1)]
    return np.searchsorted(edges, logit, side="left").astype(np.int64)
