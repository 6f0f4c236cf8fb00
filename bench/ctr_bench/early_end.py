"""Watches the requests of a running trial, and says when its verdict is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.record import OK, UNREAD

if TYPE_CHECKING:
    from ctr_bench.job import Job
    from ctr_bench.record import Row


class EarlyEnd:
    """Counts ended requests and late ones against a job's bounds; without bounds, nothing."""

    def __init__(self, job: Job) -> None:
        self._late_ns = round(job.late_s * 1e9)
        self._lost_by = job.lost_by
        self._won_after = job.won_after
        self._ended = 0
        self._late = 0
        self.decided = False

    def take(self, row: Row) -> None:
        """Count a request that ended."""
        self._ended += 1
        in_time = row.done_ns - row.scheduled_ns <= self._late_ns
        if not (in_time and row.code == OK and row.scored in {row.candidates, UNREAD}):
            self._late += 1
            self.decided = self.decided or self._lost()
        elif self._late < len(self._won_after):
            self.decided = self.decided or self._ended >= self._won_after[self._late]

    def _lost(self) -> bool:
        if not self._lost_by:
            return False
        return self._late > len(self._lost_by) or self._ended <= self._lost_by[self._late - 1]
