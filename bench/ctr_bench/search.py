"""The highest rate that holds: doubling, then bisection. Pure, given what a trial says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_FACTOR = 1.5
"""The step while no bound is known yet; it squares itself, so that a bad start is soon left."""
TOLERANCE = 1.05
"""The search ends when the lowest failed rate is at most this many times the highest held one."""
MAX_TRIALS = 12


def highest_rate(
    holds: Callable[[float], bool],
    start: float,
    *,
    factor: float = FIRST_FACTOR,
    tolerance: float = TOLERANCE,
    max_trials: int = MAX_TRIALS,
) -> float:
    """Return the highest rate found to hold, 0.0 when none did.

    Args:
        holds: runs one trial at a rate and judges it.
        start: the first rate to try, above 0.
        factor: the first step up or down, above 1.
        tolerance: how close the answer must be, as a ratio above 1.
        max_trials: most trials.

    Raises:
        ValueError: an argument is out of range.
    """
    if not (start > 0 and factor > 1 and tolerance > 1):
        raise ValueError("start must be above 0, factor and tolerance above 1")
    held, failed = 0.0, math.inf
    rate = start
    for _ in range(max_trials):
        if holds(rate):
            held = rate
        else:
            failed = rate
        if held and failed <= held * tolerance:
            break
        if held and failed < math.inf:
            rate = math.sqrt(held * failed)
        else:
            rate = rate * factor if held else rate / factor
            factor = min(factor * factor, 2.0)
    return held
