"""The Universal Scalability Law, fitted to measured throughputs. Pure.

    X(n) = rate * n / (1 + contention * (n - 1) + coherence * n * (n - 1))

Gunther, Guerrilla Capacity Planning (2007), chapter 4. `contention` is what callers wait for one
another, `coherence` what they make each other do; with the latter there is a greatest throughput.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import least_squares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

NO_COHERENCE = 1e-6
"""Below it a fit's value is the solver's rounding."""
LEAST_POINTS = 4
"""Three parameters and a residual."""


@dataclass(frozen=True, slots=True)
class Usl:
    """A fit.

    Attributes:
        rate: throughput of one alone.
        contention, coherence: at least 0.
        numbers: that were measured, rising.
        throughputs: measured, one each.
        residuals: measured over fitted, less 1, one each.
    """

    rate: float
    contention: float
    coherence: float
    numbers: tuple[float, ...]
    throughputs: tuple[float, ...]
    residuals: tuple[float, ...]

    def at(self, number: float) -> float:
        """Return the throughput that the law gives; see `measured` for whether to believe it."""
        shape = np.array([self.rate, self.contention, self.coherence])
        return float(_law(shape, np.array([number]))[0])

    def measured(self, number: float) -> bool:
        """Say whether a number lies within what was measured."""
        return self.numbers[0] <= number <= self.numbers[-1]

    @property
    def best_number(self) -> float:
        """Where the law is greatest; infinite when it rises for ever."""
        if self.coherence < NO_COHERENCE:
            return math.inf
        return math.sqrt(max(0.0, 1 - self.contention) / self.coherence)

    @property
    def worst_residual(self) -> float:
        """The greatest relative distance of a measured point."""
        return max(abs(residual) for residual in self.residuals)

    def sentence(self, of_what: str) -> str:
        """Say what the fit tells, and where it tells nothing."""
        last = self.numbers[-1]
        text = (
            f"{self.rate:,.0f} pairs/s of one of {of_what}, contention {self.contention:.3f}, "
            f"coherence {self.coherence:.5f}; measured points are within {self.worst_residual:.0%}"
        )
        best = self.best_number
        if self.measured(best):
            return f"{text}; greatest at {best:.0f} with {self.at(best):,.0f} pairs/s"
        if math.isinf(best):
            return f"{text}; no greatest one up to {last:g}, and nothing is said beyond that"
        return (
            f"{text}; greatest at {best:.0f}, which is extrapolated: {last:g} was the most that "
            "was measured"
        )


def fit_usl(numbers: Sequence[float], throughputs: Sequence[float]) -> Usl:
    """Fit the law by least squares of relative distances.

    Args:
        numbers: of callers, cores or replicas, at least 4 different ones, above 0.
        throughputs: one each, above 0.

    Raises:
        ValueError: there are too few points, or one is not above 0.
    """
    if len(set(numbers)) < LEAST_POINTS or len(numbers) != len(throughputs):
        raise ValueError(f"a fit needs throughputs at {LEAST_POINTS} numbers or more")
    if min(*numbers, *throughputs) <= 0:
        raise ValueError("numbers and throughputs must be above 0")
    order = np.argsort(numbers)
    n = np.asarray(numbers, dtype=np.float64)[order]
    x = np.asarray(throughputs, dtype=np.float64)[order]
    scale = float(x[0] / n[0])
    fitted = least_squares(
        lambda shape: _law(shape * np.array([scale, 1.0, 1.0]), n) / x - 1,
        [1.0, 0.1, 0.001],
        bounds=([1e-9, 0.0, 0.0], [np.inf, 1.0, np.inf]),
        x_scale=[1.0, 0.1, 0.001],
        ftol=1e-12,
        xtol=1e-12,
        gtol=1e-12,
    )
    shape = fitted.x * np.array([scale, 1.0, 1.0])
    rate, contention, coherence = shape.tolist()
    return Usl(
        *(rate, contention, coherence),
        tuple(n.tolist()),
        tuple(x.tolist()),
        tuple((x / _law(shape, n) - 1).tolist()),
    )


def _law(shape: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    rate, contention, coherence = shape
    found: NDArray[np.float64] = rate * n / (1 + contention * (n - 1) + coherence * n * (n - 1))
    return found
