"""The queue is nearly full: the next lists will be refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_alerts import metrics
from ctr_alerts.promql import joined, select
from ctr_alerts.proof import Proven
from ctr_alerts.signals.base import proof

if TYPE_CHECKING:
    from ctr_alerts.series import Series
    from ctr_alerts.signals.base import Maker

WINDOW = "5m"
LIMIT_TOKENS = 524_288


def queue_saturated(make: Maker) -> Proven:
    """A gauge that is read every few seconds is noise; its mean over minutes is not."""
    limit = make.limits.queue_saturated
    queued = select(metrics.QUEUED_TOKENS, make.of_job)
    most = select(metrics.QUEUE_LIMIT_TOKENS, make.of_job)
    alert = make.alert(
        "CtrQueueSaturated",
        signal="queue",
        limit=limit,
        expr=joined(
            f"avg_over_time({queued}[{make.window(WINDOW)}])", f"/ {most} > {limit.above_ratio:g}"
        ),
        summary="The queue is nearly full",
        description=(
            "{{ $labels.instance }}{{ with $labels.worker }}, worker {{ . }},{{ end }} holds "
            "{{ $value | humanizePercentage }} of the tokens that may wait."
        ),
    )
    steps = make.steps_beyond(limit, WINDOW)
    most_of = make.standing(metrics.QUEUE_LIMIT_TOKENS, LIMIT_TOKENS, steps + 1)

    def waiting(ratio: float) -> tuple[Series, ...]:
        return (make.standing(metrics.QUEUED_TOKENS, LIMIT_TOKENS * ratio, steps + 1), most_of)

    full, half = (1 + limit.above_ratio) / 2, limit.above_ratio / 2
    return Proven(
        alert,
        (
            proof("it is nearly full", *waiting(full), steps=steps, fires=1),
            proof("it is half as full", *waiting(half), steps=steps, fires=0),
        ),
    )
