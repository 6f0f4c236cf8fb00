"""Weighted metrics of click predictions. numpy only, so that export may use them as well.

Every function takes a click rate `target` in [0, 1] and the `weight` (impressions) behind it. A
row counts as two: one click row of weight `weight * target` and one row without a click of weight
`weight * (1 - target)`. A figure that is not defined (one class only) is NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

ECE_BINS = 15
CLIP = float(np.finfo(np.float64).eps)
"""Predictions stay this far from 0 and 1 in a logarithm, as in scikit-learn's `log_loss`."""


def base_rate(target: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return clicks by impressions: sum(w t) / sum(w)."""
    rate, mass = _targets(target, weight)
    return float(mass @ rate / mass.sum())


def auc(target: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the chance that a click scores above a non-click; a tie counts one half.

    Args:
        target: [rows] rates.
        score: [rows], any rising function of the probability.
        weight: [rows] impressions; None for ones.
    """
    return _auc_by_group(target, score, weight, None)


def auc_within_group(
    target: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    group: Sequence[str] | NDArray[np.int64],
) -> float:
    """Return the AUC within each group, averaged by the groups' impressions.

    Groups with clicks only or without clicks have no AUC and do not count (GAUC; Zhou et al. 2018,
    arXiv 1706.06978).
    """
    return _auc_by_group(target, score, weight, group_codes(group))


def lift_kept(auc_value: float, reference_auc: float) -> float | None:
    """Return (AUC - 0.5) / (reference - 0.5); None where the reference is no better than a coin."""
    return (auc_value - 0.5) / (reference_auc - 0.5) if reference_auc > 0.5 else None  # noqa: PLR2004 -- a coin's AUC


def log_loss(target: ArrayLike, probability: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the binary cross-entropy an impression, in nats."""
    _, mass = _targets(target, weight)
    return float(mass @ row_log_loss(target, probability) / mass.sum())


def row_log_loss(target: ArrayLike, probability: ArrayLike) -> Floats:
    """Return the binary cross-entropy of each row in nats, [rows], not yet weighted."""
    rate, _ = _targets(target, None)
    chance = _same_length(probability, rate).clip(CLIP, 1 - CLIP)
    losses: Floats = -(rate * np.log(chance) + (1 - rate) * np.log1p(-chance))
    return losses


def ece(
    target: ArrayLike,
    probability: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    bins: int = ECE_BINS,
) -> float:
    """Return the expected calibration error over bins of equal impressions.

    sum over bins of (share of impressions) * |mean prediction - click rate| (Naeini et al. 2015,
    with bins of equal mass: Nguyen and O'Connor 2015). Equal predictions share a bin.
    """
    rate, mass = _targets(target, weight)
    chance = _same_length(probability, rate)
    values, inverse = np.unique(chance, return_inverse=True)
    atom = np.bincount(inverse, mass, minlength=len(values))
    clicks = np.bincount(inverse, mass * rate, minlength=len(values))
    # An atom belongs to the bin in which the middle of its mass falls.
    middle = (np.cumsum(atom) - atom / 2) / atom.sum()
    index = np.minimum((middle * bins).astype(np.int64), bins - 1)
    gap = np.bincount(index, atom * values - clicks, minlength=bins)
    return float(np.abs(gap).sum() / atom.sum())


def normalised_entropy(
    target: ArrayLike, probability: ArrayLike, weight: ArrayLike | None = None
) -> float:
    """Return log loss by the log loss of the constant base rate (He et al. 2014).

    Below 1 the model knows more than the base rate. NaN where the base rate is 0 or 1.
    """
    rate = base_rate(target, weight)
    if rate <= 0 or rate >= 1:
        return float("nan")
    entropy = -(rate * np.log(rate) + (1 - rate) * np.log1p(-rate))
    return float(log_loss(target, probability, weight) / entropy)


def summarise(
    target: ArrayLike,
    probability: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    group: Sequence[str] | NDArray[np.int64] | None = None,
) -> dict[str, float]:
    """Return every figure by name; one that is not defined is left out, so that JSON stays valid.

    Args:
        target: [rows] rates.
        probability: [rows] in [0, 1].
        weight: [rows] impressions; None for ones.
        group: [rows]; adds `auc_within_group` and `groups`.
    """
    rate, mass = _targets(target, weight)
    chance = _same_length(probability, rate)
    figures = {
        "auc": auc(rate, chance, mass),
        "log_loss": log_loss(rate, chance, mass),
        "ece": ece(rate, chance, mass),
        "normalised_entropy": normalised_entropy(rate, chance, mass),
        "base_rate": base_rate(rate, mass),
        "mean_probability": float(mass @ chance / mass.sum()),
        "rows": float(len(rate)),
        "impressions": float(mass.sum()),
        "clicks": float(mass @ rate),
    }
    if group is not None:
        codes = group_codes(group)
        figures["auc_within_group"] = auc_within_group(rate, chance, mass, group=codes)
        figures["groups"] = float(len(np.unique(codes)))
    return {name: value for name, value in figures.items() if np.isfinite(value)}


def group_codes(group: Sequence[str] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return an int code a row, equal where the groups are equal, in order of first sight."""
    if isinstance(group, np.ndarray) and np.issubdtype(group.dtype, np.integer):
        return group
    seen: dict[str, int] = {}
    codes = (seen.setdefault(str(name), len(seen)) for name in group)
    return np.fromiter(codes, dtype=np.int64, count=len(group))


def _auc_by_group(
    target: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None,
    codes: NDArray[np.int64] | None,
) -> float:
    """One pass for all groups: sort by (group, score), then count what lies below each tie run."""
    rate, mass = _targets(target, weight)
    points = _same_length(score, rate)
    groups = np.zeros(len(rate), dtype=np.int64) if codes is None else codes
    order = np.lexsort((points, groups))
    points, groups = points[order], groups[order]
    clicks, others = (mass * rate)[order], (mass * (1 - rate))[order]

    new_group = np.concatenate(([True], groups[1:] != groups[:-1]))
    run_starts = np.flatnonzero(new_group | np.concatenate(([True], points[1:] != points[:-1])))
    run_clicks = np.add.reduceat(clicks, run_starts)
    run_others = np.add.reduceat(others, run_starts)
    run_group = np.cumsum(new_group)[run_starts] - 1

    below = np.cumsum(run_others) - run_others
    first_run = np.flatnonzero(new_group[run_starts])
    below -= below[first_run][run_group]
    won = np.bincount(run_group, run_clicks * (below + run_others / 2))
    group_clicks = np.bincount(run_group, run_clicks)
    group_others = np.bincount(run_group, run_others)

    defined = (group_clicks > 0) & (group_others > 0)
    if not defined.any():
        return float("nan")
    pairs = group_clicks[defined] * group_others[defined]
    return float(np.average(won[defined] / pairs, weights=(group_clicks + group_others)[defined]))


def _targets(target: ArrayLike, weight: ArrayLike | None) -> tuple[Floats, Floats]:
    rate = np.asarray(target, dtype=np.float64)
    if rate.ndim != 1 or not len(rate):
        raise ValueError(f"metrics need one target a row and at least one row, not {rate.shape}")
    mass = np.ones_like(rate) if weight is None else _same_length(weight, rate)
    if mass.min() < 0 or mass.sum() <= 0:
        raise ValueError("weights must not be negative, and not all zero")
    return rate, mass


def _same_length(values: ArrayLike, like: Floats) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != like.shape:
        raise ValueError(f"shapes differ: {array.shape} against {like.shape}")
    if not np.isfinite(array).all():
        raise ValueError("values must be finite")
    return array
