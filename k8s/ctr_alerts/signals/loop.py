"""The gateway's own thread is too busy: every request waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_alerts import metrics
from ctr_alerts.promql import select
from ctr_alerts.proof import Proven
from ctr_alerts.series import Phase, counter
from ctr_alerts.signals.base import proof

if TYPE_CHECKING:
    from ctr_alerts.series import Series
    from ctr_alerts.signals.base import Maker

WINDOW = "5m"
MS_PER_S = 1_000.0
TIMERS = 600.0
"""The loop's lag is measured ten times a second: so many a minute."""


def event_loop_lagging(make: Maker) -> Proven:
    """The 99th percentile of each process."""
    limit = make.limits.event_loop_lagging
    buckets = select(metrics.LOOP_LAG_BUCKET, make.of_job)
    rate = f"sum by (instance, worker, le) (rate({buckets}[{make.window(WINDOW)}]))"
    alert = make.alert(
        "CtrEventLoopLagging",
        signal="loop",
        limit=limit,
        expr=f"histogram_quantile(0.99, {rate}) > {limit.above_ms / MS_PER_S:g}",
        summary="A gateway's event loop is too busy",
        description=(
            "{{ $labels.instance }}{{ with $labels.worker }}, worker {{ . }}:{{ end }} the loop "
            "runs 1 % of its timers {{ $value | humanizeDuration }} late or more."
        ),
    )
    steps = make.steps_beyond(limit, WINDOW)
    edge = limit.above_ms / MS_PER_S

    def lagging(late_share: float) -> tuple[Series, ...]:
        def bucket(le: str, timers: float) -> Series:
            return counter(make.name(metrics.LOOP_LAG_BUCKET, le=le), Phase(steps, timers))

        return (
            bucket("0.001", TIMERS * (1 - late_share)),
            bucket(f"{edge:g}", TIMERS * (1 - late_share)),
            bucket(f"{edge * 2:g}", TIMERS),
            bucket("+Inf", TIMERS),
        )

    return Proven(
        alert,
        (
            proof("a twentieth of timers is late", *lagging(0.05), steps=steps, fires=1),
            proof("one of a thousand is late", *lagging(0.001), steps=steps, fires=0),
        ),
    )
