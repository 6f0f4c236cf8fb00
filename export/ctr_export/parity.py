"""A candidate's logits against PyTorch's on the same rows, in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import spearmanr

from ctr_service.bundle.manifest import ParityFigures
from ctr_train.metrics import ECE_BINS, auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctr_export.invariance import Moved
    from ctr_export.samples import Sample
    from ctr_service.bundle.calibration import Calibration

    Floats = NDArray[np.float64]

TIED_LOGITS = 1e-4
"""Logits closer than this count as tied: rounding in another order must not look like a swap."""
MIN_ECE_ROWS = 150
"""Ten rows in each of the 15 bins; below, the calibration error is noise."""


def parity_figures(
    reference: Floats, logits: Floats, sample: Sample, *, ruler: Calibration, shifted: Moved
) -> ParityFigures:
    """Compare logits, probabilities, AUC and the order within lists; ECE is left open.

    Args:
        reference: PyTorch's logits, float64 [rows].
        logits: the candidate's, float64 [rows], finite.
        sample: the rows.
        ruler: turns both into probabilities; the same for every candidate.
        shifted: how far rows moved with their batch-mates.
    """
    delta = np.abs(ruler.apply(logits) - ruler.apply(reference))
    candidate_auc = _auc(logits, sample)
    reference_auc = _auc(reference, sample)
    auc_delta = None
    if candidate_auc is not None and reference_auc is not None:
        auc_delta = candidate_auc - reference_auc
    return ParityFigures(
        pairs=len(sample),
        max_abs_delta_logit=float(np.abs(logits - reference).max()),
        max_abs_delta_probability=float(delta.max()),
        p99_abs_delta_probability=float(np.quantile(delta, 0.99)),
        auc=candidate_auc,
        auc_delta=auc_delta,
        ece=None,
        ece_delta=None,
        rank_correlation=rank_correlation(reference, logits, sample.group),
        invariance_max=shifted.max,
        invariance_p99=shifted.p99,
    )


def calibration_error(
    logits: Floats, sample: Sample, calibration: Calibration, *, reference: Floats
) -> float | None:
    """Return the expected calibration error over bins of equal impressions; None for few rows.

    sum over bins of (share of impressions) * |promised clicks - clicks| (Naeini et al. 2015), where
    a click is promised with probability examined * p, so that positions do not count as error. The
    bins are those of PyTorch's order for every candidate: with bins of its own, rows that change
    bins by rounding would move the figure by more than the gate allows (0.005 at 1,000 rows).

    Args:
        logits: the candidate's, float64 [rows].
        sample: the rows.
        calibration: the candidate's own.
        reference: PyTorch's logits, float64 [rows].
    """
    if len(sample) < MIN_ECE_ROWS:
        return None
    order = np.argsort(reference, kind="stable")
    mass = sample.weight[order]
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    of_row = np.minimum((middle * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    promised = sample.examined * calibration.apply(logits)
    gap = np.bincount(of_row, mass * (promised - sample.target)[order], minlength=ECE_BINS)
    return float(np.abs(gap).sum() / mass.sum())


def rank_correlation(reference: Floats, logits: Floats, group: NDArray[np.int64]) -> float | None:
    """Return Spearman's rank correlation within each list, averaged over lists.

    Lists whose logits are all tied have no order and do not count; None if no list has one.
    """
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order])) + 1
    found: list[float] = []
    for rows in np.split(order, starts):
        ours, theirs = _rounded(logits[rows]), _rounded(reference[rows])
        if np.ptp(ours) > 0 and np.ptp(theirs) > 0:
            found.append(float(spearmanr(ours, theirs).statistic))
    return float(np.mean(found)) if found else None


def _rounded(logits: Floats) -> Floats:
    return np.round(logits / TIED_LOGITS)


def _auc(logits: Floats, sample: Sample) -> float | None:
    value = auc(sample.target, logits, sample.weight)
    return value if np.isfinite(value) else None
