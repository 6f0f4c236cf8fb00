"""The two loops of the generator, over gRPC channels with bytes in and bytes out.

The open loop sends by the schedule whatever the server does. The closed loop has a fixed number of
callers, each with one request at a time: it finds what a server can do at most, and its latencies
say nothing about a load from outside.

One thread sends; gRPC's own thread of each channel calls back with the answer. A thread wakes
within some 0.1 ms of a due time, where an event loop rounds to whole milliseconds, which would be
in every latency (decision 0020).
"""

from __future__ import annotations

import functools
import queue
import threading
import time
from typing import TYPE_CHECKING

from ctr_bench.early_end import EarlyEnd
from ctr_bench.ended_call import ended_call
from ctr_bench.job import MAX_UNANSWERED
from ctr_bench.record import CANCELLED, NOT_SENT, OK
from ctr_bench.recorder import NONE, UNREAD_ANSWER, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    import grpc

    from ctr_bench.answers import Answer
    from ctr_bench.job import Job, Payloads
    from ctr_bench.live import Watcher
    from ctr_bench.record import Records

    Method: TypeAlias = grpc.UnaryUnaryMultiCallable[bytes, bytes]
    Metadata: TypeAlias = tuple[tuple[str, str], ...] | None

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
        self._methods = methods
        self._job = job
        self._messages = payloads.messages
        count = len(payloads.messages)
        self._order = range(count) if payloads.order is None else payloads.order.tolist()
        self._schedule_ns = payloads.schedule_ns
        self._read = read
        self._metadata = metadata
        self._stopped = threading.Event()
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._rows = Recorder(job, payloads, watcher)
        self._early = EarlyEnd(job)
        self._calls: set[grpc.Future[bytes]] = set()
        self._answered = threading.Event()
        self._failure: BaseException | None = None
        self._began_ns = 0
        self._recorded = True
        self._paced = self._ending = False

    def stop(self) -> None:
        """Send no more; what was answered so far is kept."""
        self._stopped.set()
        self._free.put(-1)

    def warm_up(self) -> None:
        """Send the share of the job's first requests by a few callers, unrecorded."""
        self._began_ns, self._recorded = time.monotonic_ns(), False
        self._closed(self._job.callers or 8, self._until(None, self._job.warm_up_indices()))
        self._recorded = True

    def run(self, begin_ns: int | None = None) -> Records:
        """Run the job's loop and return one row a request, in the order of the schedule.

        Args:
            begin_ns: the schedule's zero on the monotonic clock; None is now.

        Raises:
            Exception: an answer could not be looked into.
        """
        self._began_ns = time.monotonic_ns() if begin_ns is None else begin_ns
        if self._job.callers:
            end_ns = round(self._job.seconds * 1e9) or None
            self._closed(self._job.callers, self._until(end_ns, self._job.closed_indices()))
        else:
            self._open()
        return self._rows.records()

    def _open(self) -> None:
        job, sent, unsent = self._job, 0, 0
        connections = len(self._methods)
        for index in range(job.first, len(self._schedule_ns), job.step):
            due_ns = int(self._schedule_ns[index])
            while (wait_ns := due_ns - self._now_ns()) > 0:
                if self._stopped.wait(wait_ns / 1e9):
                    break
            if self._stopped.is_set():
                break
            if sent + unsent - len(self._rows) >= MAX_UNANSWERED:
                self._record_unsent(index, due_ns)
                unsent += 1
                continue
            self._send(index, due_ns, sent % connections)
            sent += 1
        self._wait_for(lambda: len(self._rows) >= sent + unsent)

    def _until(self, end_ns: int | None, indices: Iterator[int]) -> Callable[[], int | None]:
        return lambda: None if end_ns and self._now_ns() >= end_ns else next(indices, None)

    def _closed(self, callers: int, next_index: Callable[[], int | None]) -> None:
        while (ahead_ns := -self._now_ns()) > 0 and not self._stopped.wait(ahead_ns / 1e9):
            pass
        inside, self._paced = 0, True
        for caller in range(callers):
            if self._stopped.is_set() or (index := next_index()) is None:
                break
            self._send(index, None, caller)
            inside += 1
        while inside:
            timeout_s = LAST_ANSWERS_S if self._stopped.is_set() else None
            try:
                caller = self._free.get(timeout=timeout_s)
            except queue.Empty:
                break
            self._check()
            if caller < 0:
                continue
            index = None if self._stopped.is_set() else next_index()
            if index is None:
                inside -= 1
            else:
                self._send(index, None, caller)
        self._paced = False
        self._cancel()

    def _send(self, index: int, due_ns: int | None, caller: int) -> None:
        message = self._order[index % len(self._order)]
        metadata = self._metadata()
        sent_ns = self._now_ns()
        call = self._methods[caller % len(self._methods)].future(
            self._messages[message], timeout=self._job.deadline_s, metadata=metadata
        )
        self._calls.add(call)
        call.add_done_callback(
            functools.partial(
                self._done, index, message, sent_ns if due_ns is None else due_ns, sent_ns, caller
            )
        )

    def _done(  # noqa: PLR0913, PLR0917 -- what is known of a call, bound one by one for speed
        self,
        index: int,
        message: int,
        due_ns: int,
        sent_ns: int,
        caller: int,
        call: grpc.Future[bytes],
    ) -> None:
        """Record an answer; called by gRPC, which swallows what is raised here."""
        done_ns = self._now_ns()
        try:
            code, raw = ended_call(call)
            answer = self._answer(index, code, raw)
            if self._recorded and not (code == CANCELLED and self._stopped.is_set()):
                good = self._rows.add(message, (due_ns, sent_ns, done_ns), code, answer, caller)
                self._judge(done_ns - due_ns, good=good)
        except BaseException as error:  # noqa: BLE001 -- raised again by the thread that owns
            self._failure = error
            self._stopped.set()
        self._calls.discard(call)  # after the row: an end that finds no call finds all rows
        if self._paced:
            self._free.put(caller)
        elif self._ending:
            self._answered.set()

    def _answer(self, index: int, code: int, raw: bytes) -> Answer:
        if code != OK:
            return NONE
        return UNREAD_ANSWER if index % self._job.read_every else self._read(raw)

    def _record_unsent(self, index: int, due_ns: int) -> None:
        now_ns = self._now_ns()
        message = self._order[index % len(self._order)]
        self._rows.add(message, (due_ns, now_ns, now_ns), NOT_SENT, NONE, 0)
        self._judge(now_ns - due_ns, good=False)

    def _judge(self, latency_ns: int, *, good: bool) -> None:
        """Send no more once the verdict that the load is for is known."""
        self._early.take(latency_ns, good=good)
        if self._early.decided and not self._stopped.is_set():
            self.stop()

    def _wait_for(self, ended: Callable[[], bool]) -> None:
        self._ending = True
        given_up_s: float | None = None
        while not ended():
            if self._stopped.is_set():
                given_up_s = given_up_s or time.monotonic() + LAST_ANSWERS_S
                if time.monotonic() > given_up_s or not self._calls:
                    break
            self._answered.wait(LOOK_EVERY_S)
            self._answered.clear()
        self._ending = False
        self._cancel()

    def _cancel(self) -> None:
        """Give up what is still unanswered after a stop."""
        for call in tuple(self._calls):
            call.cancel()
        self._check()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _now_ns(self) -> int:
        return time.monotonic_ns() - self._began_ns
