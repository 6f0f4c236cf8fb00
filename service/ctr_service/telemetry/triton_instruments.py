"""What the Triton backend tells, as metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.telemetry import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_service.backend.triton_observer import EndpointState
    from ctr_service.telemetry.families import Families


class TritonInstruments:
    """Counts batches by server and outcome. Every method returns at once."""

    def __init__(self, families: Families) -> None:
        self._batches = families.counter(names.TRITON_BATCHES)
        self._retries = families.counter(names.TRITON_RETRIES)
        self._servers = families.gauge(names.TRITON_SERVERS)

    def triton_called(self, target: str, *, outcome: str) -> None:
        """A batch that was sent to a server has ended."""
        self._batches.labels(target, outcome).inc()

    def triton_retried(self, target: str) -> None:
        """A batch was sent once more."""
        self._retries.labels(target).inc()

    def triton_endpoints(self, states: Mapping[EndpointState, int]) -> None:
        """So many servers are in each state."""
        for state, servers in states.items():
            self._servers.labels(state.value).set(servers)
