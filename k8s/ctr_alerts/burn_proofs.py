"""What promtool shall show of the burn alerts.

A test's step is a third of the short window, so that every long window is 36 steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_alerts import metrics
from ctr_alerts.burn_alerts import burn_alerts
from ctr_alerts.proof import Proof, Proven
from ctr_alerts.series import Phase, Series, counter, labels
from ctr_alerts.sli import slis
from ctr_alerts.traffic import Flow, Traffic, bad

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctr_alerts.duration import Duration
    from ctr_alerts.rule import Alert
    from ctr_alerts.sli import Sli
    from ctr_alerts.slo import Slo
    from ctr_alerts.windows import BurnWindow, Severity

STEPS_OF_SHORT = 3
MANY = 1_000.0
"""Requests a step."""
BARELY_NOT = 0.9
"""Times the burn rate that an alert fires at."""


def proven_burn_alerts(slo: Slo, severity: Severity) -> tuple[Proven, ...]:
    """Return the alerts of a severity with their proofs."""
    rows = {str(row.long): row for row in slo.burn}
    return tuple(
        Proven(alert, tuple(_proofs(slo, alert, rows[alert.about["window"]])))
        for alert in burn_alerts(slo, severity)
    )


@dataclass(frozen=True, slots=True)
class _Case:
    """One alert rule and one of its objectives."""

    slo: Slo
    sli: Sli
    row: BurnWindow

    @property
    def step(self) -> Duration:
        return self.row.short.times(1 / STEPS_OF_SHORT)

    @property
    def long_steps(self) -> int:
        return self.row.long.ms // self.step.ms

    @property
    def limit(self) -> float:
        """The share of bad requests that the alert fires above."""
        return self.row.burn_rate * self.sli.budget

    @property
    def clearly_bad(self) -> float:
        """A share well above it."""
        return min(2 * self.limit, (1 + self.limit) / 2)

    def series(self, *flows: Flow) -> tuple[Series, ...]:
        traffic = Traffic(self.slo)
        match self.sli.slo:
            case "availability":
                return traffic.failing(flows)
            case "shed":
                return traffic.shedding(flows)
            case "degraded":
                return traffic.degrading(flows)
            case _:
                return traffic.slow(flows, self.sli.threshold_ms or 0)

    def proof(self, claim: str, flows: Sequence[Flow], *, fires: bool) -> Proof:
        at = self.step.times(sum(flow.steps for flow in flows))
        return Proof(
            f"{self.sli.objective}: {claim}", self.series(*flows), self.step, at, int(fires)
        )


def _proofs(slo: Slo, alert: Alert, row: BurnWindow) -> Iterator[Proof]:
    for sli in slis(slo):
        if sli.slo == alert.about["slo"]:
            case = _Case(slo, sli, row)
            yield from _usual(case)
            yield from _special(case)


def _usual(case: _Case) -> Iterator[Proof]:
    steps, share = case.long_steps, case.clearly_bad
    fault = Flow(steps, MANY, MANY * share)
    yield case.proof("both windows burn", [fault], fires=True)
    over = Flow(STEPS_OF_SHORT + 2, MANY, 0)
    yield case.proof("it is over, which the short window knows", [fault, over], fires=False)
    slower = Flow(steps, MANY, MANY * case.limit * BARELY_NOT)
    yield case.proof("it burns, but slower than this alert asks", [slower], fires=False)
    few = (case.slo.minimum.requests - 1) / (steps + STEPS_OF_SHORT)
    yield case.proof("too few requests to tell", [Flow(steps, few, few)], fires=False)


def _special(case: _Case) -> Iterator[Proof]:
    steps, traffic = case.long_steps, Traffic(case.slo)
    fault = Flow(steps, MANY, MANY * case.clearly_bad)
    at = case.step.times(steps)
    match case.sli.slo:
        case "availability":
            yield Proof("shed calls are no errors", traffic.shedding([fault]), case.step, at, 0)
        case "latency":
            every = traffic.all_fail_late([Phase(steps, MANY)])
            claim = f"{case.sli.objective}: all requests fail, and no good one was ever seen"
            both = len(case.slo.objectives.latency)
            yield Proof(claim, every, case.step, at, both)
        case "shed":
            refusals = labels(
                metrics.REFUSALS,
                job=case.slo.job,
                method=case.slo.methods[0],
                reason="CALLER_LIMIT",
                instance="gateway:8501",
                worker="0",
            )
            own = (*traffic.shedding([fault]), counter(refusals, *bad([fault])))
            yield Proof("callers at their own limits are not shed", own, case.step, at, 0)
