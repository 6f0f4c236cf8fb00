"""The highest rate that holds: doubling, bisection, confirmation. Pure, given what a trial says.

Trials are judged by samples, so any of them may be wrong, and the search must neither end far
below the answer nor at nothing because of two or three that were. Both ends are tried again before
they count: a rate that failed without certainty, when it bounds the answer; the answer itself, by
a longer trial. What is judged is always everything that was seen at a rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_FACTOR = 1.5
"""The step while no bound is known yet; it squares itself, so that a bad start is soon left."""
TOLERANCE = 1.05
"""The search ends when the lowest failed rate is at most this many times the highest held one."""
MAX_TRIALS = 14
LOWEST = 0.05
"""Below this share of the start nothing is tried: what fails there does so without any load."""
STEP_DOWN = 0.97
"""When the answer is not confirmed, the next one is at so much of it."""
MAX_CONFIRMATIONS = 8


class Held(Protocol):
    """What a trial says."""

    @property
    def held(self) -> bool:
        """Whether the rate was held, going by the counts."""


class Judged(Held, Protocol):
    """What all trials at one rate say together."""

    @property
    def sure(self) -> bool:
        """Whether more requests would hardly change that."""


JudgedT = TypeVar("JudgedT", bound=Held)


@dataclass(frozen=True, slots=True)
class Found:
    """The answer.

    Attributes:
        rate: the highest rate that held; 0.0 when none did.
        confirmed: by a longer trial.
        failed: the lowest rate that failed; infinite when every rate that was tried held.
    """

    rate: float
    confirmed: bool
    failed: float


def highest_rate(  # noqa: PLR0913 -- each bounds the search in its own way
    trial: Callable[[float, bool], Judged],
    start: float,
    *,
    factor: float = FIRST_FACTOR,
    tolerance: float = TOLERANCE,
    max_trials: int = MAX_TRIALS,
    max_confirmations: int = MAX_CONFIRMATIONS,
) -> Found:
    """Find it.

    Args:
        trial: runs one more trial at a rate, a long one if so told, and judges the rate by all of
            its trials.
        start: the first rate to try, above 0.
        factor: the first step up or down, above 1.
        tolerance: how close the bounds must be, as a ratio above 1.
        max_trials: most trials before the confirmation.
        max_confirmations: most rates that a long trial is spent on.

    Raises:
        ValueError: an argument is out of range.
    """
    if not (start > 0 and factor > 1 and tolerance > 1):
        raise ValueError("start must be above 0, factor and tolerance above 1")
    search = _Search(trial)
    search.bracket(start, factor, tolerance, max_trials)
    return search.confirm(max_confirmations)


def lowered_until_held(
    trial: Callable[[float], JudgedT], rate: float, *, step: float, most: int
) -> tuple[float, JudgedT]:
    """Try a rate, and lower ones until one holds; return the last that was tried and its verdict.

    Args:
        trial: runs one trial at a rate and judges it.
        rate: the first.
        step: the next rate's share of the one that failed, below 1.
        most: trials, at least one.

    Raises:
        ValueError: an argument is out of range.
    """
    if not 0 < step < 1 or most < 1:
        raise ValueError("step must be between 0 and 1, most at least 1")
    judged = trial(rate)
    for _ in range(most - 1):
        if judged.held:
            break
        rate *= step
        judged = trial(rate)
    return rate, judged


class _Search:
    """Rates that were tried, and what is known of each."""

    def __init__(self, trial: Callable[[float, bool], Judged]) -> None:
        self._trial = trial
        self._judged: dict[float, Judged] = {}
        self._retried: set[float] = set()

    def bracket(self, start: float, factor: float, tolerance: float, max_trials: int) -> None:
        """Close in on the answer from both sides."""
        rate = start
        for _ in range(max_trials):
            self._try(rate)
            held, failed = self._bounds()
            if held and failed <= held * tolerance:
                if self._judged[failed].sure or failed in self._retried:
                    return
                self._retried.add(failed)
                rate = failed
            elif held and failed < math.inf:
                rate = math.sqrt(held * failed)
            else:
                rate = held * factor if held else failed / factor
                factor = min(factor * factor, 2.0)
            if rate < start * LOWEST:
                return

    def confirm(self, max_confirmations: int) -> Found:
        """Try the answer at length, and what is below it until one holds."""
        rate, _ = self._bounds()
        for _ in range(max_confirmations if rate else 0):
            if self._try(rate, at_length=True).held:
                return Found(rate, True, self._bounds()[1])
            rate = max(self._bounds()[0], rate * STEP_DOWN)
        held, failed = self._bounds()
        return Found(held, False, failed)

    def _try(self, rate: float, *, at_length: bool = False) -> Judged:
        judged = self._judged[rate] = self._trial(rate, at_length)
        return judged

    def _bounds(self) -> tuple[float, float]:
        """Return the highest rate that held below the lowest that failed, and that one."""
        failed = min((r for r, judged in self._judged.items() if not judged.held), default=math.inf)
        return max((rate for rate in self._judged if rate < failed), default=0.0), failed
