"""The position model: P(click at position k) = examination[k] * P(click | examined).

After Richardson, Dominowska and Ragno (2007), the examination hypothesis. It is learnt beside the
model, so that the model need not explain clicks by where an item stood, and is dropped at serving.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_IMPRESSIONS = 100.0
MIN_CLICKS = 30.0
"""Positions with less are tied to their neighbours: 30 clicks tell a rate to about +-18 %."""

PRIOR_CLICKS = 5.0
FIRST_GUESS_RANGE = (0.02, 0.98)


def tie_positions(
    position: NDArray[np.int32], target: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the tie of each position: an int64 code by `position - 1`, from 0, never falling.

    A tie closes when it holds 100 impressions and 30 clicks; a last one with less joins the one
    before it. Tie 0 holds the top, whose examination is 1 by definition, so all others rest on its
    click rate.
    """
    last = int(position.max())
    impressions = np.bincount(position - 1, weight, minlength=last)
    clicks = np.bincount(position - 1, weight * target, minlength=last)
    ties = np.zeros(last, dtype=np.int64)
    tie, seen, clicked = 0, 0.0, 0.0
    for index in range(last):
        ties[index] = tie
        seen, clicked = seen + impressions[index], clicked + clicks[index]
        if seen >= MIN_IMPRESSIONS and clicked >= MIN_CLICKS:
            tie, seen, clicked = tie + 1, 0.0, 0.0
    # What is left after the last full tie, be it rows or only gaps, is none of its own.
    if tie > 0:
        ties[ties == tie] = tie - 1
    return ties


def first_guess(
    tie: NDArray[np.int64], target: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the click rate of each tie relative to the first, smoothed; float64 [ties], first 1.

    Args:
        tie: int64 [rows].
        target: float64 [rows], click rates.
        weight: float64 [rows], impressions.
    """
    impressions = np.bincount(tie, weight)
    clicks = np.bincount(tie, weight * target)
    overall = clicks.sum() / impressions.sum()
    rate = (clicks + PRIOR_CLICKS) / (impressions + PRIOR_CLICKS / overall)
    guess: NDArray[np.float64] = np.clip(rate / rate[0], *FIRST_GUESS_RANGE)
    guess[0] = 1.0
    return guess


class ExaminationModel(torch.nn.Module):
    """One learnt examination a tie, in (0, 1); the first is 1 and stays."""

    def __init__(self, guess: NDArray[np.float64]) -> None:
        super().__init__()
        inner = torch.tensor([math.log(e / (1 - e)) for e in guess[1:]], dtype=torch.float32)
        self.logit = torch.nn.Parameter(inner)

    def forward(self, tie: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log(examination) and log(1 - examination), float32 of `tie`'s shape.

        The second is -inf for the first tie.
        """
        log_one = self.logit.new_zeros(1)
        log_examined = torch.cat([log_one, torch.nn.functional.logsigmoid(self.logit)])
        log_not = torch.cat([log_one - math.inf, torch.nn.functional.logsigmoid(-self.logit)])
        return log_examined[tie], log_not[tie]

    def examination(self) -> NDArray[np.float64]:
        """Return the examination of each tie, float64 [ties], the first 1."""
        inner = torch.sigmoid(self.logit.detach().double()).numpy()
        # A float32 sigmoid can round to 0 or 1; the examination of a lower place is in between.
        all_ties: NDArray[np.float64] = np.concatenate([[1.0], np.clip(inner, 1e-6, 1.0)])
        return all_ties


def examination_at(
    position: NDArray[np.int32], examination: tuple[float, ...]
) -> NDArray[np.float64]:
    """Return P(examined) of each row's position; one beyond the last takes the last."""
    table = np.asarray(examination, dtype=np.float64)
    shares: NDArray[np.float64] = table[np.minimum(position, len(table)) - 1]
    return shares
