"""What the batcher tells telemetry, as it happens."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from ctr_service.types import Priority


class DropCause(enum.Enum):
    """Why an admitted row left the queue without a run."""

    EXPIRED = "expired"
    CANCELLED = "cancelled"


class BatchReport(NamedTuple):
    """One finished run.

    Attributes:
        rows: rows of the run.
        bucket_tokens: the length that they were padded to.
        computed_tokens: `rows * bucket_tokens`, or where the graph skips padding each row's bucket.
        row_tokens: tokens before padding.
        lists: distinct requests that had a row in it.
        queue_ns: the longest wait of a row in it, from admission to the run's begin.
        run_ns: from handing the batch to the backend to its answer.
        compute_ns: inside the engine, as the backend says; 0 when the run failed.
        expected_s: what the cost model expected of it; 0 while that knows nothing.
        cost_s: what the cost model learns from it; 0 when the run failed.
        failed_rows: rows without a logit.
        retry: True when rows of a failed batch ran again, alone.
    """

    rows: int
    bucket_tokens: int
    computed_tokens: int
    row_tokens: int
    lists: int
    queue_ns: int
    run_ns: int
    compute_ns: int
    expected_s: float
    cost_s: float
    failed_rows: int
    retry: bool


class BatchObserver(Protocol):
    """Receives what happens in the batcher.

    Called on the event loop, between two batches: each method must return at once and not raise.
    """

    def admitted(self, *, rows: int, padded_tokens: int, priority: Priority) -> None:
        """A list entered the queue."""
        ...

    def refused(self, *, rows: int, padded_tokens: int, priority: Priority) -> None:
        """A list was refused before it queued."""
        ...

    def dropped(self, *, rows: int, cause: DropCause) -> None:
        """Admitted rows left the queue without a run."""
        ...

    def finished(self, batch: BatchReport) -> None:
        """A run ended, well or not."""
        ...

    def load_changed(self, *, waiting_rows: int, waiting_tokens: int, running: int) -> None:
        """The queue or the number of running batches changed; for gauges."""
        ...


class NullObserver:
    """Hears everything and keeps nothing."""

    def admitted(self, *, rows: int, padded_tokens: int, priority: Priority) -> None:
        """Ignore it."""

    def refused(self, *, rows: int, padded_tokens: int, priority: Priority) -> None:
        """Ignore it."""

    def dropped(self, *, rows: int, cause: DropCause) -> None:
        """Ignore it."""

    def finished(self, batch: BatchReport) -> None:
        """Ignore it."""

    def load_changed(self, *, waiting_rows: int, waiting_tokens: int, running: int) -> None:
        """Ignore it."""
