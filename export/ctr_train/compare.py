"""Two models on the same rows: how their figures differ, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_train.metrics import auc, group_codes, log_loss

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ctr_train.assess import Assessment
    from ctr_train.click_log import ClickLog

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


@dataclass(frozen=True, slots=True)
class Scored:
    """What one model says of rows.

    Attributes:
        probability: float64 [rows], P(click | examined).
        assessment: the figures, with P(click) at each row's position.
    """

    probability: NDArray[np.float64]
    assessment: Assessment


def compare(
    log: ClickLog, first: Scored, second: Scored, rng: np.random.Generator
) -> dict[str, Difference]:
    """Return the differences in AUC and log loss, first less second.

    Whole groups are drawn with replacement (cluster bootstrap), the same for both models, so that
    what both find hard does not blur the difference.

    Args:
        log: the rows that both have scored.
        first: one model.
        second: the other.
        rng: draws the resamples.
    """
    target, weight = log.target, log.weight
    _, codes = np.unique(group_codes(log.group), return_inverse=True)
    draws = _draws(codes, weight, rng)
    a, b = first.assessment.click, second.assessment.click
    return {
        "auc": _difference(
            lambda mass: (
                auc(target, first.probability, mass) - auc(target, second.probability, mass)
            ),
            weight,
            draws,
        ),
        "log_loss": _difference(
            lambda mass: log_loss(target, a, mass) - log_loss(target, b, mass), weight, draws
        ),
    }


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
    return _difference(
        lambda mass: auc(target, first, mass) - auc(target, second, mass),
        weight,
        _draws(codes, weight, rng),
    )


def _draws(
    codes: NDArray[np.int64], weight: NDArray[np.float64], rng: np.random.Generator
) -> list[NDArray[np.float64]]:
    """Return the weights of the rows in each resample: the drawn times of their group."""
    groups = int(codes.max()) + 1
    counts = (
        np.bincount(rng.integers(groups, size=groups), minlength=groups) for _ in range(RESAMPLES)
    )
    return [weight * count[codes] for count in counts]


def _difference(
    of: Callable[[NDArray[np.float64]], float],
    weight: NDArray[np.float64],
    draws: list[NDArray[np.float64]],
) -> Difference:
    drawn = np.array([of(mass) for mass in draws])
    # A resample without a click has no AUC.
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Difference(of(weight), float(low), float(high))
