"""A run second by second: latency above, what became of the requests below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.report.drawing import BLUE, GREEN, GREY, ORANGE, RED, VIOLET, Plot, canvas, legend
from ctr_bench.report.plots.marks import slo_line
from ctr_bench.report.scales import latency_axis, zero_based
from ctr_bench.report.units import number, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from ctr_bench.report.statistics import Stall, TimeLine

MIN_SHADE = 0.006
"""Of the width: a short stall in a long run must still be seen."""


def time_line_plot(key: str, line: TimeLine, found: Sequence[Stall], slo_ms: float | None) -> Plot:
    """Draw percentiles, stalls and outcomes."""
    figure, (above, below) = canvas(2, height_in=3.5, heights=(1.6, 1.0))
    middle_s = line.begin_s + line.step_s / 2
    _shade(above, found, float(line.begin_s[-1]) + line.step_s)
    for values, colour, width, name in (
        (line.max_ms, GREY, 0.8, "slowest"),
        (line.p99_ms, RED, 1.4, "p99"),
        (line.p50_ms, BLUE, 1.4, "p50"),
    ):
        marker = "." if len(values) == 1 else ""
        above.plot(middle_s, values, marker=marker, color=colour, linewidth=width, label=name)
    drawn = [*line.max_ms, *line.p50_ms, *([] if slo_ms is None else [slo_ms])]
    latency_axis(above, drawn)
    slo_line(above, slo_ms)
    _outcomes(below, line)
    below.set_xlabel("seconds since the begin, as scheduled")
    below.set_xlim(0, float(line.begin_s[-1]) + line.step_s)
    legend(figure, above, 4)
    figure.legend(
        *below.get_legend_handles_labels(),
        loc="outside lower left",
        ncols=4,
        handlelength=0.9,
        columnspacing=1.0,
        borderaxespad=0.2,
    )
    note = (
        f"Steps of {seconds(line.step_s)}; a request counts where it was due, so a stall shows in "
        f"all that had to wait for it. {_told(found)}"
    )
    return Plot(key, "Time line", note, figure)


def _told(found: Sequence[Stall]) -> str:
    if not found:
        return "No stall was found."
    first = found[0]
    text = (
        f"Shaded: no answer came while requests waited; the longest stall is "
        f"{number(first.length_ms)} ms at {seconds(first.begin_s)}"
    )
    return text + (f", of {len(found)} shown." if len(found) > 1 else ".")


def _shade(axes: Axes, found: Sequence[Stall], whole_s: float) -> None:
    for stall in found:
        length_s = max(stall.length_ms / 1e3, MIN_SHADE * whole_s)
        label = "stall" if stall is found[0] else None
        axes.axvspan(
            stall.begin_s,
            stall.begin_s + length_s,
            color=VIOLET,
            alpha=0.25,
            linewidth=0,
            label=label,
        )


def _outcomes(axes: Axes, line: TimeLine) -> None:
    floor = np.zeros_like(line.good)
    edges = np.append(line.begin_s, line.begin_s[-1] + line.step_s)
    for values, colour, name in (
        (line.good, GREEN, "good"),
        (line.slow, ORANGE, "too slow"),
        (line.degraded, VIOLET, "degraded"),
        (line.failed, RED, "failed"),
    ):
        if values.any():
            axes.stairs(
                floor + values, edges, baseline=floor, fill=True, color=colour, lw=0, label=name
            )
            floor = floor + values
    zero_based(axes.yaxis, float(floor.max()), 3)
    axes.set_ylabel("requests/s")
