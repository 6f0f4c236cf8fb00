"""Plots of series as SVG, small enough that many stand beside each other. Not thread-safe."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ctr_monitor.units import told

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.typing import RcKeyType

    from ctr_monitor.model import Line, Panel

WIDTH_IN, HEIGHT_IN = 4.0, 1.75
FRAME = (0.155, 0.15, 0.83, 0.82)
"""Left, bottom, width, height of the axes, as shares: room for labels such as "1,000 ms". A layout
that is computed for each plot takes longer than drawing it."""
COLOURS = ("#1f5fa8", "#c2500a", "#2b7d4f", "#7a4aa0", "#a3791c", "#5b6570")
MAX_LINES = len(COLOURS)
INK, GRID, BAD = "#3b4148", "#e3e6ea", "#fbe6e2"
STYLE: dict[RcKeyType, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be found, copied and read aloud
    "svg.hashsalt": "ctr-monitor",  # the same series give the same bytes
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
AT_MOST_ROOM = 1.15
MS_PER_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Marks:
    """Times that every plot shows: the onset, the alert, and the end if there is one."""

    onset_ms: int
    alert_ms: int
    end_ms: int | None


def plot(panel: Panel, marks: Marks) -> str:
    """Return an SVG element, without XML declaration; its ids begin with the panel's key."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN))
        axes = figure.add_axes(FRAME)
        lines = largest_lines(panel)
        for colour, line in zip(COLOURS, lines, strict=False):
            _draw(axes, line, colour)
        _mark(axes, panel, marks)
        _axes(axes, panel, lines)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return _element(out.getvalue(), panel)


def largest_lines(panel: Panel) -> list[Line]:
    """Return the lines that are drawn, in the order of `COLOURS`: those with the largest values."""

    def peak(line: Line) -> float:
        return max((v for _, v in line.points if v is not None), default=float("-inf"))

    return sorted(panel.lines, key=peak, reverse=True)[:MAX_LINES]


def _draw(axes: Axes, line: Line, colour: str) -> None:
    times = [_time(at) for at, _ in line.points]
    values = [float("nan") if v is None else v for _, v in line.points]
    axes.plot(times, values, color=colour, linewidth=1.4, solid_joinstyle="round")
    lone = _lone(line)
    if lone:
        axes.plot([_time(at) for at, _ in lone], [v for _, v in lone], ".", color=colour, ms=3)


def _lone(line: Line) -> list[tuple[int, float]]:
    """Points between two gaps, which a line alone would not show."""
    values = [v for _, v in line.points]
    padded = [None, *values, None]
    return [
        (at, value)
        for (at, value), left, right in zip(line.points, padded, padded[2:], strict=False)
        if value is not None and left is None and right is None
    ]


def _mark(axes: Axes, panel: Panel, marks: Marks) -> None:
    stamps = [at for line in panel.lines for at, _ in line.points]
    last = max(stamps)
    first = _from(min(stamps), marks.onset_ms, last)
    end_ms = last if marks.end_ms is None else min(last, marks.end_ms)
    axes.axvspan(_time(marks.onset_ms), _time(max(end_ms, marks.onset_ms)), color=BAD, zorder=0)
    axes.axvline(_time(marks.alert_ms), color="#b3261e", linewidth=1.0, linestyle=(0, (3, 2)))
    axes.set_xlim(_time(first), _time(max(last, first + 1000)))


def _from(first_ms: int, onset_ms: int, last_ms: int) -> int:
    """Leave out most of the calm: what happened since the onset should be wide enough to read."""
    calm_ms = max(2 * (last_ms - onset_ms), (last_ms - first_ms) // 6)
    return max(first_ms, onset_ms - calm_ms)


def _axes(axes: Axes, panel: Panel, lines: list[Line]) -> None:
    top = max((v for line in lines for _, v in line.points if v is not None), default=0.0)
    bottom = min((v for line in lines for _, v in line.points if v is not None), default=0.0)
    axes.set_ylim(min(0.0, bottom), top * AT_MOST_ROOM if top > 0 else 1.0)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: told(value, panel.unit)))
    locator = AutoDateLocator(tz=UTC, maxticks=5)  # type: ignore[no-untyped-call]  # -- it has no types
    axes.xaxis.set_major_locator(locator)
    times = ConciseDateFormatter(locator, tz=UTC, show_offset=False)  # type: ignore[no-untyped-call]  # -- it has no types
    axes.xaxis.set_major_formatter(times)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _time(at_ms: int) -> float:
    """Matplotlib counts days since 1970."""
    return at_ms / MS_PER_DAY


def _element(document: str, panel: Panel) -> str:
    """Cut the element out, and make its ids its own: several stand in one page."""
    element = document[document.index("<svg") :]
    prefix = panel.key.replace("_", "-")
    element = re.sub(r'\bid="', f'id="{prefix}-', element)
    element = element.replace("url(#", f"url(#{prefix}-").replace('href="#', f'href="#{prefix}-')
    # The surrounding page gives the size; the drawing keeps its shape by its viewBox.
    return re.sub(
        r'<svg\b([^>]*?) width="[^"]*"', r'<svg role="img" aria-hidden="true"\1', element
    ).replace(' height="126pt"', "", 1)
