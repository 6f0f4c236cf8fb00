"""All rules, in the files and groups that Prometheus reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_alerts.burn_proofs import proven_burn_alerts
from ctr_alerts.burn_records import budget_records, window_records
from ctr_alerts.rule import Group
from ctr_alerts.signals.absent import gateway_gone, instance_gone, span_metrics_absent
from ctr_alerts.signals.base import Maker
from ctr_alerts.signals.breaker import breaker_open
from ctr_alerts.signals.cache import cache_cold, cache_records
from ctr_alerts.signals.features import features_late
from ctr_alerts.signals.freshness import model_stale
from ctr_alerts.signals.loop import event_loop_lagging
from ctr_alerts.signals.memory import memory_growing
from ctr_alerts.signals.queue import queue_saturated
from ctr_alerts.signals.triton import triton_none_ready, triton_some_lost
from ctr_alerts.windows import PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_alerts.duration import Duration
    from ctr_alerts.proof import Proven
    from ctr_alerts.rule import Record
    from ctr_alerts.slo import Slo
    from ctr_alerts.timing import Timing
    from ctr_alerts.windows import Severity


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One file of rules.

    Attributes:
        stem: its name without the suffix.
        needs: stems of files whose series its rules read.
    """

    stem: str
    group: str
    severity: Severity
    records: tuple[Record, ...]
    proven: tuple[Proven, ...]
    needs: tuple[str, ...] = ()

    def as_group(self, timing: Timing) -> Group:
        """Return its one group, evaluated as often as its severity asks."""
        interval = timing.every(timing.intervals.of(self.severity))
        alerts = tuple(proven.alert for proven in self.proven)
        return Group(self.group, interval, (*self.records, *alerts))


def rule_files(slo: Slo, timing: Timing) -> tuple[RuleFile, ...]:
    """Return every rule, with its proofs."""
    return (
        RuleFile("budgets", "ctr-budgets", PAGE, budget_records(slo), ()),
        *_burn(slo, timing),
        _signals(Maker(slo, timing)),
    )


def _burn(slo: Slo, timing: Timing) -> Iterator[RuleFile]:
    """A file for each row of the table; a window that two rows share is recorded by the first."""
    recorded_by: dict[Duration, str] = {}
    for row in slo.burn:
        stem = f"burn_{row.severity}_{row.long}"
        records: list[Record] = []
        for window in (row.short, row.long):
            if window not in recorded_by:
                records += window_records(slo, window, timing)
                recorded_by[window] = stem
        others = {recorded_by[row.short], recorded_by[row.long]} - {stem}
        yield RuleFile(
            stem,
            f"ctr-burn-{row.severity}-{row.long}",
            row.severity,
            tuple(records),
            proven_burn_alerts(slo, row),
            needs=("budgets", *sorted(others)),
        )


def _signals(make: Maker) -> RuleFile:
    return RuleFile(
        stem="signals",
        group="ctr-signals",
        severity=PAGE,
        records=cache_records(make),
        proven=(
            gateway_gone(make),
            instance_gone(make),
            span_metrics_absent(make),
            queue_saturated(make),
            breaker_open(make, "read"),
            breaker_open(make, "write"),
            features_late(make),
            cache_cold(make),
            event_loop_lagging(make),
            triton_none_ready(make),
            triton_some_lost(make),
            memory_growing(make),
            model_stale(make),
        ),
    )
