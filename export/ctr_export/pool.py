"""Sessions side by side, each in its own thread: the layout that serves, driven flat out."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from ctr_service.backend.base import LOGITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctr_export.chunks import Chunk
    from ctr_service.backend.sessions import Session
    from ctr_service.clock import Clock


@dataclass(frozen=True, slots=True)
class PoolRun:
    """What one pass over some chunks gave.

    Attributes:
        logits: float32 [rows] for each chunk, in the order of the chunks.
        chunk_seconds: time inside the engine, for each chunk.
        seconds: from the first start to the last end.
    """

    logits: list[NDArray[np.float32]]
    chunk_seconds: list[float]
    seconds: float


class Scorer(Protocol):
    """What judging needs of a pool; tests put a broken graph behind it."""

    def score(self, chunks: Sequence[Chunk], rows: int) -> NDArray[np.float64]:
        """Return the logits of `rows` rows, float64; NaN where no chunk holds the row."""
        ...


class SessionPool:
    """Sessions over one graph, each with a worker thread. Close it, or use `with`."""

    def __init__(self, sessions: Sequence[Session], *, clock: Clock) -> None:
        """Take the sessions over.

        Args:
            sessions: at least one; nobody else runs them.
            clock: for measurements.
        """
        self._sessions = list(sessions)
        self._workers = ThreadPoolExecutor(len(sessions), thread_name_prefix="measure")
        self._clock = clock

    def run(self, chunks: Sequence[Chunk]) -> PoolRun:
        """Run every chunk once, whichever session is idle next; the first ones first.

        Raises:
            BackendFailedError: the engine failed.
        """
        todo: queue.SimpleQueue[int] = queue.SimpleQueue()
        for index in range(len(chunks)):
            todo.put(index)
        logits: list[NDArray[np.float32]] = [np.empty(0, dtype=np.float32)] * len(chunks)
        chunk_seconds = [0.0] * len(chunks)

        def work(session: Session) -> None:
            while True:
                try:
                    index = todo.get_nowait()
                except queue.Empty:
                    return
                began_ns = self._clock.now_ns()
                outputs = session.run(chunks[index].tensors)
                chunk_seconds[index] = (self._clock.now_ns() - began_ns) / 1e9
                logits[index] = np.asarray(outputs[LOGITS], dtype=np.float32)

        began_ns = self._clock.now_ns()
        for future in [self._workers.submit(work, session) for session in self._sessions]:
            future.result()
        return PoolRun(logits, chunk_seconds, (self._clock.now_ns() - began_ns) / 1e9)

    def score(self, chunks: Sequence[Chunk], rows: int) -> NDArray[np.float64]:
        """Return the logits of `rows` rows, float64; NaN where no chunk holds the row.

        Raises:
            BackendFailedError: the engine failed.
        """
        scores = np.full(rows, np.nan)
        for chunk, logits in zip(chunks, self.run(chunks).logits, strict=True):
            scores[chunk.indices] = logits
        return scores

    def close(self) -> None:
        """Free threads and sessions."""
        self._workers.shutdown()
        self._sessions.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
