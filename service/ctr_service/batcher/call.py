"""One list on its way through the batcher, and what becomes of each of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from ctr_service.batcher.lane import QueuedList
from ctr_service.errors import DeadlineExceededError
from ctr_service.traces import current_trace

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Sequence

    from ctr_service.errors import CtrError
    from ctr_service.traces import CallTrace
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


class RowSink(Protocol):
    """Hears what became of a list's rows. Every method returns at once and does not raise."""

    def scored(
        self, places: Sequence[int], logits: Sequence[float], *, queue_ns: int, compute_ns: int
    ) -> None:
        """Rows of one run have their logits; called at most once a row."""
        ...

    def answered(self, place: int, outcome: RowOutcome) -> None:
        """A row has its outcome, mostly an error; called at most once a row."""
        ...

    def ended(self) -> None:
        """No row is left without an outcome; called once, after the last row's."""
        ...


def failed(error: CtrError) -> RowOutcome:
    """Return the outcome of a row that no run answered."""
    return RowOutcome(None, error, 0, 0)


def too_late() -> RowOutcome:
    """Return the outcome of a row that was not scored before the deadline."""
    return failed(DeadlineExceededError("the deadline passed before the row was scored"))


class Call(QueuedList):
    """A list and its sink. Every row is answered once, or dropped because nobody wants it any more.

    What comes after that is refused: `deliver` says so, and a late result ends where it arrives.
    """

    __slots__ = ("_left", "_open", "_sink", "missing", "rows", "traces")

    def __init__(  # noqa: PLR0913 -- built by the batcher alone; every argument is named there
        self,
        rows: Sequence[Row],
        *,
        deadline_ns: int,
        enqueued_ns: int,
        priority: Priority,
        sink: RowSink,
        left: Callable[[Call], None],
    ) -> None:
        """Make a call of which no row is answered, for the request that is served now.

        Args:
            rows: at least one, by place.
            deadline_ns: absolute; also what its urgency goes by.
            enqueued_ns: now.
            priority: which lane it waits in.
            sink: hears of each row.
            left: told once, when no row is left without an outcome, before the sink is.
        """
        super().__init__(deadline_ns, enqueued_ns, priority)
        self.rows = rows
        self.missing = len(rows)
        self.traces = [current_trace()]
        self._open = bytearray(b"\x01" * len(rows))
        self._sink = sink
        self._left = left

    @property
    def accepts(self) -> bool:
        """Whether a row is still without an outcome."""
        return self.missing > 0

    def trace_too(self, trace: CallTrace) -> None:
        """Let the runs of these rows know another request that waits for some of them."""
        if trace not in self.traces:
            self.traces.append(trace)

    def is_open(self, place: int) -> bool:
        """Say whether a row is without an outcome."""
        return bool(self._open[place])

    def deliver_scored(
        self, places: Sequence[int], logits: Sequence[float], *, queue_ns: int, compute_ns: int
    ) -> None:
        """Answer rows of one run with their logits; those answered or dropped before stay so."""
        is_open = self._open
        if 0 in bytes(map(is_open.__getitem__, places)):
            still = [at for at, place in enumerate(places) if is_open[place]]
            places = [places[at] for at in still]
            logits = [logits[at] for at in still]
            if not places:
                return
        for place in places:
            is_open[place] = 0
        self.missing -= len(places)
        self._sink.scored(places, logits, queue_ns=queue_ns, compute_ns=compute_ns)
        if not self.missing:
            self._end()

    def deliver(self, place: int, outcome: RowOutcome) -> bool:
        """Answer one row.

        Returns:
            False when it was answered or dropped before: nothing changed then.
        """
        if not self._open[place]:
            return False
        self._open[place] = 0
        self.missing -= 1
        self._sink.answered(place, outcome)
        if not self.missing:
            self._end()
        return True

    def drop(self, places: Iterable[int]) -> None:
        """Give rows up without an outcome."""
        if not self.missing:
            return
        for place in places:
            self.missing -= self._open[place]
            self._open[place] = 0
        if not self.missing:
            self._end()

    def finish(self, outcome: RowOutcome) -> None:
        """Give `outcome` to every row that has none yet."""
        for place in range(len(self.rows)):
            self.deliver(place, outcome)

    def _end(self) -> None:
        self._left(self)
        self._sink.ended()


class Waiter:
    """A sink for one caller who waits for the whole list."""

    def __init__(self, rows: int, done: asyncio.Future[list[RowOutcome]]) -> None:
        self._outcomes = [too_late()] * rows
        self._done = done

    def scored(
        self, places: Sequence[int], logits: Sequence[float], *, queue_ns: int, compute_ns: int
    ) -> None:
        """Keep the logits."""
        for place, logit in zip(places, logits, strict=True):
            self._outcomes[place] = RowOutcome(logit, None, queue_ns, compute_ns)

    def answered(self, place: int, outcome: RowOutcome) -> None:
        """Keep the outcome."""
        self._outcomes[place] = outcome

    def ended(self) -> None:
        """Wake the caller, if it still waits."""
        if not self._done.done():
            self._done.set_result(self._outcomes)
