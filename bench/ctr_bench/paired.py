"""Two servers measured in turn, pair by pair: the ratio of a figure, and how sure it is. Pure.

What the machine does in a minute hits both sides of a pair alike, so pairs are drawn with both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy.stats import norm, t

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_RunT = TypeVar("_RunT")

RESAMPLES = 2_000
CONFIDENCE = 0.95
LEAST_PAIRS = 6
"""Even the extremes of n pairs leave the truth out once in 2 ** (n - 1) times: 1 in 16 of 5."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A figure of one side over the other's, with the interval that holds it with CONFIDENCE."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def paired_ratio(
    changed: Sequence[_RunT],
    plain: Sequence[_RunT],
    figure: Callable[[Sequence[_RunT]], float],
    *,
    seed: int,
) -> Ratio:
    """Return `figure(changed) / figure(plain)` over all pairs, with a bootstrap over pairs.

    The interval is the bootstrap's with expanded percentiles (Hesterberg 2015, What Teachers
    Should Know about the Bootstrap, section 5.2): the plain percentiles of a few pairs are too
    narrow, and of 4 pairs of two equal servers they called one in five different. Below
    `LEAST_PAIRS` no percentile helps; the interval is then the extremes of the pairs.

    Args:
        changed: a run each pair, at least one.
        plain: the other side's, in the same order.
        figure: of any selection of one side's runs.
        seed: of the draws.

    Raises:
        ValueError: there are no pairs, or not as many of one side as of the other.
    """
    if not changed or len(changed) != len(plain):
        raise ValueError(f"{len(changed)} and {len(plain)} runs are no pairs")
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(plain), (RESAMPLES, len(plain)))
    ratios = [
        figure([changed[pair] for pair in drawn]) / figure([plain[pair] for pair in drawn])
        for drawn in draws.tolist()
    ]
    tail = 100 * _tail(len(plain))
    low, high = np.percentile(ratios, [tail, 100 - tail])
    return Ratio(figure(changed) / figure(plain), float(low), float(high))


def _tail(pairs: int) -> float:
    """Return what lies outside on either side, less than (1 - CONFIDENCE) / 2 for a few pairs.

    A resample of n varies by sqrt((n - 1) / n) of what a sample does, and n pairs tell their own
    spread no better than Student's t with n - 1 degrees of freedom allows.
    """
    if pairs < LEAST_PAIRS:
        return 0.0
    widened = t.ppf((1 + CONFIDENCE) / 2, pairs - 1) * math.sqrt(pairs / (pairs - 1))
    return float(norm.sf(widened))
