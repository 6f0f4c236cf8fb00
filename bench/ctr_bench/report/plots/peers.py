"""Servers of one graph beside each other, as shares of the raw bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.report.drawing import BLUE, GREY, INK, Plot, canvas
from ctr_bench.report.plots.marks import DASHES
from ctr_bench.report.scales import zero_based
from ctr_bench.report.units import number

if TYPE_CHECKING:
    from collections.abc import Sequence

ROW_IN = 0.32


@dataclass(frozen=True, slots=True)
class Bar:
    """One server.

    Attributes:
        ratio: goodput at the SLO over the raw bound.
        pairs_s: goodput at the SLO.
        saturated_ratio: the most it does at whatever latency, over the raw bound; None if unknown.
        ours: drawn in colour.
    """

    name: str
    ratio: float
    pairs_s: float
    saturated_ratio: float | None
    ours: bool


def peers_plot(key: str, bars: Sequence[Bar]) -> Plot:
    """Draw a bar a server from 0, in the order given."""
    figure, (axes,) = canvas(height_in=0.85 + ROW_IN * len(bars))
    axes.grid(visible=False)
    axes.grid(axis="x")
    places = np.arange(len(bars))[::-1]
    colours = [BLUE if bar.ours else GREY for bar in bars]
    saturated = [bar.saturated_ratio or 0.0 for bar in bars]
    axes.barh(places, saturated, color=colours, alpha=0.25, height=0.66)
    axes.barh(places, [bar.ratio for bar in bars], color=colours, height=0.66)
    axes.axvline(1.0, color=INK, linewidth=1.0, linestyle=DASHES)
    axes.set_yticks(places, [bar.name for bar in bars])
    right = axes.secondary_yaxis("right")
    right.set_yticks(places, [f"{number(bar.pairs_s)} pairs/s" for bar in bars])
    right.spines["right"].set_visible(False)
    for label, bar in zip(axes.get_yticklabels(), bars, strict=True):
        label.set_fontweight("bold" if bar.ours else "normal")
    for place, bar in zip(places, bars, strict=True):
        axes.annotate(
            f"{bar.ratio:.2f}",
            (bar.ratio, place),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
        )
    zero_based(axes.xaxis, max([1.0, *(bar.ratio for bar in bars), *saturated]))
    axes.set_xlabel("share of the raw bound")
    note = (
        "Goodput at the SLO over what the same engine does with the same graph and nothing around "
        "it (dashed), measured in the same minutes."
    )
    if any(saturated):
        note += " Pale: saturated, at whatever latency."
    return Plot(key, "Goodput at the SLO against peers", note, figure)
