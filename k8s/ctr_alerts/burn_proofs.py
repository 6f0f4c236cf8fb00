"""What promtool shall show of the burn alerts.

A test's step is a third of the short window, so that every long window is 36 steps.
"""

from __future__ import annotations

import math
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
    from ctr_alerts.windows import BurnWindow

STEPS_OF_SHORT = 3
MANY = 1_000.0
"""Requests a step."""
BARELY_NOT = 0.9
"""Times the burn rate that an alert fires at."""


def proven_burn_alerts(slo: Slo, row: BurnWindow) -> tuple[Proven, ...]:
    """Return the alerts of a row with their proofs."""
    return tuple(Proven(alert, tuple(_proofs(slo, alert, row))) for alert in burn_alerts(slo, row))


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
    def every(self) -> Duration:
        """Between evaluations: a claim is looked at on one of them."""
        return self.step.times(STEPS_OF_SHORT)

    @property
    def long_steps(self) -> int:
        """Steps that fill the long window, in whole evaluations."""
        return STEPS_OF_SHORT * math.ceil(self.row.long.ms / self.every.ms)

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

    def proof(self, claim: str, flows: Sequence[Flow], *, fires: int) -> Proof:
        return self.proof_of(f"{self.sli.objective}: {claim}", flows, self.series(*flows), fires)

    def proof_of(
        self, claim: str, flows: Sequence[Flow], series: tuple[Series, ...], fires: int
    ) -> Proof:
        at = self.step.times(sum(flow.steps for flow in flows))
        return Proof(claim, series, self.step, self.every, at, fires)


def _proofs(slo: Slo, alert: Alert, row: BurnWindow) -> Iterator[Proof]:
    own = [sli for sli in slis(slo) if sli.slo == alert.about["slo"]]
    for sli in own:
        yield from _usual(_Case(slo, sli, row))
    yield from _special(_Case(slo, own[0], row), objectives=len(own))


def _usual(case: _Case) -> Iterator[Proof]:
    steps, minimum = case.long_steps, case.slo.minimum
    fault = Flow(steps, MANY, MANY * case.clearly_bad)
    yield case.proof("both windows burn", [fault], fires=1)
    over = Flow(2 * STEPS_OF_SHORT, MANY, 0)
    yield case.proof("it is over, which the short window knows", [fault, over], fires=0)
    slower = Flow(steps, MANY, MANY * case.limit * BARELY_NOT)
    yield case.proof("it burns, but slower than this alert asks", [slower], fires=0)
    few = (minimum.requests - 1) / (steps + STEPS_OF_SHORT)
    yield case.proof("too few requests to tell", [Flow(steps, few, few)], fires=0)
    few_bad = (minimum.bad_requests - 1) / (steps + STEPS_OF_SHORT)
    if few_bad * steps / case.clearly_bad > minimum.requests:
        flow = Flow(steps, few_bad / case.clearly_bad, few_bad)
        yield case.proof("too few bad ones to tell", [flow], fires=0)


def _special(case: _Case, *, objectives: int) -> Iterator[Proof]:
    steps, traffic = case.long_steps, Traffic(case.slo)
    fault = Flow(steps, MANY, MANY * case.clearly_bad)
    match case.sli.slo:
        case "availability":
            shed = traffic.shedding([fault])
            yield case.proof_of("shed calls are no errors", [fault], shed, 0)
        case "latency":
            every = traffic.all_fail_late([Phase(steps, MANY)])
            claim = "all requests fail, and no good one was ever seen"
            yield case.proof_of(claim, [fault], every, objectives)
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
            yield case.proof_of("callers at their own limits are not shed", [fault], own, 0)
