"""Two models on the same rows: how their figures differ, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_train.metrics import auc, group_codes, log_loss
from ctr_train.paired import Difference, difference, draws

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctr_train.assess import Assessment
    from ctr_train.click_log import ClickLog


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
    drawn = draws(codes, weight, rng)
    a, b = first.assessment.click, second.assessment.click
    return {
        "auc": difference(
            lambda mass: (
                auc(target, first.probability, mass) - auc(target, second.probability, mass)
            ),
            weight,
            drawn,
        ),
        "log_loss": difference(
            lambda mass: log_loss(target, a, mass) - log_loss(target, b, mass), weight, drawn
        ),
    }
