"""Windows and intervals as they are written into rules: as they are, or all shortened for a drill.

Names of recorded series and labels of alerts keep the nominal windows, so that whatever reads them
works in a drill as it does in production.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_alerts.consistency import SCRAPES_A_WINDOW
from ctr_alerts.duration import Duration

if TYPE_CHECKING:
    from ctr_alerts.windows import Intervals

LEAST_INTERVAL = Duration(1_000)
"""Prometheus and the gateway have other work than reading metrics."""
FULL_SCALE = 1.0


@dataclass(frozen=True, slots=True)
class Timing:
    """How nominal lengths are written.

    Attributes:
        intervals: nominal ones.
        scale: factor on every length; 1 in production.
    """

    intervals: Intervals
    scale: float = FULL_SCALE

    @property
    def scrape(self) -> Duration:
        """How often metrics are read."""
        return self.every(self.intervals.scrape)

    def window(self, nominal: Duration) -> Duration:
        """A range of samples: whole seconds, and never too few scrapes for a rate."""
        if self.scale == FULL_SCALE:
            return nominal
        seconds = round(nominal.seconds * self.scale)
        return max(Duration.parse(f"{seconds}s"), self._least_window)

    def wait(self, nominal: Duration) -> Duration:
        """A time that an alert must last."""
        return nominal.times(self.scale)

    def every(self, nominal: Duration) -> Duration:
        """An interval of scrapes, evaluations or notifications."""
        return max(nominal.times(self.scale), min(nominal, LEAST_INTERVAL))

    @property
    def _least_window(self) -> Duration:
        return self.scrape.times(SCRAPES_A_WINDOW)
