"""The model that serves is older than it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_alerts import metrics
from ctr_alerts.promql import select
from ctr_alerts.proof import Proven
from ctr_alerts.rule import Alert
from ctr_alerts.signals.base import proof
from ctr_alerts.windows import TICKET

if TYPE_CHECKING:
    from ctr_alerts.series import Series
    from ctr_alerts.signals.base import Maker

STEPS = 5


def model_stale(make: Maker) -> Proven:
    """The oldest one counts: a rollout that stopped half way leaves old ones behind.

    An age is no window: it is never shortened.
    """
    age = make.slo.objectives.model_freshness.max_age
    created = select(metrics.MODEL_CREATED, make.of_job)
    alert = Alert(
        name="CtrModelStale",
        severity=TICKET,
        about={"slo": "model_freshness"},
        expr=f"time() - min({created}) > {age.seconds:g}",
        lasts=None,
        summary=f"The model that serves is older than {age}",
        description="The oldest model that serves was made {{ $value | humanizeDuration }} ago.",
    )

    def made(ago_s: float) -> Series:
        return make.standing(metrics.MODEL_CREATED, -ago_s, STEPS + 1)

    return Proven(
        alert,
        (
            proof(
                "one of two is too old",
                made(age.seconds + 1),
                make.standing(metrics.MODEL_CREATED, 0, STEPS + 1, worker="1"),
                steps=STEPS,
                fires=1,
            ),
            proof("it is young enough", made(age.seconds / 2), steps=STEPS, fires=0),
        ),
    )
