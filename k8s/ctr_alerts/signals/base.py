"""What the signals share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_alerts.duration import Duration
from ctr_alerts.proof import Proof
from ctr_alerts.rule import Alert
from ctr_alerts.series import Phase, gauge, labels

if TYPE_CHECKING:
    from ctr_alerts.series import Series
    from ctr_alerts.signal_limits import Signal, Signals
    from ctr_alerts.slo import Slo
    from ctr_alerts.timing import Timing

MINUTE = Duration.parse("1m")
MARGIN_STEPS = 5
"""After an alert's own patience, before a proof looks."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes alerts and the series of their proofs for one gateway."""

    slo: Slo
    timing: Timing

    @property
    def limits(self) -> Signals:
        """Of every signal."""
        return self.slo.signals

    @property
    def of_job(self) -> str:
        """Matches the gateways' own metrics."""
        return f'job="{self.slo.job}"'

    def window(self, nominal: str) -> str:
        """A range, as written into a rule."""
        return str(self.timing.window(Duration.parse(nominal)))

    def alert(  # noqa: PLR0913 -- a rule has that many parts, all named at the call
        self,
        name: str,
        *,
        signal: str,
        limit: Signal,
        expr: str,
        summary: str,
        description: str,
        scope: str = "",
    ) -> Alert:
        """Make one alert; `scope` tells it from others of the same name."""
        about = {"signal": signal, "scope": scope} if scope else {"signal": signal}
        lasts = self.timing.wait(limit.lasts)
        return Alert(name, limit.severity, about, expr, lasts, summary, description)

    def name(self, metric: str, worker: str = "0", **more: str) -> str:
        """Write name and labels of a gateway's series."""
        return labels(metric, job=self.slo.job, instance="gateway:8501", worker=worker, **more)

    def standing(self, metric: str, value: float, steps: int, **more: str) -> Series:
        """A gauge that stands."""
        return gauge(self.name(metric, **more), Phase(steps, value))

    def steps_beyond(self, limit: Signal, *nominal: str, step: Duration = MINUTE) -> int:
        """How many steps pass until an alert over such windows has surely fired."""
        length = limit.lasts.ms + sum(Duration.parse(window).ms for window in nominal)
        return length // step.ms + MARGIN_STEPS


def proof(claim: str, *series: Series, steps: int, fires: int, step: Duration = MINUTE) -> Proof:
    """Claim something at the end of so many steps."""
    return Proof(claim, series, step, step, step.times(steps), fires)
