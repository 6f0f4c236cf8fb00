"""The feature store does not answer in time: scores are computed from defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_alerts import metrics
from ctr_alerts.promql import joined, select
from ctr_alerts.proof import Proven
from ctr_alerts.series import Phase, counter
from ctr_alerts.signals.base import proof

if TYPE_CHECKING:
    from ctr_alerts.series import Series
    from ctr_alerts.signals.base import Maker

WINDOW = "5m"
IDS = 1_000.0
"""Looked up a step."""


def features_late(make: Maker) -> Proven:
    """Late ids over all ids; such an answer is marked item by item, and is no error."""
    limit = make.limits.features_late
    window = make.window(WINDOW)
    late = select(metrics.FEATURE_IDS, make.of_job, 'outcome="late"')
    every = select(metrics.FEATURE_IDS, make.of_job)
    alert = make.alert(
        "CtrFeaturesLate",
        signal="features",
        limit=limit,
        expr=joined(
            f"sum by (entity) (rate({late}[{window}]))",
            f"/ sum by (entity) (rate({every}[{window}])) > {limit.above_ratio:g}",
        ),
        summary="The feature store is too slow: scores are computed from defaults",
        description=(
            "{{ $value | humanizePercentage }} of the ids of entity {{ $labels.entity }} were not "
            "answered in time."
        ),
    )
    steps = make.steps_beyond(limit, WINDOW)

    def looked_up(share: float) -> tuple[Series, ...]:
        def of(outcome: str, ids: float) -> Series:
            name = make.name(metrics.FEATURE_IDS, entity="item", outcome=outcome)
            return counter(name, Phase(steps, ids))

        return (of("store", IDS * (1 - share)), of("late", IDS * share))

    often, seldom = limit.above_ratio * 1.5, limit.above_ratio / 2
    return Proven(
        alert,
        (
            proof("too many are late", *looked_up(often), steps=steps, fires=1),
            proof("some are late", *looked_up(seldom), steps=steps, fires=0),
        ),
    )
