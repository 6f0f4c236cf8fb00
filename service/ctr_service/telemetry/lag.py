"""How late the event loop is: a timer that notes how long after its time it rang.

Everything of a request but the engine's own time waits in this loop, so its lag is the first sign
that one process is too few.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from ctr_service.limits import NS_PER_S

if TYPE_CHECKING:
    from ctr_service.clock import Clock

PROBE_EVERY_S = 0.1
"""Rare enough to cost nothing; a stall of the length of a deadline is still seen."""


class LagObserver(Protocol):
    """Hears of each ring. Must return at once and not raise."""

    def loop_lagged(self, seconds: float) -> None:
        """The loop ran a timer this long after its time."""
        ...


class LoopLagProbe:
    """Probes the running loop from `start` to `close`."""

    def __init__(self, observer: LagObserver, clock: Clock) -> None:
        self._observer = observer
        self._clock = clock
        self._due_ns = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Set the first timer; call it from the loop."""
        self._due_ns = self._clock.now_ns() + round(PROBE_EVERY_S * NS_PER_S)
        self._timer = asyncio.get_running_loop().call_later(PROBE_EVERY_S, self._ring)

    def close(self) -> None:
        """Probe no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _ring(self) -> None:
        # Timers are rounded to the loop's resolution, so one may ring a little early: no lag.
        self._observer.loop_lagged(max(0, self._clock.now_ns() - self._due_ns) / NS_PER_S)
        self.start()
