"""A rate with a burst, which may go into debt. Pure, on an injected clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.limits import NS_PER_S

if TYPE_CHECKING:
    from ctr_service.clock import Clock

BURST_S = 1
"""Whoever was silent may use this many seconds' worth of the rate at once."""


class TokenBucket:
    """A token bucket that may go into debt.

    It fills at `rate_per_s` up to one burst. Whoever comes while it is above zero is let in and
    charged in full, below zero if need be: so a list larger than the burst is scored too, and the
    debt is paid before the next. Over any span of t seconds the tokens taken stay below
    `rate_per_s * (t + BURST_S)` plus one charge.
    """

    def __init__(self, rate_per_s: int, clock: Clock) -> None:
        """Start full.

        Raises:
            ValueError: the rate is not positive.
        """
        if rate_per_s <= 0:
            raise ValueError(f"a rate must be positive, not {rate_per_s}")
        self._rate_per_s = rate_per_s
        self._clock = clock
        self._burst = float(rate_per_s * BURST_S)
        self._level = self._burst
        self._filled_ns = clock.now_ns()

    @property
    def level(self) -> float:
        """Tokens in it now; negative is debt."""
        self._fill()
        return self._level

    def wait_ns(self) -> int:
        """Return 0 when the next may come in, else the nanoseconds until then (at least 1)."""
        level = self.level
        if level > 0:
            return 0
        return int(-level / self._rate_per_s * NS_PER_S) + 1

    def charge(self, tokens: float) -> None:
        """Take tokens out, or with a negative number give them back (never above the burst)."""
        self._fill()
        self._level = min(self._burst, self._level - tokens)

    def _fill(self) -> None:
        now_ns = self._clock.now_ns()
        earned = (now_ns - self._filled_ns) / NS_PER_S * self._rate_per_s
        self._level = min(self._burst, self._level + earned)
        self._filled_ns = now_ns
