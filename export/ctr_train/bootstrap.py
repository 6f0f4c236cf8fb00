"""How sure is it that a model beats a constant? A bootstrap of whole groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_train.metrics import group_codes, row_log_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
LEVEL = 0.95
MAX_DRAWS_AT_ONCE = 4_000_000
"""Bounds memory: groups drawn in one numpy call."""


@dataclass(frozen=True, slots=True)
class LossGain:
    """Log loss of the model less that of the constant, in nats an impression; below 0 is better.

    Attributes:
        low, high: percentile bootstrap interval at `level`.
        constant: the probability that the constant predictor gives every row.
        clicks: how many clicks the judgement rests on.
    """

    difference: float
    low: float
    high: float
    level: float
    constant: float
    model_log_loss: float
    constant_log_loss: float
    groups: int
    clicks: float
    resamples: int

    @property
    def is_better(self) -> bool:
        """Say whether the whole interval lies below 0."""
        return self.high < 0

    @property
    def is_worse(self) -> bool:
        """Say whether the whole interval lies above 0."""
        return self.low > 0

    def sentence(self) -> str:
        """Return the result as people read it."""
        verdict = "the interval holds 0: these rows cannot tell the two apart"
        if self.is_better:
            verdict = "the model is better"
        elif self.is_worse:
            verdict = "the model is worse"
        return (
            f"log loss {self.model_log_loss:.5f} against {self.constant_log_loss:.5f} for the "
            f"constant {self.constant:.5f}: difference {self.difference:+.5f}, "
            f"{self.level:.0%} interval {self.low:+.5f} to {self.high:+.5f} "
            f"({self.resamples:,} resamples of {self.groups:,} groups, {self.clicks:,.0f} clicks); "
            f"{verdict}"
        )


def loss_gain(  # noqa: PLR0913 -- the last three are options by keyword
    target: ArrayLike,
    probability: ArrayLike,
    weight: ArrayLike,
    *,
    group: Sequence[str] | NDArray[np.int64],
    constant: float,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> LossGain:
    """Compare a model with a constant on the same rows.

    Rows of one group are not independent, so groups are drawn with replacement, not rows (the
    cluster bootstrap; Cameron, Gelbach and Miller 2008). The interval is the percentile one (Efron
    and Tibshirani 1993, chapter 13). It holds no variance of training: the model stays as it is.

    Args:
        target: [rows] rates.
        probability: [rows], the model's.
        weight: [rows] impressions.
        group: [rows].
        constant: the rival; the training split's base rate is the fair one.
        rng: makes the resamples; equal seeds give equal intervals.
        resamples: how many.
        level: of the interval.
    """
    rate, mass = np.asarray(target, np.float64), np.asarray(weight, np.float64)
    model = mass * row_log_loss(rate, probability)
    rival = mass * row_log_loss(rate, np.full(len(rate), constant))
    _, codes = np.unique(group_codes(group), return_inverse=True)
    groups = int(codes.max()) + 1
    gain_of = np.bincount(codes, model - rival, minlength=groups).astype(np.float64)
    mass_of = np.bincount(codes, mass, minlength=groups).astype(np.float64)
    drawn = _resample(gain_of, mass_of, resamples, rng)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    total = float(mass.sum())
    return LossGain(
        difference=float(gain_of.sum() / total),
        low=float(low),
        high=float(high),
        level=level,
        constant=constant,
        model_log_loss=float(model.sum() / total),
        constant_log_loss=float(rival.sum() / total),
        groups=groups,
        clicks=float(mass @ rate),
        resamples=resamples,
    )


def _resample(
    gain_of: NDArray[np.float64],
    mass_of: NDArray[np.float64],
    resamples: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the mean gain of each resample of groups, [resamples]."""
    groups = len(gain_of)
    at_once = max(1, MAX_DRAWS_AT_ONCE // groups)
    means = []
    for start in range(0, resamples, at_once):
        size = (min(at_once, resamples - start), groups)
        drawn = rng.integers(groups, size=size)
        means.append(gain_of[drawn].sum(axis=1) / mass_of[drawn].sum(axis=1))
    return np.concatenate(means)
