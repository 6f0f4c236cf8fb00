"""What a ranking looks at. All of it is optional: what is missing speaks for and against nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_monitor.model import Change, Reading


@dataclass(frozen=True, slots=True)
class TraceFacts:
    """What the kept traces of the incident's time say together.

    Attributes:
        slow: how many slow ones there are; failed: how many failed.
        stage_share: stage -> its share of the slow traces' time in stages.
        failed_stage_share: stage -> share of the failed traces in which it failed.
        reason_share: ErrorReason -> its share of the failed traces.
    """

    slow: int = 0
    failed: int = 0
    stage_share: Mapping[str, float] = field(default_factory=dict)
    failed_stage_share: Mapping[str, float] = field(default_factory=dict)
    reason_share: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of an incident.

    Attributes:
        alerts: names of the alerts that fired.
        readings: usual and worst value of each series.
        changes: what became different around the onset.
    """

    alerts: frozenset[str] = frozenset()
    readings: tuple[Reading, ...] = ()
    changes: tuple[Change, ...] = ()
    traces: TraceFacts = field(default_factory=TraceFacts)

    def of(self, key: str) -> list[Reading]:
        """Return the readings of a question."""
        return [reading for reading in self.readings if reading.key == key]
