"""What is promised: shares of requests, and the age of the model."""

from __future__ import annotations

from pydantic import Field

from ctr_alerts.duration import DurationField
from ctr_alerts.model import Frozen

PERCENT = 100.0


class Target(Frozen):
    """A share of requests that shall be good."""

    target_percent: float = Field(gt=0, lt=100)

    @property
    def budget(self) -> float:
        """The share that may be bad."""
        return round((PERCENT - self.target_percent) / PERCENT, 12)


class LatencyTarget(Target):
    """A share of requests that shall be answered, without an error, within a time."""

    threshold_ms: float = Field(gt=0)


class Freshness(Frozen):
    """How long ago the bundle that serves may have been built."""

    max_age: DurationField


class Objectives(Frozen):
    """All of them.

    Attributes:
        availability: requests, shed ones left out, that end without a fault of the server.
        latency: the same within a threshold; several thresholds stand beside each other.
        shed: requests that are not refused for want of capacity.
        degraded: answers in which no item fell back.
        model_freshness: of the oldest model that serves.
    """

    availability: Target
    latency: tuple[LatencyTarget, ...] = Field(min_length=1)
    shed: Target
    degraded: Target
    model_freshness: Freshness
