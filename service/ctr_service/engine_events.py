"""What becomes of news about Triton servers: metrics, log lines, and in the end health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ctr_service.backend.triton_observer import EndpointState
from ctr_service.limits import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from structlog.typing import FilteringBoundLogger

    from ctr_service.clock import Clock
    from ctr_service.telemetry.triton_instruments import TritonInstruments


class TellsHealth(Protocol):
    """What probes hear; see `ctr_service.server.lifecycle.Lifecycle`."""

    def set_backend_gone(self, *, gone: bool) -> None:
        """Say NOT_SERVING while the backend is gone."""
        ...


class EngineEvents:
    """Implements `TritonObserver`. Belongs to one event loop."""

    def __init__(
        self,
        instruments: TritonInstruments,
        log: FilteringBoundLogger,
        clock: Clock,
        *,
        gone_s: float,
    ) -> None:
        """Take where news goes.

        Args:
            instruments: metrics.
            log: a line for each change of a server's state.
            clock: by which `gone_s` is counted.
            gone_s: without a usable server for so long, health says NOT_SERVING; 0 is never.
        """
        self._instruments = instruments
        self._log = log
        self._clock = clock
        self._gone_ns = round(gone_s * NS_PER_S)
        self._usable_ns = clock.now_ns()
        self._health: TellsHealth | None = None

    def attach(self, health: TellsHealth) -> None:
        """Tell health from now on."""
        self._health = health
        self._usable_ns = self._clock.now_ns()

    def triton_called(self, target: str, *, outcome: str) -> None:
        """Count it."""
        self._instruments.triton_called(target, outcome=outcome)

    def triton_retried(self, target: str) -> None:
        """Count it."""
        self._instruments.triton_retried(target)

    def triton_endpoint(self, address: str, *, state: EndpointState, reason: str) -> None:
        """Log it; what serves is no warning."""
        tell = self._log.info if state is EndpointState.READY else self._log.warning
        tell("triton_server", address=address, state=state.value, reason=reason)

    def triton_endpoints(self, states: Mapping[EndpointState, int]) -> None:
        """Keep the numbers."""
        self._instruments.triton_endpoints(states)

    def triton_usable(self, *, usable: bool) -> None:
        """Tell health when servers were gone for long, and when one is back."""
        now_ns = self._clock.now_ns()
        if usable:
            self._usable_ns = now_ns
        if self._health is not None and self._gone_ns:
            self._health.set_backend_gone(gone=now_ns - self._usable_ns >= self._gone_ns)
