"""Wall-clock time, injected: incidents are told by the time of day, and tests move it."""

from __future__ import annotations

import time
from typing import Protocol

MS_PER_S = 1000
NS_PER_MS = 1_000_000


class WallClock(Protocol):
    """The time of day."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970, UTC."""
        ...


class SystemWallClock:
    """The machine's."""

    def now_ms(self) -> int:
        """Return the machine's time."""
        return time.time_ns() // NS_PER_MS


class ManualWallClock:
    """Stands still until it is moved. Shipped for tests."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Return the time it was set to."""
        return self._now_ms

    def advance_s(self, seconds: float) -> None:
        """Move forward."""
        self._now_ms += round(seconds * MS_PER_S)
