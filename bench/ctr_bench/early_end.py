"""Watches the requests of a running trial, and says when its verdict is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctr_bench.job import Job


class EarlyEnd:
    """Counts ended requests and late ones against a job's bounds; without bounds, nothing."""

    def __init__(self, job: Job) -> None:
        self._late_ns = round(job.late_s * 1e9)
        self._lost_by = job.lost_by
        self._won_after = job.won_after
        self._ended = 0
        self._late = 0
        self.decided = False

    def take(self, latency_ns: int, *, good: bool) -> None:
        """Count a request that ended.

        Args:
            latency_ns: from its scheduled time.
            good: it was answered complete and undegraded.
        """
        self._ended += 1
        if not good or latency_ns > self._late_ns:
            self._late += 1
            self.decided = self.decided or self._lost()
        elif self._late < len(self._won_after):
            self.decided = self.decided or self._ended >= self._won_after[self._late]

    def _lost(self) -> bool:
        if not self._lost_by:
            return False
        return self._late > len(self._lost_by) or self._ended <= self._lost_by[self._late - 1]
