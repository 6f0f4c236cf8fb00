"""What cached scores are worth: goodput and p99 against the share of hits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.report.drawing import GREEN, RED, Plot, canvas
from ctr_bench.report.plots.marks import slo_line
from ctr_bench.report.scales import latency_axis, zero_based

if TYPE_CHECKING:
    from collections.abc import Sequence


def cache_plot(
    key: str, points: Sequence[tuple[float, float, float | None]], slo_ms: float | None
) -> Plot:
    """Draw measured points, joined.

    Args:
        key: of the plot.
        points: share of hits, goodput in pairs a second, p99 in milliseconds if known.
        slo_ms: the SLO's line, if there is one.
    """
    ordered = sorted(points)
    shares = 100 * np.array([share for share, _, _ in ordered])
    goodput = np.array([pairs_s for _, pairs_s, _ in ordered])
    p99_ms = np.array([np.nan if value is None else value for _, _, value in ordered])
    known = np.isfinite(p99_ms)
    if known.any():
        figure, (above, below) = canvas(2, height_in=3.3, heights=(1.4, 1.0))
        below.plot(shares[known], p99_ms[known], "o-", color=RED, ms=3.5)
        limits = [] if slo_ms is None else [slo_ms]
        latency_axis(below, [*p99_ms[known], *limits], bare=True)
        below.set_ylabel("p99, ms")
        slo_line(below, slo_ms)
    else:
        figure, (above,) = canvas()
        below = above
    above.plot(shares, goodput, "o-", color=GREEN, ms=3.5)
    zero_based(above.yaxis, float(goodput.max()))
    above.set_ylabel("goodput, pairs/s")
    below.set_xlabel("candidates answered from a cache, %")
    note = (
        "Dots were measured; the lines only join them. Plan for the share that your traffic still "
        "has on a bad day, such as after a rollout, when the cache is empty."
    )
    return Plot(key, "Sensitivity to the cache", note, figure)
