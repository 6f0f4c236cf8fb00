"""The burn-rate alerts: one rule an SLO and a row of the workbook's table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_alerts.burn_records import bad_requests_in, burn_rate_over, requests_in
from ctr_alerts.promql import joined
from ctr_alerts.rule import Alert

if TYPE_CHECKING:
    from ctr_alerts.slo import Slo
    from ctr_alerts.windows import BurnWindow, Minimum


@dataclass(frozen=True, slots=True)
class BurnKind:
    """An SLO whose budget may burn.

    Attributes:
        slo: its label.
        alert: the alert's name.
        happens: what is going on, as the summary's beginning.
    """

    slo: str
    alert: str
    happens: str


KINDS = (
    BurnKind("availability", "CtrAvailabilityBurn", "Calls end with errors"),
    BurnKind("latency", "CtrLatencyBurn", "Calls take too long"),
    BurnKind("shed", "CtrShedBurn", "Calls are refused for want of capacity"),
    BurnKind("degraded", "CtrDegradedBurn", "Answers hold fallbacks instead of scores"),
)


def burn_alerts(slo: Slo, row: BurnWindow) -> tuple[Alert, ...]:
    """Return the alerts of a row, one an SLO."""
    return tuple(_alert(kind, row, slo.minimum) for kind in KINDS)


def _alert(kind: BurnKind, row: BurnWindow, minimum: Minimum) -> Alert:
    of = f'{{slo="{kind.slo}"}}'
    expr = joined(
        f"{burn_rate_over(row.long)}{of} > {row.burn_rate:g}",
        f"and {burn_rate_over(row.short)}{of} > {row.burn_rate:g}",
        f"and {requests_in(row.long)}{of} >= {minimum.requests}",
        f"and {bad_requests_in(row.long)}{of} >= {minimum.bad_requests}",
    )
    return Alert(
        name=kind.alert,
        severity=row.severity,
        about={"slo": kind.slo, "window": str(row.long)},
        expr=expr,
        lasts=None,  # the short window already asks whether it goes on
        summary=f"{kind.happens}: the budget burns more than {row.burn_rate:g} times too fast",
        description=(
            f"{{{{ $labels.objective }}}}: over {row.long} the error budget was spent "
            '{{ $value | printf "%.1f" }} times as fast as allowed, '
            f"and over the last {row.short} it still is."
        ),
    )
