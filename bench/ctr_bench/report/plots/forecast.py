"""The forecast's load over time, and what the planned replicas carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.report.drawing import BLUE, GREEN, GREY, Plot, canvas, legend
from ctr_bench.report.plots.marks import DASHES
from ctr_bench.report.scales import zero_based

if TYPE_CHECKING:
    from collections.abc import Sequence

UNITS = (("days", 86_400.0, 3.0), ("hours", 3_600.0, 2.0), ("minutes", 60.0, 2.0), ("s", 1.0, 0.0))
"""Name, seconds, and how many of it a forecast must last at least to be shown in it."""


def forecast_plot(  # noqa: PLR0913 -- a load and its replicas by time, and both fixed lines
    key: str,
    times_s: Sequence[float],
    pairs_s: Sequence[float],
    replicas: Sequence[int],
    *,
    carried_pairs_s: float,
    fixed: int,
) -> Plot:
    """Draw the load in steps, with the capacity of replicas that follow it and of fixed ones.

    Args:
        key: of the plot.
        times_s: when each step begins.
        pairs_s: its load.
        replicas: that follow the forecast, one each.
        carried_pairs_s: what one replica may carry, headroom taken off.
        fixed: replicas that stay all the time.
    """
    figure, (axes,) = canvas()
    last_s = 2 * times_s[-1] - times_s[-2]
    unit, seconds, _ = next(one for one in UNITS if last_s >= one[1] * one[2])
    edges = np.array([*times_s, last_s]) / seconds
    load = np.asarray(pairs_s, dtype=float)
    following = carried_pairs_s * np.asarray(replicas, dtype=float)
    axes.stairs(load, edges, fill=True, color=BLUE, alpha=0.55, label="forecast")
    axes.stairs(following, edges, baseline=None, color=GREEN, lw=1.4, label="replicas that follow")
    axes.axhline(fixed * carried_pairs_s, color=GREY, lw=1.2, ls=DASHES, label=f"{fixed} fixed")
    zero_based(axes.yaxis, float(max(fixed * carried_pairs_s, *following, *load)))
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylabel("pairs/s")
    axes.set_xlabel(f"time of the forecast, {unit}")
    legend(figure, axes)
    note = (
        "What replicas carry with headroom taken off; those that may be away are among them, so "
        "the lines lie above the load by at least one replica for each."
    )
    return Plot(key, "Load and replicas over time", note, figure)
