"""Goodput over replicas, with the fit of the Universal Scalability Law and its residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from ctr_bench.report.drawing import BLUE, GREY, Plot, canvas, legend
from ctr_bench.report.plots.marks import DASHES
from ctr_bench.report.scales import zero_based

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def usl(
    n: NDArray[np.float64], rate: float, contention: float, coherency: float
) -> NDArray[np.float64]:
    """Return the throughput of n replicas.

    X(n) = rate n / (1 + contention (n - 1) + coherency n (n - 1)); Gunther, "A General Theory of
    Computational Scalability Based on Rational Functions", arXiv 0808.1431.
    """
    fitted: NDArray[np.float64] = rate * n / (1 + contention * (n - 1) + coherency * n * (n - 1))
    return fitted


def scaling_plot(
    key: str,
    points: Sequence[tuple[float, float]],
    fit: tuple[float, float, float] | None,
    planned: float | None,
) -> Plot:
    """Draw measured goodput, the fit, and what lies beyond the measured range dashed.

    Args:
        key: of the plot.
        points: replicas, goodput in pairs a second.
        fit: rate of one, contention, coherency; None draws the points alone.
        planned: the replicas that the plan asks for, so that the axis reaches them.
    """
    figure, (axes, below) = canvas(2, height_in=3.3, heights=(2.2, 1.0))
    n = np.array([count for count, _ in points], dtype=float)
    measured = np.array([pairs_s for _, pairs_s in points], dtype=float)
    most = float(n.max())
    far = max(most, planned or 0.0)
    single = measured[n == n.min()].mean() / n.min()
    ends = np.array([0.0, far])
    axes.plot(ends, single * ends, color=GREY, lw=1.0, label="linear")
    tops = [float(measured.max()), single * far]
    if fit is not None:
        inside, outside = np.linspace(0, most, 80), np.linspace(most, far, 40)
        axes.plot(inside, usl(inside, *fit), color=BLUE, label="fit")
        if far > most:
            axes.plot(outside, usl(outside, *fit), color=BLUE, ls=DASHES, label="not measured")
        share = 100 * (measured / usl(n, *fit) - 1)
        below.vlines(n, 0, share, color=BLUE, linewidth=1.2)
        below.plot(n, share, "o", color=BLUE, ms=3.5)
        reach = max(1.0, 1.3 * float(np.abs(share).max()))
        below.set_ylim(-reach, reach)
    axes.plot(n, measured, "o", color=BLUE, ms=4, label="measured")
    zero_based(axes.yaxis, max(tops))
    axes.set_ylabel("goodput, pairs/s")
    below.axhline(0, color=GREY, linewidth=0.8)
    below.set_ylabel("off by, %")
    below.set_xlabel("replicas")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    below.set_xlim(0, far * 1.06)
    legend(figure, axes, 4)
    note = (
        "Measured goodput against the fit of the Universal Scalability Law; below, how far each "
        "measurement lies from it. "
        + ("The dashed part was not measured." if far > most else "Nothing is extrapolated.")
    )
    return Plot(key, "How replicas add up", note, figure)
