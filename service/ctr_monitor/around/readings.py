"""From series to two numbers each: the usual value, and the worst since the onset. Pure."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from ctr_monitor.around.questions import BY_KEY, Worse
from ctr_monitor.model import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ctr_monitor.model import Line, Panel

BAD_END = 0.9
"""The worst is a 90th percentile: a single point may be a scrape that failed."""


def read(panels: Iterable[Panel], onset_ms: int) -> tuple[Reading, ...]:
    """Return a reading for each series; `before` or `during` is None where it had no value."""
    return tuple(_reading(panel.key, line, onset_ms) for panel in panels for line in panel.lines)


def _reading(key: str, line: Line, onset_ms: int) -> Reading:
    before = [v for at, v in line.points if v is not None and at < onset_ms]
    during = [v for at, v in line.points if v is not None and at >= onset_ms]
    return Reading(
        key=key,
        labels=line.labels,
        before=statistics.median(before) if before else None,
        during=_worst(during, BY_KEY[key].worse) if during else None,
    )


def _worst(values: Sequence[float], worse: Worse) -> float:
    ordered = sorted(values, reverse=worse is Worse.DOWN)
    if worse is Worse.EITHER:
        return statistics.median(ordered)
    return ordered[min(len(ordered) - 1, round(BAD_END * (len(ordered) - 1)))]
