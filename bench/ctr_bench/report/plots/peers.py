"""Servers of one graph beside each other, as shares of the raw bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.report.drawing import BLUE, GREY, INK, Plot, canvas
from ctr_bench.report.plots.marks import DASHES
from ctr_bench.report.scales import zero_based
from ctr_bench.report.units import number

if TYPE_CHECKING:
    from collections.abc import Sequence

ROW_IN = 0.27


def peers_plot(key: str, bars: Sequence[tuple[str, float, float, bool]]) -> Plot:
    """Draw a bar a server, best first.

    Args:
        key: of the plot.
        bars: name, share of the raw bound, goodput in pairs a second, whether it is ours.
    """
    ordered = sorted(bars, key=lambda bar: bar[1], reverse=True)
    figure, (axes,) = canvas(height_in=0.9 + ROW_IN * len(ordered))
    axes.grid(visible=False)
    axes.grid(axis="x")
    places = np.arange(len(ordered))[::-1]
    colours = [BLUE if ours else GREY for *_, ours in ordered]
    ratios = [ratio for _, ratio, _, _ in ordered]
    axes.barh(places, ratios, color=colours, height=0.66)
    for place, (_, ratio, pairs_s, ours) in zip(places, ordered, strict=True):
        axes.annotate(
            f"{ratio:.2f}   {number(pairs_s)} pairs/s",
            (ratio, place),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            fontweight="bold" if ours else "normal",
        )
    axes.axvline(1.0, color=INK, linewidth=1.0, linestyle=DASHES)
    axes.set_yticks(places, [name for name, *_ in ordered])
    zero_based(axes.xaxis, max([1.0, *ratios]) * 1.05)
    axes.set_xlabel("goodput at the SLO / raw bound of the same engine (1 = nothing lost)")
    note = (
        "Each server's goodput over what the same graph does with nothing around it, measured in "
        "the same minutes. The dashed line is that bound."
    )
    return Plot(key, "Goodput at the SLO against peers", note, figure)
