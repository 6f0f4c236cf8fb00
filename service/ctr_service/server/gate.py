"""The door of the server: counts who is inside, and lets nobody in before warm-up or after drain.

Not safe across threads: it belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
from typing import TYPE_CHECKING

from ctr_service.errors import NotServingError, OverloadedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ctr_service.clock import Clock

CROWDED_RETRY_NS = 50_000_000
"""What a caller is told to wait when too many requests are inside: a typical answer's time."""


class Phase(enum.Enum):
    """What the gate does with an arrival."""

    STARTING = "starting"
    OPEN = "open"
    CLOSED = "closed"


class Gate:
    """Admits requests while it is open, and holds refusals back while the server says goodbye.

    A refusal that left at once would send the caller's retry down the same connection, where
    gRPC's core cancels whatever reaches it between the stop and the client's seeing the GOAWAY
    (grpc/grpc#41785: CANCELLED, not UNAVAILABLE). Held until the GOAWAY is out, the retry goes to
    another server.
    """

    def __init__(self, *, max_inside: int, clock: Clock) -> None:
        """Start in phase STARTING.

        Counts since the start: `admitted`, and of those `abandoned`, whose caller hung up or whose
        grace ran out. `last_movement_ns` is when somebody arrived or left.

        Args:
            max_inside: requests inside at once, held ones included; more are refused at once.
            clock: times arrivals and departures.
        """
        self._max_inside = max_inside
        self._clock = clock
        self._held = 0
        self._released = asyncio.Event()
        self.phase = Phase.STARTING
        self.inside = 0
        self.admitted = 0
        self.abandoned = 0
        self.last_movement_ns = 0

    def open(self) -> None:
        """Admit from now on."""
        self.phase = Phase.OPEN

    def close(self) -> None:
        """Admit nobody from now on; refusals are held until `release`."""
        self.phase = Phase.CLOSED
        self.last_movement_ns = self._clock.now_ns()

    def release(self) -> None:
        """Let the held refusals go, and hold no more."""
        self._released.set()

    @contextlib.asynccontextmanager
    async def admit(self, *, patience_s: float) -> AsyncIterator[None]:
        """Stand inside for the length of the context.

        Args:
            patience_s: how long a refusal may be held back, so that the caller still hears it.

        Raises:
            NotServingError: the gate is not open.
            OverloadedError: `max_inside` requests are inside.
        """
        self.last_movement_ns = self._clock.now_ns()
        if self.inside + self._held >= self._max_inside:
            raise OverloadedError(
                f"{self._max_inside} requests are in progress, which is the limit of this server; "
                "come back later or ask another one",
                retry_after_ns=CROWDED_RETRY_NS,
                metadata={"field": "requests", "limit": str(self._max_inside)},
            )
        if self.phase is Phase.STARTING:
            raise NotServingError("the server is warming up; ask another one or come back later")
        if self.phase is Phase.CLOSED:
            await self._hold(patience_s)
            raise NotServingError("the server is stopping; ask another one")
        self.inside += 1
        self.admitted += 1
        try:
            yield
        except asyncio.CancelledError:
            self.abandoned += 1
            raise
        finally:
            self.inside -= 1
            self.last_movement_ns = self._clock.now_ns()

    async def _hold(self, patience_s: float) -> None:
        self._held += 1
        try:
            async with asyncio.timeout(patience_s):
                await self._released.wait()
        except TimeoutError:
            pass  # the caller's own deadline is near: it hears the refusal now
        finally:
            self._held -= 1
