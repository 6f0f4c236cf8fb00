"""When a run began on an engine that does not say so: pure, on given times.

A server runs `width` batches at once, first come first served; the others wait in its queue. A run
that finds a free place begins when it is sent; one that waits begins when a place is given up.
"""

from __future__ import annotations

from collections import deque


class Turn:
    """One run; `began_ns` is None while it waits."""

    __slots__ = ("began_ns",)

    def __init__(self, began_ns: int | None) -> None:
        self.began_ns = began_ns


class Turns:
    """The runs at one server, in the order in which they were sent."""

    def __init__(self, width: int) -> None:
        """Take how many run at once."""
        self.width = width
        self._running = 0
        self._waiting: deque[Turn] = deque()

    def __len__(self) -> int:
        return self._running + len(self._waiting)

    def enter(self, now_ns: int) -> Turn:
        """Send a run."""
        if self._running < self.width:
            self._running += 1
            return Turn(now_ns)
        turn = Turn(None)
        self._waiting.append(turn)
        return turn

    def leave(self, turn: Turn, now_ns: int) -> int:
        """End a run, well or not; return when it began, `now_ns` if it never did."""
        if turn.began_ns is None:
            self._waiting.remove(turn)
            return now_ns
        self._running -= 1
        while self._waiting and self._running < self.width:
            self._waiting.popleft().began_ns = now_ns
            self._running += 1
        return turn.began_ns
