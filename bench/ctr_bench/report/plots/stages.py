"""Where the time of an answer goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.report.drawing import BLUE, GREEN, GREY, ORANGE, RED, Plot, canvas, legend
from ctr_bench.report.scales import zero_based
from ctr_bench.report.statistics import STAGES
from ctr_bench.report.units import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_bench.report.statistics import StageBand

COLOURS = (RED, ORANGE, BLUE, GREEN, GREY)


def stages_plot(key: str, bands: Sequence[StageBand]) -> Plot:
    """Draw the mean stages of the answers in each band of latency, stacked."""
    figure, (axes,) = canvas(height_in=2.6)
    axes.grid(visible=False)
    axes.grid(axis="x")
    places = np.arange(len(bands))[::-1]
    begin = np.zeros(len(bands))
    for index, (name, colour) in enumerate(zip(STAGES, COLOURS, strict=True)):
        lengths = np.array([band.stages_ms[index] for band in bands])
        if lengths.any():
            axes.barh(places, lengths, left=begin, color=colour, height=0.62, label=name)
            begin = begin + lengths
    for place, end in zip(places, begin, strict=True):
        axes.annotate(
            f"{number(end)} ms",
            (end, place),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_yticks(places, [_name(band) for band in bands])
    zero_based(axes.xaxis, 1.12 * float(begin.max()))
    axes.set_xlabel("mean time of an answer, ms")
    legend(figure, axes, 5)
    note = (
        "Answers sorted by latency, the slowest below. A tail of queue wants capacity; a tail of "
        "model, shorter lists or more cores; rest is network, decoding, tokens and encoding."
    )
    return Plot(key, "Where the time goes", note, figure)


def _name(band: StageBand) -> str:
    if band.to_percent == 100:  # noqa: PLR2004 -- the last band
        return f"slowest {100 - band.from_percent:g} %"
    if not band.from_percent:
        return f"fastest {band.to_percent:g} %"
    return f"p{band.from_percent:g} to p{band.to_percent:g}"
