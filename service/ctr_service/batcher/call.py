"""One caller's list on its way through the batcher, and what becomes of each of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ctr_service.batcher.lane import QueuedList
from ctr_service.errors import DeadlineExceededError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Sequence

    from ctr_service.errors import CtrError
    from ctr_service.types import Priority, Row


class RowOutcome(NamedTuple):
    """What became of one row. A tuple, because one is made for every candidate served.

    Attributes:
        logit: the model's output; None when there is an error.
        error: DeadlineExceededError, BackendFailedError or OverloadedError; None when scored.
        queue_ns: from admission to the begin of the run that answered; 0 when none did.
        compute_ns: of that run, inside the engine.
    """

    logit: float | None
    error: CtrError | None
    queue_ns: int
    compute_ns: int


def failed(error: CtrError) -> RowOutcome:
    """Return the outcome of a row that no run answered."""
    return RowOutcome(None, error, 0, 0)


def too_late() -> RowOutcome:
    """Return the outcome of a row that was not scored before the deadline."""
    return failed(DeadlineExceededError("the deadline passed before the row was scored"))


class Call(QueuedList):
    """A list and its waiter. Every row is answered once; the waiter is woken once, by the last.

    The waiter may leave before (cancelled, or its deadline came). From then on it accepts nothing:
    `deliver` says so, and a late result is dropped where it arrives.
    """

    __slots__ = ("_missing", "_outcomes", "rows", "waiter")

    def __init__(
        self,
        rows: Sequence[Row],
        *,
        deadline_ns: int,
        enqueued_ns: int,
        priority: Priority,
        waiter: asyncio.Future[list[RowOutcome]],
    ) -> None:
        super().__init__(deadline_ns, enqueued_ns, priority)
        self.rows = rows
        self.waiter = waiter
        self._outcomes: list[RowOutcome | None] = [None] * len(rows)
        self._missing = len(rows)

    @property
    def accepts(self) -> bool:
        """Whether the waiter still waits."""
        return not self.waiter.done()

    def deliver(self, place: int, outcome: RowOutcome) -> bool:
        """Answer one row; wake the waiter with the last one.

        Returns:
            False when the waiter has left or the row was answered before: nothing changed then.
        """
        if self.waiter.done() or self._outcomes[place] is not None:
            return False
        self._outcomes[place] = outcome
        self._missing -= 1
        if not self._missing:
            self.waiter.set_result(list(self._answered()))
        return True

    def finish(self, outcome: RowOutcome) -> None:
        """Give `outcome` to every row that has no answer yet."""
        for place in range(len(self.rows)):
            self.deliver(place, outcome)

    def _answered(self) -> Iterator[RowOutcome]:
        return (outcome for outcome in self._outcomes if outcome is not None)
