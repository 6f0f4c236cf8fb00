"""Opening and closing the server.

Closing, so that a rolling update fails nothing:
1. health says NOT_SERVING; requests are served for `drain_delay_s` more, while balancers look away;
2. the gate closes: accepted requests go on, new ones are refused (UNAVAILABLE, NOT_SERVING);
3. once nobody comes or goes any more, gRPC stops: GOAWAY to every connection, accepted requests
   have `grace_s` to finish, and the refusals that the gate held are let go.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from ctr_service.limits import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from structlog.typing import FilteringBoundLogger

    from ctr_service.clock import Clock
    from ctr_service.server.gate import Gate
    from ctr_service.server.health import HealthBoard

    Sleep: TypeAlias = Callable[[float], Awaitable[None]]

QUIET_S = 0.05
"""The gate counts as quiet when nobody came or went for this long: callers are held or gone. Who
was just answered sends the next request soon, so leaving counts as well."""
MAX_QUIET_WAIT_S = 0.5
"""Callers that keep coming are not waited for longer than this."""
POLL_S = 0.005
GOAWAY_S = 0.01
"""Given to gRPC for writing its GOAWAY before the held refusals follow on the same connection."""


class StopsServing(Protocol):
    """What the lifecycle asks of a gRPC server."""

    async def stop(self, grace: float | None) -> None:
        """Refuse new calls; wait for running ones, at most `grace` seconds."""
        ...


class ServingObserver(Protocol):
    """Hears when health changes. Must return at once and not raise."""

    def serving_changed(self, *, serving: bool) -> None:
        """Health says SERVING, or no longer."""
        ...


class Lifecycle:
    """Opens the gate once, and closes it once."""

    def __init__(  # noqa: PLR0913 -- collaborators arrive by constructor
        self,
        *,
        server: StopsServing,
        gate: Gate,
        health: HealthBoard,
        observer: ServingObserver,
        clock: Clock,
        sleep: Sleep,
        log: FilteringBoundLogger,
        drain_delay_s: float,
        grace_s: float,
    ) -> None:
        self._server = server
        self._gate = gate
        self._health = health
        self._observer = observer
        self._clock = clock
        self._sleep = sleep
        self._log = log
        self._drain_delay_s = drain_delay_s
        self._grace_s = grace_s
        self._open = False

    def open(self) -> None:
        """Admit requests and say so; call it when warm-up is done."""
        self._gate.open()
        self._open = True
        self._set_serving(serving=True)

    def set_backend_gone(self, *, gone: bool) -> None:
        """Say NOT_SERVING while the backend is gone, so that balancers look elsewhere.

        Whoever comes all the same is let in: caches may answer, and a refusal says why.
        """
        if self._open and self._health.serving is gone:
            self._log.warning("backend_gone" if gone else "backend_back")
            self._set_serving(serving=not gone)

    async def close(self) -> None:
        """Drain and stop; see the module's docstring. Returns when no call is left."""
        self._open = False
        if self._health.serving:
            self._log.info("draining", delay_s=self._drain_delay_s, in_flight=self._gate.inside)
            self._set_serving(serving=False)
            await self._sleep(self._drain_delay_s)
        self._gate.close()
        await self._quiet()
        self._health.close()
        stopping = asyncio.create_task(self._server.stop(self._grace_s))
        await self._sleep(GOAWAY_S)
        self._gate.release()
        await stopping
        self._log.info("stopped", accepted=self._gate.admitted, abandoned=self._gate.abandoned)

    def _set_serving(self, *, serving: bool) -> None:
        self._health.set_serving(serving=serving)
        self._observer.serving_changed(serving=serving)

    async def _quiet(self) -> None:
        began_ns = self._clock.now_ns()
        while True:
            now_ns = self._clock.now_ns()
            if now_ns - self._gate.last_movement_ns >= QUIET_S * NS_PER_S:
                return
            if now_ns - began_ns >= MAX_QUIET_WAIT_S * NS_PER_S:
                return
            await self._sleep(POLL_S)
