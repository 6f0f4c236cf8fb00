"""How fast a budget may burn, over which windows, before whom it wakes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ctr_alerts.duration import Duration, DurationField
from ctr_alerts.model import Frozen

Severity = Literal["page", "ticket"]
PAGE: Severity = "page"
TICKET: Severity = "ticket"


class BurnWindow(Frozen):
    """One row of the SRE workbook's table.

    Attributes:
        severity: `page` wakes somebody, `ticket` waits for the morning.
        burn_rate: how many times faster than allowed the budget is spent.
        long: the window that says that it matters.
        short: the window that says that it still goes on.
    """

    severity: Severity
    burn_rate: float = Field(gt=0)
    long: DurationField
    short: DurationField


class Minimum(Frozen):
    """Traffic below which a share means nothing.

    Attributes:
        requests: least number in the long window.
        bad_requests: least number of bad ones in it.
    """

    requests: int = Field(ge=1)
    bad_requests: int = Field(ge=1)


class Intervals(Frozen):
    """How often Prometheus reads metrics, and evaluates the rules of each severity."""

    scrape: DurationField
    page: DurationField
    ticket: DurationField

    def of(self, severity: Severity) -> Duration:
        """Return the evaluation interval of a severity's rules."""
        return self.page if severity == PAGE else self.ticket
