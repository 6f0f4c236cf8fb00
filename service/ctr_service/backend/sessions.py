"""An engine in this process: sessions side by side, each with a worker thread of its own."""

from __future__ import annotations

import asyncio
import statistics
import threading
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol, TypeVar

from ctr_service.backend.base import Cost, Outputs
from ctr_service.backend.finite import rows_without_number
from ctr_service.backend.priority import give_way
from ctr_service.backend.shapes import warm_shapes, warm_tensors
from ctr_service.errors import BackendFailedError, DeadlineExceededError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ctr_service.clock import Clock

T = TypeVar("T")
WARM_UP_REPEATS = 3
"""Runs a shape; the median is its cost, so that the first run's allocations do not count."""


class Session(Protocol):
    """A loaded graph of one engine. Blocking; one thread at a time may run it."""

    def run(self, tensors: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Run one batch and return output name -> array, which the caller may keep.

        Raises:
            BackendFailedError: the engine refused or failed the batch.
        """
        ...

    def rehearsal(
        self, buckets_tokens: Sequence[int], max_batch_tokens: int
    ) -> Iterable[Mapping[str, NDArray[np.generic]]]:
        """Return the batches to run before serving: none where no shape costs more when new."""
        ...


class SessionsOpener(Protocol):
    """Loads a graph for several threads at once; `backend/opening.py` knows each engine's."""

    def __call__(self, path: Path, *, sessions: int, threads: int) -> Sequence[Session]:
        """Return `sessions` sessions, each of which runs on `threads` threads.

        Raises:
            BundleError: the file is no graph that the engine loads.
        """
        ...


class SessionsBackend:
    """Implements `Backend`. Belongs to one event loop; sessions run in worker threads."""

    def __init__(  # noqa: PLR0913 -- the engine and how much of it
        self,
        graphs: Mapping[str, Path],
        open_sessions: SessionsOpener,
        *,
        sessions: int,
        threads_a_session: int,
        clock: Clock,
        costs: tuple[Cost, ...] = (),
    ) -> None:
        """Load every graph for every session. Blocks for as long as loading takes.

        Args:
            graphs: graph name -> file.
            open_sessions: the engine.
            sessions: runs side by side; the backend's `slots`.
            threads_a_session: intra-op threads of each; 1 uses the worker thread itself.
            clock: deadlines are absolute on it.
            costs: known costs, until `warm_up` measures its own.

        Raises:
            BundleError: a file is no graph that the engine loads.
            ValueError: `sessions` or `threads_a_session` is below 1.
        """
        if sessions < 1 or threads_a_session < 1:
            raise ValueError("sessions and threads_a_session must be at least 1")
        self._clock = clock
        self._costs = costs
        self._slots = sessions
        self._graphs = frozenset(graphs)
        self._own = threading.local()
        # Several threads a session: the engine's own ones would run ahead of this one, and wait.
        self._gives_way = threads_a_session == 1
        opened = {
            name: open_sessions(path, sessions=sessions, threads=threads_a_session)
            for name, path in graphs.items()
        }
        self._unowned: SimpleQueue[dict[str, Session]] = SimpleQueue()
        for index in range(sessions):
            self._unowned.put({name: own[index] for name, own in opened.items()})
        self._threads = ThreadPoolExecutor(
            sessions, thread_name_prefix="session", initializer=self._own_a_session
        )
        self._closed = False

    @property
    def slots(self) -> int:
        """Sessions that run side by side."""
        return self._slots

    @property
    def costs(self) -> tuple[Cost, ...]:
        """What `warm_up` measured; before, what the constructor was given."""
        return self._costs

    async def run(
        self, graph: str, tensors: Mapping[str, NDArray[np.generic]], deadline_ns: int
    ) -> Outputs:
        """Run one batch on an idle session. See `Backend.run`.

        While all are busy it waits for the first that ends, in the order of the calls. The session
        takes it up by itself, without a turn of the event loop.
        """
        self._refuse_if_closed()
        if graph not in self._graphs:
            raise BackendFailedError(f"the backend holds no graph {graph}")
        future = self._threads.submit(self._run_blocking, graph, tensors, deadline_ns)
        return await asyncio.wrap_future(future)

    async def warm_up(
        self, graph: str, buckets_tokens: Sequence[int], max_batch_tokens: int
    ) -> tuple[Cost, ...]:
        """Rehearse, then run one row and a full batch of every bucket; all sessions at once.

        Afterwards hardly a request meets a shape for the first time, memory is what serving takes,
        and `costs` holds what was measured, under the load that serving has.

        Args:
            graph: which graph.
            buckets_tokens: the lengths that will be served.
            max_batch_tokens: most `rows * bucket` of a batch.

        Raises:
            BackendFailedError: a shape failed; the backend must not serve.
        """
        costs: list[Cost] = []
        await asyncio.to_thread(self._rehearse, graph, buckets_tokens, max_batch_tokens)
        for rows, bucket in warm_shapes(buckets_tokens, max_batch_tokens):
            seconds = [
                await asyncio.to_thread(self._warm_runs, graph, rows, bucket)
                for _ in range(WARM_UP_REPEATS)
            ]
            median = statistics.median(value for repeat in seconds for value in repeat)
            costs.append(Cost(bucket, rows, median))
        self._costs = tuple(costs)
        return self._costs

    async def ready(self) -> bool:
        """Say whether a batch would run now."""
        return not self._closed

    async def close(self) -> None:
        """Let running batches end, then free sessions and threads. Idempotent."""
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise BackendFailedError("the backend is closed")

    def _own_a_session(self) -> None:
        self._own.sessions = self._unowned.get_nowait()
        if self._gives_way:
            give_way()

    def _rehearse(self, graph: str, buckets_tokens: Sequence[int], max_batch_tokens: int) -> None:
        """Run what each session asks for, as far as the backend is not closed meanwhile."""

        def run_all() -> None:
            session: Session = self._own.sessions[graph]
            for tensors in session.rehearsal(buckets_tokens, max_batch_tokens):
                self._run_blocking(graph, tensors, None)

        self._on_each_session(run_all)

    def _warm_runs(self, graph: str, rows: int, bucket: int) -> list[float]:
        """Run one shape on every session at once; return the seconds of each."""
        tensors = warm_tensors(rows, bucket)
        return self._on_each_session(
            lambda: self._run_blocking(graph, tensors, None).compute_ns / 1e9
        )

    def _on_each_session(self, work: Callable[[], T]) -> list[T]:
        """Do something in the thread of every session, in all of them at once."""
        # No thread gets past it before each has come, so none does it twice.
        together = threading.Barrier(self._slots)

        def own_share() -> T:
            together.wait()
            return work()

        futures = [self._threads.submit(own_share) for _ in range(self._slots)]
        return [future.result() for future in futures]

    def _run_blocking(
        self,
        graph: str,
        tensors: Mapping[str, NDArray[np.generic]],
        deadline_ns: int | None,
    ) -> Outputs:
        self._refuse_if_closed()
        started_ns = self._clock.now_ns()
        if deadline_ns is not None and started_ns >= deadline_ns:
            raise DeadlineExceededError("the deadline passed before the engine began")
        outputs = self._own.sessions[graph].run(tensors)
        compute_ns = self._clock.now_ns() - started_ns
        return Outputs(outputs, compute_ns, rows_without_number(outputs))
