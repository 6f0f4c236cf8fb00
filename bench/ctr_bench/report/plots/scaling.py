"""Throughput over callers, with the fit of the Universal Scalability Law and its residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.report.drawing import BLUE, GREY, Plot, canvas, legend
from ctr_bench.report.scales import zero_based

if TYPE_CHECKING:
    from numpy.typing import NDArray

CURVE_POINTS = 120


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit of the law to measured throughputs.

    Attributes:
        rate: throughput of one alone, pairs a second.
        contention, coherence: the law's two losses.
        numbers: float64 [points], that were measured, rising.
        throughputs: float64 [points], measured.
        residuals: float64 [points], measured over fitted, less 1.
    """

    rate: float
    contention: float
    coherence: float
    numbers: NDArray[np.float64]
    throughputs: NDArray[np.float64]
    residuals: NDArray[np.float64]

    def at(self, n: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return rate n / (1 + contention (n - 1) + coherence n (n - 1)).

        Gunther, Guerrilla Capacity Planning (2007), chapter 4.
        """
        slowed = 1 + self.contention * (n - 1) + self.coherence * n * (n - 1)
        fitted: NDArray[np.float64] = self.rate * n / slowed
        return fitted


def scaling_plot(key: str, fit: Fit) -> Plot:
    """Draw measurements and fit as far as was measured, and below how far they are apart."""
    figure, (axes, below) = canvas(2, height_in=3.3, heights=(2.2, 1.0))
    most = float(fit.numbers.max())
    n = np.linspace(float(fit.numbers.min()), most, CURVE_POINTS)
    top = float(max(fit.throughputs.max(), fit.at(n).max()))
    axes.plot(n, fit.rate * n, color=GREY, linewidth=1.0, label="if each added all")
    axes.plot(n, fit.at(n), color=BLUE, label="fit")
    axes.plot(fit.numbers, fit.throughputs, "o", color=BLUE, ms=4, label="measured")
    zero_based(axes.yaxis, top, 4)
    axes.set_ylabel("pairs/s")
    share = 100 * fit.residuals
    below.axhline(0, color=GREY, linewidth=0.8)
    below.vlines(fit.numbers, 0, share, color=BLUE, linewidth=1.2)
    below.plot(fit.numbers, share, "o", color=BLUE, ms=3.5)
    reach = max(1.0, 1.3 * float(np.abs(share).max()))
    below.set_ylim(-reach, reach)
    below.set_ylabel("off by, %")
    below.set_xlim(0, most * 1.04)
    below.set_xlabel("callers at once, of one replica")
    legend(figure, axes)
    note = (
        "Saturated throughput of one replica against the fit of the Universal Scalability Law; "
        f"below, how far each measurement lies from it. Nothing is drawn beyond {most:g}, the "
        "most that was measured."
    )
    return Plot(key, "How callers add up", note, figure)
