"""One list at a time on a bare session with all threads: the least that a caller alone can wait."""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING

from ctr_bench.bound.chunks import CHUNKS_ROWS, sorted_chunks
from ctr_bench.bound.sessions import open_sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_bench.bound.sessions import Choice
    from ctr_service.backend.sessions import Session
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.types import Row

BARE_LISTS = 32
"""Lists whose time is taken one by one; the median counts."""


class BareList:
    """The best cut of a list, found once, and timed as often as wanted."""

    def __init__(self, bundle: Bundle, choice: Choice, lists: Sequence[Sequence[Row]]) -> None:
        """Open the session and try each chunk size, and the whole list as one batch. Blocks.

        Args:
            bundle: has the graph.
            choice: the graph.
            lists: the rows of each list, tokenised.

        Raises:
            BundleError, BackendFailedError: the graph does not load or run.
        """
        cpus = len(os.sched_getaffinity(0))
        (self._session,) = open_sessions(bundle, choice, sessions=1, threads=cpus)
        self._lists = lists[:BARE_LISTS]
        self._pad_id = bundle.manifest.template.pad_id
        self._chunk_rows = min((*CHUNKS_ROWS, len(lists[0])), key=self._seconds)

    def sample(self) -> float:
        """Return what a list takes now, in seconds. Blocks."""
        return self._seconds(self._chunk_rows)

    def _seconds(self, chunk_rows: int) -> float:
        return list_seconds(self._session, self._lists, chunk_rows, self._pad_id)


def list_seconds(
    session: Session, lists: Sequence[Sequence[Row]], chunk_rows: int, pad_id: int
) -> float:
    """Return the median time of one list, its rows sorted and cut, on one session."""
    times_s: list[float] = []
    for rows in lists:
        batches = sorted_chunks([rows], chunk_rows, pad_id)
        began_s = time.perf_counter()
        for batch in batches:
            session.run(batch)
        times_s.append(time.perf_counter() - began_s)
    return statistics.median(times_s)
