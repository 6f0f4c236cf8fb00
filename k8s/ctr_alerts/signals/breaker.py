"""Redis is left alone, because it fails or is slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_alerts import metrics
from ctr_alerts.promql import select
from ctr_alerts.proof import Proven
from ctr_alerts.series import Series
from ctr_alerts.signals.base import proof

if TYPE_CHECKING:
    from ctr_alerts.signal_limits import Signal
    from ctr_alerts.signals.base import Maker

WINDOW = "2m"
"""An open breaker is probed every few seconds; a scrape may see either state."""
MEANS = {
    "read": "the model carries the load of the shared cache, and items by id score with defaults",
    "write": "what this gateway computes is shared with nobody",
}


def breaker_open(make: Maker, side: str) -> Proven:
    """Open or probed at every scrape of a window, in one process at least."""
    limit: Signal = getattr(make.limits, f"remote_breaker_open_{side}")
    state = select(metrics.BREAKER_STATE, make.of_job, f'side="{side}"')
    alert = make.alert(
        "CtrRemoteCacheBreakerOpen",
        signal="breaker",
        scope=side,
        limit=limit,
        expr=f"count(min_over_time({state}[{make.window(WINDOW)}]) > 0) > 0",
        summary=f"Redis is left alone: {MEANS[side]}",
        description=(
            f"The breaker of {side}s from Redis is open in {{{{ $value }}}} gateway process(es)."
            if side == "read"
            else "The breaker of writes to Redis is open in {{ $value }} gateway process(es)."
        ),
    )
    steps = make.steps_beyond(limit, WINDOW)

    def states(*pattern: int) -> Series:
        values = (pattern * (steps + 1))[: steps + 1]
        name = make.name(metrics.BREAKER_STATE, side=side)
        return Series(name, " ".join(str(value) for value in values))

    return Proven(
        alert,
        (
            proof("it is open, and probed now and then", states(2, 2, 1), steps=steps, fires=1),
            proof("it closes again and again", states(2, 0), steps=steps, fires=0),
            proof("it is closed", states(0), steps=steps, fires=0),
        ),
    )
