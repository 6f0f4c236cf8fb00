"""The look that the plots share, and a figure as an SVG element and as a PNG. Not thread-safe."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.image import imread, imsave

if TYPE_CHECKING:
    import contextlib

    from matplotlib.axes import Axes
    from matplotlib.typing import RcKeyType

WIDTH_IN, HEIGHT_IN = 4.3, 2.75
"""Small, so that letters are still readable where the plot is as wide as a phone."""
PNG_DPI = 200
TITLE_IN = 0.28
INK, SOFT, GRID = "#343a41", "#6a737d", "#dde1e6"
BLUE, ORANGE, GREEN, RED, VIOLET, GREY = (
    *("#2f6fb5", "#d0691c", "#2f8f5b", "#c23b33", "#8257b0", "#8b949e"),
)
IN_PAGE = {
    INK: "--plot-ink",
    SOFT: "--plot-soft",
    GRID: "--plot-grid",
    BLUE: "--plot-blue",
    ORANGE: "--plot-orange",
    GREEN: "--plot-green",
    RED: "--plot-red",
    VIOLET: "--plot-violet",
    GREY: "--plot-grey",
}
"""Colour -> the page's own, which follows its light or dark scheme."""
STYLE: dict[RcKeyType, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be found, copied and read aloud
    "svg.hashsalt": "ctr-bench",  # the same figures give the same bytes
    "font.family": "sans-serif",
    "font.size": 8.5,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": SOFT,
    "axes.labelsize": 8.5,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.5,
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure and what is said about it.

    Attributes:
        key: names its PNG and the ids of its SVG.
        note: how to read it, one sentence or two.
    """

    key: str
    title: str
    note: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Drawn:
    """A plot ready for the page."""

    key: str
    title: str
    note: str
    svg: Markup
    png: bytes


def styled() -> contextlib.AbstractContextManager[None]:
    """Return a context in which figures are made in the report's style."""
    return mpl.rc_context(STYLE)


def canvas(
    rows: int = 1, *, height_in: float = HEIGHT_IN, heights: tuple[float, ...] | None = None
) -> tuple[Figure, list[Axes]]:
    """Return a figure with axes above each other that share the x axis."""
    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for one in axes:
        one.grid(axis="y")
    return figure, list(axes)


def legend(figure: Figure, axes: Axes, columns: int = 3) -> None:
    """Name the lines above the plot, where no data can hide behind the names."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(
            handles,
            labels,
            loc="outside upper left",
            ncols=columns,
            handlelength=1.2,
            columnspacing=1.1,
            borderaxespad=0.2,
        )


def draw(plot: Plot) -> Drawn:
    """Render a plot twice: for the page without ground, and as a picture that stands alone."""
    text = io.StringIO()
    plot.figure.savefig(
        text, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
    )
    return Drawn(plot.key, plot.title, plot.note, _element(text.getvalue(), plot), _picture(plot))


def _picture(plot: Plot) -> bytes:
    """Return the figure as PNG, under its title, which the page has in HTML."""
    head = Figure(figsize=(plot.figure.get_figwidth(), TITLE_IN))
    head.text(0.012, 0.4, plot.title, va="center", fontsize=9.5, fontweight="bold")
    # The layout is that of the SVG, which was drawn just before: computing it is half the time.
    plot.figure.set_layout_engine("none")
    parts = []
    for figure in (head, plot.figure):
        part = io.BytesIO()
        fast = {"compress_level": 1}
        figure.savefig(part, format="png", dpi=PNG_DPI, facecolor="white", pil_kwargs=fast)
        part.seek(0)
        parts.append(imread(part))
    joined = io.BytesIO()
    imsave(joined, np.vstack(parts), format="png", dpi=PNG_DPI)
    return joined.getvalue()


def _element(document: str, plot: Plot) -> Markup:
    """Cut the element out, make its ids its own, and let the page give size and colours."""
    element = document[document.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r'\bid="', f'id="{plot.key}-', element)
    element = element.replace("url(#", f"url(#{plot.key}-").replace(
        'href="#', f'href="#{plot.key}-'
    )
    # The drawing keeps its shape by its viewBox.
    element = re.sub(
        r'<svg\b([^>]*?) width="[^"]*"', r'<svg role="img" aria-hidden="true"\1', element
    )
    element = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", element, count=1)
    for colour, name in IN_PAGE.items():
        element = element.replace(colour, f"var({name})")
    return Markup(element)  # noqa: S704 -- matplotlib escapes every text that it writes
