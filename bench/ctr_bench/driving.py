"""The two loops of the generator, over connections with bytes in and bytes out.

The open loop sends by the schedule whatever the server does. The closed loop has a fixed number of
callers, each with one request at a time: it finds what a server can do at most, and its latencies
say nothing about a load from outside.

One thread sends; gRPC's own thread of each channel calls back with the answer. A thread wakes
within some 0.1 ms of a due time, where an event loop rounds to whole milliseconds, which would be
in every latency (decision 0020).
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING

from ctr_bench.calls import Calls
from ctr_bench.job import MAX_UNANSWERED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ctr_bench.answers import Answer
    from ctr_bench.calls import Metadata, Method
    from ctr_bench.job import Job, Payloads
    from ctr_bench.live import Watcher
    from ctr_bench.record import Records

LOOK_EVERY_S = 0.1
"""The end of a run is waited for; a wake-up that was missed costs this much."""
LAST_ANSWERS_S = 2.0
"""After a stop, requests on their way are waited for so long, then cancelled and left out."""


class Driver:
    """Runs one job; `stop` may be called from any thread, everything else by the thread that owns.

    Callbacks arrive in gRPC's threads.
    """

    def __init__(  # noqa: PLR0913 -- collaborators arrive by constructor
        self,
        methods: Sequence[Method],
        job: Job,
        payloads: Payloads,
        *,
        read: Callable[[bytes], Answer],
        metadata: Callable[[], Metadata] = lambda: None,
        watcher: Watcher | None = None,
    ) -> None:
        """Take what to send and to where.

        Args:
            methods: one a connection, used in turn.
            job: the loop and its bounds.
            payloads: what is sent.
            read: looks into an answer's bytes.
            metadata: headers of a call.
            watcher: told of every answer.
        """
        self._connections = len(methods)
        self._job = job
        self._schedule_ns = payloads.schedule_ns
        self._calls = Calls(methods, job, payloads, read=read, metadata=metadata, watcher=watcher)
        self._stopped = self._calls.stopped
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._answered = threading.Event()

    def stop(self) -> None:
        """Send no more; what was answered so far is kept."""
        self._stopped.set()
        self._free.put(-1)

    def warm_up(self) -> None:
        """Send the share of the job's first requests by a few callers, unrecorded."""
        self._calls.begin(time.monotonic_ns())
        self._calls.recorded = False
        self._closed(self._job.callers or 8, self._until(None, self._job.warm_up_indices()))
        self._calls.recorded = True

    def run(self, begin_ns: int | None = None) -> Records:
        """Run the job's loop and return one row a request, in the order of the schedule.

        Args:
            begin_ns: the schedule's zero on the monotonic clock; None is now.

        Raises:
            Exception: an answer could not be looked into.
        """
        self._calls.begin(time.monotonic_ns() if begin_ns is None else begin_ns)
        if self._job.callers:
            end_ns = round(self._job.seconds * 1e9) or None
            self._closed(self._job.callers, self._until(end_ns, self._job.closed_indices()))
        else:
            self._open()
        return self._calls.records()

    def _open(self) -> None:
        job, calls, sent, unsent = self._job, self._calls, 0, 0
        for index in range(job.first, len(self._schedule_ns), job.step):
            due_ns = int(self._schedule_ns[index])
            while (wait_ns := due_ns - calls.now_ns()) > 0:
                if self._stopped.wait(wait_ns / 1e9):
                    break
            if self._stopped.is_set():
                break
            if sent + unsent - calls.rows >= MAX_UNANSWERED:
                calls.record_unsent(index, due_ns)
                unsent += 1
                continue
            calls.send(index, due_ns, sent % self._connections)
            sent += 1
        self._wait_for(lambda: calls.rows >= sent + unsent)

    def _until(self, end_ns: int | None, indices: Iterator[int]) -> Callable[[], int | None]:
        now_ns = self._calls.now_ns
        return lambda: None if end_ns and now_ns() >= end_ns else next(indices, None)

    def _closed(self, callers: int, next_index: Callable[[], int | None]) -> None:
        while (ahead_ns := -self._calls.now_ns()) > 0 and not self._stopped.wait(ahead_ns / 1e9):
            pass
        inside, self._calls.tell = 0, self._free.put
        for caller in range(callers):
            if self._stopped.is_set() or (index := next_index()) is None:
                break
            self._calls.send(index, None, caller)
            inside += 1
        while inside:
            timeout_s = LAST_ANSWERS_S if self._stopped.is_set() else None
            try:
                caller = self._free.get(timeout=timeout_s)
            except queue.Empty:
                break
            self._calls.check()
            if caller < 0:
                continue
            index = None if self._stopped.is_set() else next_index()
            if index is None:
                inside -= 1
            else:
                self._calls.send(index, None, caller)
        self._calls.tell = None
        self._calls.cancel()

    def _wait_for(self, ended: Callable[[], bool]) -> None:
        self._calls.tell = lambda _: self._answered.set()
        given_up_s: float | None = None
        while not ended():
            if self._stopped.is_set():
                given_up_s = given_up_s or time.monotonic() + LAST_ANSWERS_S
                if time.monotonic() > given_up_s or not len(self._calls):
                    break
            self._answered.wait(LOOK_EVERY_S)
            self._answered.clear()
        self._calls.tell = None
        self._calls.cancel()
