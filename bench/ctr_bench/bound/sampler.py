"""The bound again and again: a machine's speed moves within minutes, and a ratio must not."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from ctr_bench.bound.chunks import sorted_chunks
from ctr_bench.bound.measure import throughput
from ctr_bench.bound.sessions import open_sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_bench.bound.measure import Layout
    from ctr_bench.bound.sessions import Choice
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.types import Row

SAMPLE_S = 2.0


class BoundSampler:
    """The layout that `measure_bound` found best, opened once."""

    def __init__(
        self, bundle: Bundle, choice: Choice, best: Layout, lists: Sequence[Sequence[Row]]
    ) -> None:
        """Open the sessions.

        Raises:
            BundleError, BackendFailedError: the graph does not load or run.
        """
        self._sessions = open_sessions(bundle, choice, sessions=best.sessions, threads=best.threads)
        pad_id = bundle.manifest.template.pad_id
        self._batches = sorted_chunks(lists, best.chunk_rows, pad_id)
        self._samples: list[float] = []

    def sample(self, seconds: float = SAMPLE_S) -> float:
        """Return what it does now, in pairs a second. Blocks."""
        self._samples.append(throughput(self._sessions, self._batches, seconds))
        return self._samples[-1]

    def mean_since(self, first: int = 0) -> float:
        """Return the mean of the samples from one of them on, in pairs a second.

        Raises:
            statistics.StatisticsError: there is none.
        """
        return statistics.fmean(self._samples[first:])

    def __len__(self) -> int:
        """Return how many samples were taken."""
        return len(self._samples)
