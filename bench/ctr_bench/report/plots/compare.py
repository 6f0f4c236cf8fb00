"""Two servers against each other: changes of figures with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ctr_bench.report.drawing import BLUE, GREY, INK, Plot, canvas
from ctr_bench.report.scales import STEPS

if TYPE_CHECKING:
    from collections.abc import Sequence

ROW_IN = 0.36
LEAST_PERCENT = 1.0


def compare_plot(key: str, ratios: Sequence[tuple[str, float, float, float]]) -> Plot:
    """Draw a dot and an interval a figure; grey where the interval holds "no change".

    Args:
        key: of the plot.
        ratios: name of the figure, ratio of B to A, and the ends of the ratio's interval.
    """
    figure, (axes,) = canvas(height_in=0.8 + ROW_IN * len(ratios))
    axes.grid(visible=False)
    axes.grid(axis="x")
    places = np.arange(len(ratios))[::-1]
    for place, (_, *values) in zip(places, ratios, strict=True):
        middle, low, high = (100 * (value - 1) for value in values)
        colour = GREY if low <= 0 <= high else BLUE
        axes.plot([low, high], [place, place], color=colour, lw=2.4, solid_capstyle="butt")
        axes.plot([middle], [place], "o", color=colour, ms=5)
        axes.annotate(
            f"{middle:+.1f} %",
            (middle, place),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    axes.axvline(0.0, color=INK, linewidth=1.0)
    axes.set_yticks(places, [name for name, *_ in ratios])
    axes.set_ylim(-0.6, len(ratios) - 0.2)
    ends = [100 * (value - 1) for _, *values in ratios for value in values]
    reach = max(LEAST_PERCENT, *map(abs, ends)) * 1.15
    axes.set_xlim(-reach, reach)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}" if value else "0"))
    axes.set_xlabel("B against A, %")
    note = "Dots with bootstrap intervals. Grey: the interval holds 0, so no difference was shown."
    return Plot(key, "B against A", note, figure)
