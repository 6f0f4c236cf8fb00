"""How latencies are spread: by percentile, and as a histogram."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, NullLocator

from ctr_bench.figures import percentile_ms
from ctr_bench.report.drawing import BLUE, INK, RED, Plot, canvas
from ctr_bench.report.plots.marks import DASHES, slo_line
from ctr_bench.report.scales import latency_axis, log_ticks, zero_based
from ctr_bench.report.units import milliseconds, number, share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

MAX_POINTS = 400
BINS = 60
ENOUGH = 10
"""A percentile is drawn while at least so many requests lie beyond it."""
NINES = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999)


def by_percentile(key: str, judged_ms: NDArray[np.float64], slo_ms: float | None) -> Plot:
    """Draw latency over the share of requests that were at least as fast.

    Args:
        key: of the plot.
        judged_ms: float64 [requests], infinite where the answer was not good.
        slo_ms: the SLO's line, if there is one.
    """
    figure, (axes,) = canvas()
    ordered = np.sort(judged_ms)
    count = len(ordered)
    beyond = np.unique(np.geomspace(1, count, min(MAX_POINTS, count)).round().astype(int))
    values = ordered[count - beyond]
    finite = np.isfinite(values)
    axes.set_xscale("log")
    axes.plot(beyond[finite] / count, values[finite], color=BLUE, drawstyle="steps-post")
    lost = float((~np.isfinite(judged_ms)).mean())
    last = 0.5 / count
    if lost:
        _without(axes, lost, last)
    axes.set_xlim(1.0, last)
    shown = [nine for nine in NINES if 1 - nine / 100 >= last]
    axes.xaxis.set_major_locator(FixedLocator([1 - nine / 100 for nine in shown]))
    axes.xaxis.set_major_formatter(FixedFormatter([f"{nine:g}" for nine in shown]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("percentile of all requests")
    axes.grid(axis="x")
    latency_axis(axes, [*values[finite], *([] if slo_ms is None else [slo_ms])])
    slo_line(axes, slo_ms)
    note = "Every request, from its scheduled time. "
    if lost:
        note += f"Shaded: {share(lost)} had no good answer and count as endless."
    else:
        note += (
            f"Beyond p{100 * (1 - ENOUGH / count):.4g} it stands on fewer than {ENOUGH} requests."
        )
    return Plot(key, "Latency by percentile", note, figure)


def _without(axes: Axes, lost: float, last: float) -> None:
    """Shade the percentiles that no good answer reached."""
    axes.axvspan(lost, last, color=RED, alpha=0.1, linewidth=0)
    axes.annotate(
        "no good answer",
        (np.sqrt(lost * last), 0.5),
        xycoords=("data", "axes fraction"),
        ha="center",
        color=RED,
        rotation=0 if lost > 20 * last else 90,
    )


def histogram(key: str, judged_ms: NDArray[np.float64], slo_ms: float | None) -> Plot:
    """Draw how many good answers took how long, on a logarithmic scale of time."""
    figure, (axes,) = canvas()
    values = judged_ms[np.isfinite(judged_ms)]
    values = np.maximum(values, 1e-3)
    ends = [*(() if slo_ms is None else (slo_ms,)), *(() if not len(values) else values)]
    low, high = (min(ends) / 1.1, max(ends) * 1.25) if ends else (1.0, 10.0)
    axes.set_xscale("log")
    edges = np.geomspace(low, high, BINS + 1)
    counts, _ = np.histogram(values, edges)
    axes.stairs(counts, edges, fill=True, color=BLUE, alpha=0.75)
    log_ticks(axes.xaxis, low, high)
    top = float(counts.max()) if len(values) else 1.0
    zero_based(axes.yaxis, top * 1.12, 4)
    axes.set_xlabel("latency, ms")
    axes.set_ylabel("requests")
    marks = [("p50", percentile_ms(judged_ms, 50), INK), ("p99", percentile_ms(judged_ms, 99), INK)]
    if slo_ms is not None:
        marks.append((f"SLO {number(slo_ms)} ms", slo_ms, RED))
    _mark(axes, marks)
    note = (
        f"Good answers only, in {BINS} bins of equal ratio; p50 "
        f"{milliseconds(marks[0][1])} and p99 {milliseconds(marks[1][1])} are of all requests."
    )
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    return Plot(key, "Histogram of latency", note, figure)


def _mark(axes: Axes, marks: list[tuple[str, float, str]]) -> None:
    """Name vertical lines at the upper edge; a name that would cover the last goes a line lower."""
    low, high = axes.get_xlim()
    taken: list[tuple[float, float]] = []
    for text, value, colour in sorted(marks, key=lambda mark: mark[1]):
        if not np.isfinite(value):
            continue
        axes.axvline(value, color=colour, linewidth=1.0, linestyle=DASHES)
        place = float(np.log(value / low) / np.log(high / low))
        left = place > 0.8  # noqa: PLR2004 -- what is left of the width holds no name
        width = 0.022 * len(text)
        begin = place - width if left else place
        line = sum(1 for a, b in taken if begin < b and begin + width > a)
        taken.append((begin, begin + width))
        axes.annotate(
            text,
            (value, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(-3 if left else 3, -7 - 9 * line),
            textcoords="offset points",
            ha="right" if left else "left",
            color=colour,
            fontsize=8,
        )
