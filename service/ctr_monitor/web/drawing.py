"""Draws an incident's plots in a thread of their own, and remembers the last ones."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from ctr_monitor.around.questions import BY_KEY
from ctr_monitor.report.view import first_panels

if TYPE_CHECKING:
    from ctr_monitor.model import Incident, Panel

REMEMBERED = 16
"""Incidents; about 300 kB each."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot ready to be shown.

    Attributes:
        legend: (colour, text) of each line; empty where the title says it all.
        left_out: lines that were not drawn.
    """

    key: str
    title: str
    svg: Markup
    legend: tuple[tuple[str, str], ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Plots:
    """Those to show first, and the rest."""

    first: tuple[Plot, ...] = ()
    rest: tuple[Plot, ...] = ()


class Drawing:
    """Matplotlib is not thread-safe, so there is one thread."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="drawing")
        self._known: OrderedDict[tuple[int, int, int | None], Plots] = OrderedDict()

    def warm_up(self) -> None:
        """Load matplotlib behind the scenes: a start does not wait for it, nor does a page."""
        self._executor.submit(_load)

    async def plots(self, incident: Incident) -> Plots:
        """Return the plots of an incident's report."""
        if incident.report is None:
            return Plots()
        key = (incident.id, incident.report.investigated_ms, incident.resolved_ms)
        known = self._known.get(key)
        if known is not None:
            return known
        loop = asyncio.get_running_loop()
        plots = await loop.run_in_executor(self._executor, _draw, incident)
        self._known[key] = plots
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return plots

    def close(self) -> None:
        """End the thread."""
        self._executor.shutdown(wait=True, cancel_futures=True)


def _load() -> None:
    from ctr_monitor.report import plots  # noqa: F401, PLC0415 -- loaded, and nothing else


def _draw(incident: Incident) -> Plots:
    from ctr_monitor.report.plots import COLOURS, Marks, largest_lines, plot  # noqa: PLC0415 -- heavy

    report = incident.report
    assert report is not None  # noqa: S101 -- looked at before
    panels = {panel.key: panel for panel in report.panels}
    marks = Marks(
        onset_ms=report.onset_ms,
        alert_ms=max(incident.started_ms, report.onset_ms),
        end_ms=incident.resolved_ms,
    )

    def drawn(key: str) -> Plot:
        panel: Panel = panels[key]
        lines = largest_lines(panel)
        names = [_name(key, line.labels) for line in lines]
        return Plot(
            key=key,
            title=panel.title,
            svg=Markup(plot(panel, marks)),  # noqa: S704 -- matplotlib escapes; no foreign text in it
            legend=tuple(zip(COLOURS, names, strict=False)) if any(names) else (),
            left_out=len(panel.lines) - len(lines),
        )

    first, rest = first_panels(report)
    return Plots(tuple(map(drawn, first)), tuple(map(drawn, rest)))


def _name(key: str, labels: dict[str, str]) -> str:
    return ", ".join(labels.get(name, "") or "none" for name in BY_KEY[key].by)
