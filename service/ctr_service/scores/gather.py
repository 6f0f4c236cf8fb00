"""One request's rows, collected until all are there or its time is up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ctr_service.batcher.call import too_late
from ctr_service.types import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctr_service.clock import Clock
    from ctr_service.errors import CtrError

NS_PER_MS = 1_000_000


class Gather:
    """What is known of each row of one request.

    Attributes:
        deadline_ns: absolute; then the request goes on with what it has.
        logits: by row; None while unknown, and for good where `errors` says why.
        sources: by row, where a logit came from.
        errors: row -> why it has no logit.
        cut_texts: texts that were cut to their token budget.
        queue_ns, compute_ns: the longest of the runs that answered.
        missing: rows that are waited for.
    """

    __slots__ = (
        "_clock",
        "_done",
        "_timer",
        "compute_ns",
        "cut_texts",
        "deadline_ns",
        "errors",
        "logits",
        "missing",
        "queue_ns",
        "sources",
    )

    def __init__(self, rows: int, *, deadline_ns: int, clock: Clock) -> None:
        """Begin without any row.

        Args:
            rows: of the request.
            deadline_ns: absolute on `clock`.
            clock: the injected one.
        """
        self.deadline_ns = deadline_ns
        self.logits: list[float | None] = [None] * rows
        self.sources: list[Source] = [Source.MODEL] * rows
        self.errors: dict[int, CtrError] = {}
        self.cut_texts: set[str] = set()
        self.queue_ns = 0
        self.compute_ns = 0
        self.missing = 0
        self._clock = clock
        self._done: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def take(
        self,
        rows: Sequence[int],
        logits: Sequence[float],
        queue_ns: int,
        compute_ns: int,
        source: Source = Source.MODEL,
    ) -> None:
        """Take rows that were waited for, of one run."""
        for row, logit in zip(rows, logits, strict=True):
            self.logits[row] = logit
        if source is not Source.MODEL:
            for row in rows:
                self.sources[row] = source
        self.queue_ns = max(self.queue_ns, queue_ns)
        self.compute_ns = max(self.compute_ns, compute_ns)
        self._count(len(rows))

    def refuse(self, row: int, error: CtrError) -> None:
        """Take the reason why a row that was waited for has no logit."""
        self.errors[row] = error
        self._count(1)

    def _count(self, rows: int) -> None:
        self.missing -= rows
        if not self.missing and self._done is not None and not self._done.done():
            self._done.set_result(None)

    async def wait(self, leave: Callable[[Gather], None]) -> None:
        """Return once no row is missing, or at the deadline; what is missing then is too late.

        Args:
            leave: told when the request stops waiting while rows are missing: at its deadline, or
                cancelled. Not kept: it knows who computes the rows, and they know this object.
        """
        if not self.missing:
            return
        self._done = asyncio.get_running_loop().create_future()
        self._set_timer()
        try:
            await self._done
        finally:
            if self._timer is not None:
                self._timer.cancel()
            if self.missing:
                leave(self)
        self._give_up()

    def _give_up(self) -> None:
        if not self.missing:
            return
        error = too_late().error
        for row, logit in enumerate(self.logits):
            if logit is None and row not in self.errors and error is not None:
                self.errors[row] = error
        self.missing = 0

    def _set_timer(self) -> None:
        # In whole milliseconds, rounded up: uvloop's timers know no less and would fire too early.
        delay_ms = -(-max(0, self.deadline_ns - self._clock.now_ns()) // NS_PER_MS)
        self._timer = asyncio.get_running_loop().call_later(delay_ms / 1e3, self._expire)

    def _expire(self) -> None:
        if self._clock.now_ns() < self.deadline_ns:
            self._set_timer()
        elif self._done is not None and not self._done.done():
            self._done.set_result(None)
