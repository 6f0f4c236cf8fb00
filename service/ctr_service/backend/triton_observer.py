"""What the Triton backend tells telemetry and health."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class EndpointState(enum.Enum):
    """What is known of one Triton server; the values are metric labels."""

    VERIFYING = "verifying"
    """New, or its connection changed: asked what it serves before it gets a batch."""
    READY = "ready"
    """It serves this very graph."""
    NOT_READY = "not_ready"
    """It cannot be reached, or has not the model."""
    MISMATCH = "mismatch"
    """It serves something else under the model's name."""
    RESTING = "resting"
    """It fails calls: its circuit breaker leaves it alone for a while."""


OK, CANCELLED = "ok", "cancelled"
"""Outcomes of a call without a fault; others are values of FaultKind."""


class TritonObserver(Protocol):
    """Called on the event loop: each method must return at once and not raise."""

    def triton_called(self, target: str, *, outcome: str) -> None:
        """A batch was sent to a server of a target (as configured) and ended."""
        ...

    def triton_retried(self, target: str) -> None:
        """A batch that a server of this target did not answer is sent to another."""
        ...

    def triton_endpoint(self, address: str, *, state: EndpointState, reason: str) -> None:
        """A server's state changed. `reason` is a sentence for people, empty when all is well."""
        ...

    def triton_endpoints(self, states: Mapping[EndpointState, int]) -> None:
        """So many servers are in each state now."""
        ...

    def triton_usable(self, *, usable: bool) -> None:
        """Whether a batch would run now; told at least once a watch, changed or not."""
        ...


class NullTritonObserver:
    """Hears everything and keeps nothing."""

    def triton_called(self, target: str, *, outcome: str) -> None:
        """Ignore it."""

    def triton_retried(self, target: str) -> None:
        """Ignore it."""

    def triton_endpoint(self, address: str, *, state: EndpointState, reason: str) -> None:
        """Ignore it."""

    def triton_endpoints(self, states: Mapping[EndpointState, int]) -> None:
        """Ignore it."""

    def triton_usable(self, *, usable: bool) -> None:
        """Ignore it."""
