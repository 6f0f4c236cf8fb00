"""What Prometheus computes for the burn alerts and the dashboards, by objective and window.

ctr_slo:error_budget:ratio          the share that may be bad
ctr_slo:requests:increase1h         how many counted in the window
ctr_slo:bad_requests:increase1h     how many of them were bad
ctr_slo:burn_rate:1h                how many times faster than allowed the budget is spent
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_alerts.promql import joined
from ctr_alerts.rule import Record
from ctr_alerts.sli import slis

if TYPE_CHECKING:
    from ctr_alerts.duration import Duration
    from ctr_alerts.slo import Slo
    from ctr_alerts.timing import Timing

BUDGET = "ctr_slo:error_budget:ratio"


def requests_in(window: Duration) -> str:
    """Name the number of requests in a window."""
    return f"ctr_slo:requests:increase{window}"


def bad_requests_in(window: Duration) -> str:
    """Name the number of bad requests in a window."""
    return f"ctr_slo:bad_requests:increase{window}"


def burn_rate_over(window: Duration) -> str:
    """Name the burn rate over a window."""
    return f"ctr_slo:burn_rate:{window}"


def budget_records(slo: Slo) -> tuple[Record, ...]:
    """Return the budgets as series."""
    return tuple(Record(BUDGET, f"vector({sli.budget:g})", sli.labels) for sli in slis(slo))


def window_records(slo: Slo, window: Duration, timing: Timing) -> tuple[Record, ...]:
    """Return the series of one window."""
    span = timing.window(window)
    counts = [
        record
        for sli in slis(slo)
        for record in (
            Record(requests_in(window), sli.requests(span), sli.labels),
            Record(
                bad_requests_in(window),
                sli.bad_requests(span, requests_in(window)),
                sli.labels,
            ),
        )
    ]
    burn = joined(bad_requests_in(window), f"/ ({requests_in(window)} > 0)", f"/ {BUDGET}")
    return (*counts, Record(burn_rate_over(window), burn))
