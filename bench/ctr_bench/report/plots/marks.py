"""Lines that several plots share: the SLO, and a rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.report.drawing import INK, RED
from ctr_bench.report.units import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHES = (0, (4, 2))


def slo_line(axes: Axes, slo_ms: float | None) -> None:
    """Draw the SLO across the plot, with its name at the left end, above the line."""
    if slo_ms is None:
        return
    axes.axhline(slo_ms, color=RED, linewidth=1.0, linestyle=DASHES)
    axes.annotate(
        f"SLO {number(slo_ms)} ms",
        (0.0, slo_ms),
        xycoords=("axes fraction", "data"),
        xytext=(3, 2),
        textcoords="offset points",
        color=RED,
        fontsize=8,
    )


def rate_line(axes: Axes, rate: float, text: str) -> None:
    """Draw a rate down the plot, with its name beside it at the lower end."""
    axes.axvline(rate, color=INK, linewidth=1.0, linestyle=DASHES)
    left, right = axes.get_xlim()
    late = (rate - left) / (right - left) > 0.6  # noqa: PLR2004 -- the text needs a third of the width
    axes.annotate(
        text,
        (rate, 0.0),
        xycoords=("data", "axes fraction"),
        xytext=(-3 if late else 3, 4),
        textcoords="offset points",
        ha="right" if late else "left",
        fontsize=8,
    )
