"""Monotonic time, injected, so that tests move the clock instead of sleeping."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A monotonic clock. Its zero is arbitrary; only differences mean something."""

    def now_ns(self) -> int:
        """Return the current time in nanoseconds; never goes back."""
        ...


class SystemClock:
    """The machine's monotonic clock."""

    def now_ns(self) -> int:
        """Return `time.monotonic_ns()`."""
        return time.monotonic_ns()


class ManualClock:
    """A clock that stands still until it is moved. Shipped for tests."""

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        """Return the time it was moved to."""
        return self._now_ns

    def advance_ns(self, delta_ns: int) -> None:
        """Move forward by `delta_ns` nanoseconds.

        Raises:
            ValueError: `delta_ns` is negative; monotonic time never goes back.
        """
        if delta_ns < 0:
            raise ValueError(f"a monotonic clock cannot go back by {-delta_ns} ns")
        self._now_ns += delta_ns
