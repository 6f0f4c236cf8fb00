"""Paired differences of two models on the same rows, with a bootstrap interval over groups.

Whole groups are drawn with replacement (cluster bootstrap), the same for both models, so that what
both find hard does not blur the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_train.metrics import auc

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

RESAMPLES = 500
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of the first model less that of the second.

    Attributes:
        low, high: percentile bootstrap interval at 95 %, over groups.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        verdict = "differs" if self.low > 0 or self.high < 0 else "not told apart"
        return f"{self.value:+.5f} ({LEVEL:.0%} {self.low:+.5f} to {self.high:+.5f}; {verdict})"


def auc_difference(
    rows: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    rng: np.random.Generator,
) -> Difference:
    """Return the AUC of the first scores less that of the second, with whole groups drawn.

    Args:
        rows: click rates, impressions and group codes, [rows] each.
        first: float64 [rows], any rising function of the probability.
        second: the same of the other model.
        rng: draws the resamples.
    """
    target, weight, group = rows
    _, codes = np.unique(group, return_inverse=True)
    return difference(
        lambda mass: auc(target, first, mass) - auc(target, second, mass),
        weight,
        draws(codes, weight, rng),
    )


def draws(
    codes: NDArray[np.int64], weight: NDArray[np.float64], rng: np.random.Generator
) -> list[NDArray[np.float64]]:
    """Return the weights of the rows in each resample: the drawn times of their group."""
    groups = int(codes.max()) + 1
    counts = (
        np.bincount(rng.integers(groups, size=groups), minlength=groups) for _ in range(RESAMPLES)
    )
    return [weight * count[codes] for count in counts]


def difference(
    of: Callable[[NDArray[np.float64]], float],
    weight: NDArray[np.float64],
    drawn_weights: list[NDArray[np.float64]],
) -> Difference:
    """Return a figure of two models with its interval.

    Args:
        of: the first model's figure less the second's, at given weights of the rows.
        weight: float64 [rows], impressions.
        drawn_weights: the same in each resample; see `draws`.
    """
    drawn = np.array([of(mass) for mass in drawn_weights])
    # A resample without a click has no AUC.
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Difference(of(weight), float(low), float(high))
