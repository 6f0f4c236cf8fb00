"""A batcher on the scripted backend, and what its observer heard."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS
from ctr_service.backend.scripted import scripted_logits
from ctr_service.batcher.batcher import Batcher
from ctr_service.batcher.cost import CostModel
from tests.support.rows import PAD_ID, padded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.backend.base import Backend
    from ctr_service.batcher.observer import BatchReport, DropCause
    from ctr_service.clock import Clock
    from ctr_service.types import Priority, Row

BUCKETS = (8, 12, 16, 32)
MAX_BATCH_TOKENS = 128


class Recorder:
    """Implements `BatchObserver`; keeps everything."""

    def __init__(self) -> None:
        self.admitted_rows: Counter[Priority] = Counter()
        self.refused_rows: Counter[Priority] = Counter()
        self.dropped_rows: Counter[DropCause] = Counter()
        self.reports: list[BatchReport] = []
        self.load = (0, 0, 0)

    def admitted(self, *, rows: int, padded_tokens: int, priority: Priority) -> None:
        """Count the rows."""
        assert padded_tokens >= rows
        self.admitted_rows[priority] += rows

    def refused(self, *, rows: int, padded_tokens: int, priority: Priority) -> None:
        """Count the rows."""
        assert padded_tokens >= rows
        self.refused_rows[priority] += rows

    def dropped(self, *, rows: int, cause: DropCause) -> None:
        """Count the rows."""
        self.dropped_rows[cause] += rows

    def finished(self, batch: BatchReport) -> None:
        """Keep the report."""
        self.reports.append(batch)

    def load_changed(self, *, waiting_rows: int, waiting_tokens: int, running: int) -> None:
        """Keep the last values."""
        self.load = (waiting_rows, waiting_tokens, running)


def make_batcher(
    backend: Backend,
    clock: Clock,
    *,
    observer: Recorder | None = None,
    cost: CostModel | None = None,
    max_queued_tokens: int = 1 << 20,
    skips_padding: bool = False,
) -> Batcher:
    """Return a batcher with the layout above, not started."""
    return Batcher(
        backend,
        graph="joint",
        buckets_tokens=BUCKETS,
        max_batch_tokens=MAX_BATCH_TOKENS,
        skips_padding=skips_padding,
        pad_id=PAD_ID,
        clock=clock,
        cost=CostModel(skips_padding=skips_padding) if cost is None else cost,
        max_queued_tokens=max_queued_tokens,
        observer=Recorder() if observer is None else observer,
    )


def expected_logits(rows: Sequence[Row]) -> list[float]:
    """Return what the scripted backend gives each row, alone."""
    ids, lengths, first_lengths = (
        np.asarray(padded(rows, max(row.length for row in rows))[name], dtype=np.int32)
        for name in (INPUT_IDS, LENGTHS, FIRST_LENGTHS)
    )
    return [float(logit) for logit in scripted_logits(ids, lengths, first_lengths)]
