"""Which traces are exported. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctr_service.token_bucket import TokenBucket

LOW_BITS = (1 << 64) - 1
"""The ratio is compared with these bits of the trace id, as every OpenTelemetry SDK does it: so
services with one ratio choose the same traces."""


class Choice:
    """A share of the traces, and beside them calls that failed or were slow."""

    def __init__(self, ratio: float, slow_ms: float, extra: TokenBucket) -> None:
        """Take the measures.

        Args:
            ratio: share of the traces that begin here, 0 to 1.
            slow_ms: a call longer than this is slow.
            extra: how many failed and slow ones a second; when everything fails at once, a few
                tell as much as all.
        """
        self._below = round(ratio * (LOW_BITS + 1))
        self._slow_ms = slow_ms
        self._extra = extra

    def samples(self, trace_id: int) -> bool:
        """Say whether a trace that begins here belongs to the share."""
        return trace_id & LOW_BITS < self._below

    def keeps(self, *, sampled: bool, failed: bool, duration_ms: float) -> bool:
        """Say whether a call that ended is exported, and count it if it is an extra one."""
        if sampled:
            return True
        if not (failed or duration_ms > self._slow_ms) or self._extra.wait_ns():
            return False
        self._extra.charge(1)
        return True
