"""Which traces are kept: a share of the room for each class, the newest of each. Pure.

So a storm of failures does not push out the slow ones, and neither pushes out all usual ones, which
exemplars point at too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_monitor.traces.spans import BATCH

if TYPE_CHECKING:
    from ctr_monitor.traces.spans import Trace

SHARES = {"failed": 0.3, "slow": 0.3, "refused": 0.1, "batch": 0.15, "usual": 0.15}


@dataclass(frozen=True, slots=True)
class KeepSettings:
    """Bounds.

    Attributes:
        max_traces: of all classes together.
        max_bytes: of their stored form.
        slow_ms: from this duration on a trace counts as slow.
    """

    max_traces: int = 5000
    max_bytes: int = 64 * 1024 * 1024
    slow_ms: float = 100.0


@dataclass(slots=True)
class Room:
    """What one class has taken."""

    count: int = 0
    size: int = 0

    def is_over(self, kind: str, settings: KeepSettings) -> bool:
        """Whether its oldest must go."""
        share = SHARES[kind]
        return self.count > share * settings.max_traces or self.size > share * settings.max_bytes


def class_of(trace: Trace, slow_ms: float) -> str:
    """Return "failed", "refused", "slow", "batch" or "usual"; a failed batch is "failed"."""
    if trace.failed:
        return "failed"
    if trace.refused:
        return "refused"
    if trace.main.name == BATCH:
        return "batch"
    return "slow" if trace.main.duration_ms >= slow_ms else "usual"
