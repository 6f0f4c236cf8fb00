"""Which stretch of time is looked at, for alerts of this kind. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_monitor.clock import MS_PER_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_monitor.model import Alert

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
DURATION = re.compile(r"(\d{1,6})([smhdw])(?![a-z])")
POINTS = 240
"""A plot is some 400 pixels wide; more points would not be seen."""
LONGEST_RATE_S = 300


@dataclass(frozen=True, slots=True)
class LookSettings:
    """How far to look where an alert does not say, and the least rate window.

    Attributes:
        window_s: the longest window that an alert without the label `window` may look back over.
        rate_s: at least four scrape intervals.
        scale: of windows in force to those that labels name: below 1 in a drill, whose rules are
            shortened and keep the nominal names.
    """

    window_s: int = 1800
    rate_s: int = 60
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch asked for.

    Attributes:
        calm_until_ms: before this even a slow fault had not begun: the usual values end here.
        alert_ms: the first alert fired.
        until_ms: now, or the end of the incident.
    """

    from_ms: int
    calm_until_ms: int
    alert_ms: int
    until_ms: int
    step_s: int
    rate_s: int


def longest_window_s(label: str) -> int | None:
    """Return the longest duration named in a label such as `1h+5m`; None when there is none."""
    found = [int(number) * UNITS_S[unit] for number, unit in DURATION.findall(label)]
    return max(found, default=None)


def span_of(alerts: Sequence[Alert], until_ms: int, settings: LookSettings) -> Span:
    """Return what to ask for: as much calm before the alert's window as the window is long.

    An alert over a long window fires late: its fault may be as old as the window.
    """
    alert_ms = min(alert.starts_ms for alert in alerts)
    named = [longest_window_s(alert.labels.get("window", "")) for alert in alerts]
    in_force = [max(settings.rate_s, round(w * settings.scale)) for w in named if w]
    window_s = min(in_force, default=settings.window_s)
    calm_until_ms = alert_ms - window_s * MS_PER_S
    from_ms = calm_until_ms - window_s * MS_PER_S
    until_ms = max(until_ms, alert_ms)
    step_s = max(1, -(-(until_ms - from_ms) // MS_PER_S // POINTS))
    rate_s = max(settings.rate_s, min(LONGEST_RATE_S, window_s // 12), 2 * step_s)
    return Span(from_ms, calm_until_ms, alert_ms, until_ms, step_s, rate_s)
