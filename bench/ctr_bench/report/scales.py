"""Axes: when a latency axis is logarithmic, and ticks that read as values do elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axis import XAxis
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from ctr_bench.report.units import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from numpy.typing import ArrayLike

LOG_FROM = 12.0
"""A latency axis is logarithmic where the largest value is so many times the least."""
ROOM = 1.12
STEPS = (1, 2, 2.5, 5, 10)
MANY_DECADES = 2.2
"""Beyond this, ticks at 1, 10, 100 are close enough; below, 2 and 5 are shown too."""


def _ticked(value: float, _: object) -> str:
    return number(round(value, 9))


def _limit(axis: Axis, low: float, high: float) -> None:
    if isinstance(axis, XAxis):
        axis.axes.set_xlim(low, high)
    else:
        axis.axes.set_ylim(low, high)


def zero_based(axis: Axis, top: float, ticks: int = 5) -> None:
    """Let an axis of amounts begin at 0, so that lengths compare."""
    _limit(axis, 0.0, top * ROOM if top > 0 else 1.0)
    axis.set_major_locator(MaxNLocator(ticks, steps=STEPS))
    axis.set_major_formatter(FuncFormatter(_ticked))


def latency_axis(axes: Axes, values_ms: ArrayLike, *, bare: bool = False) -> bool:
    """Scale the y axis for latencies and name it; say whether it is logarithmic.

    Args:
        axes: whose y axis.
        values_ms: all that is drawn, an SLO's line included; NaN and infinite ones are passed over.
        bare: leave the name out.
    """
    values = np.asarray(values_ms, dtype=float).ravel()
    values = values[np.isfinite(values) & (values > 0)]
    if not bare:
        axes.set_ylabel("latency, ms")
    if not len(values):
        zero_based(axes.yaxis, 1.0)
        return False
    low, high = float(values.min()), float(values.max())
    if high < LOG_FROM * low:
        zero_based(axes.yaxis, high)
        return False
    axes.set_yscale("log")
    log_ticks(axes.yaxis, low / 1.15, high * 1.3)
    return True


def log_ticks(axis: Axis, low: float, high: float) -> None:
    """Give a logarithmic axis limits, and ticks at 1, 10, 100 or at 1, 2, 5, 10."""
    _limit(axis, low, high)
    steps = (1,) if np.log10(high / low) > MANY_DECADES else (1, 2, 5)
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [step * 10.0**decade for decade in decades for step in steps]
    axis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
    axis.set_major_formatter(FuncFormatter(_ticked))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
