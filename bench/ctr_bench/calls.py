"""Requests on their way: sent, looked into when they end, recorded, given up after a stop.

A method is a gRPC one of bytes in and bytes out, or whatever gives such futures (`http_method`).
Its thread calls back with the answer.
"""

from __future__ import annotations

import functools
import threading
import time
from typing import TYPE_CHECKING, Protocol

import grpc

from ctr_bench.early_end import EarlyEnd
from ctr_bench.record import CANCELLED, NOT_SENT, OK
from ctr_bench.recorder import NONE, UNREAD_ANSWER, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from ctr_bench.answers import Answer
    from ctr_bench.job import Job, Payloads
    from ctr_bench.live import Watcher
    from ctr_bench.record import Records

    Metadata: TypeAlias = tuple[tuple[str, str], ...] | None


class Call(Protocol):
    """What is needed of a `grpc.Future`."""

    def result(self) -> bytes:
        """Return the answer once it is there, or raise as gRPC does."""

    def cancel(self) -> bool:
        """Give it up."""

    def add_done_callback(self, fn: Callable[[Call], None], /) -> None:
        """Call it once the call has ended, in whatever thread that is noticed."""


class Method(Protocol):
    """What is needed of a `grpc.UnaryUnaryMultiCallable`."""

    def future(self, request: bytes, /, *, timeout: float, metadata: Metadata) -> Call:
        """Begin a call; does not block."""


class Calls:
    """Those of one run. One thread sends; `_done` runs in the methods' threads.

    Attributes:
        stopped: nothing more is sent; set from any thread, and here by a failure, or once the
            verdict that the load is for is known.
        recorded: whether a call that ends leaves a row.
        tell: told of the caller whose call has ended, after its row.
    """

    def __init__(  # noqa: PLR0913 -- collaborators arrive by constructor
        self,
        methods: Sequence[Method],
        job: Job,
        payloads: Payloads,
        *,
        read: Callable[[bytes], Answer],
        metadata: Callable[[], Metadata],
        watcher: Watcher | None,
    ) -> None:
        """See `Driver`."""
        self._methods = methods
        self._job = job
        self._messages = payloads.messages
        count = len(payloads.messages)
        self._order = range(count) if payloads.order is None else payloads.order.tolist()
        self._read = read
        self._metadata = metadata
        self._rows = Recorder(job, payloads, watcher)
        self._early = EarlyEnd(job)
        self._open: set[Call] = set()
        self._failure: BaseException | None = None
        self._began_ns = 0
        self.stopped = threading.Event()
        self.recorded = True
        self.tell: Callable[[int], object] | None = None

    def __len__(self) -> int:
        """Return how many are on their way."""
        return len(self._open)

    @property
    def rows(self) -> int:
        """How many are recorded."""
        return len(self._rows)

    def begin(self, began_ns: int) -> None:
        """Set the zero of `now_ns`, on the monotonic clock."""
        self._began_ns = began_ns

    def now_ns(self) -> int:
        """Return the time since the begin; below 0 before it."""
        return time.monotonic_ns() - self._began_ns

    def send(self, index: int, due_ns: int | None, caller: int) -> None:
        """Begin a call.

        Args:
            index: of the request in the run.
            due_ns: None is when it is sent.
            caller: or connection.
        """
        message = self._order[index % len(self._order)]
        metadata = self._metadata()
        sent_ns = self.now_ns()
        call = self._methods[caller % len(self._methods)].future(
            self._messages[message], timeout=self._job.deadline_s, metadata=metadata
        )
        self._open.add(call)
        call.add_done_callback(
            functools.partial(
                self._done, index, message, sent_ns if due_ns is None else due_ns, sent_ns, caller
            )
        )

    def record_unsent(self, index: int, due_ns: int) -> None:
        """Record a request that was due and is not sent, because too many are on their way."""
        now_ns = self.now_ns()
        message = self._order[index % len(self._order)]
        self._rows.add(message, (due_ns, now_ns, now_ns), NOT_SENT, NONE, 0)
        self._judge(now_ns - due_ns, good=False)

    def cancel(self) -> None:
        """Give up what is still unanswered after a stop.

        Raises:
            Exception: see `check`.
        """
        for call in tuple(self._open):
            call.cancel()
        self.check()

    def check(self) -> None:
        """Raise what went wrong in another thread.

        Raises:
            Exception: an answer could not be looked into.
        """
        if self._failure is not None:
            raise self._failure

    def records(self) -> Records:
        """Return one row a request, in the order of the schedule."""
        return self._rows.records()

    def _done(  # noqa: PLR0913, PLR0917 -- what is known of a call, bound one by one for speed
        self, index: int, message: int, due_ns: int, sent_ns: int, caller: int, call: Call
    ) -> None:
        """Record an answer; called by gRPC, which swallows what is raised here."""
        done_ns = self.now_ns()
        try:
            code, answer = self._outcome(index, call)
            if self.recorded and not (code == CANCELLED and self.stopped.is_set()):
                good = self._rows.add(message, (due_ns, sent_ns, done_ns), code, answer, caller)
                self._judge(done_ns - due_ns, good=good)
        except BaseException as error:  # noqa: BLE001 -- raised again by the thread that owns
            self._failure = error
            self.stopped.set()
        self._open.discard(call)  # after the row: an end that finds no call finds all rows
        if self.tell is not None:
            self.tell(caller)

    def _outcome(self, index: int, call: Call) -> tuple[int, Answer]:
        try:
            raw = call.result()
        except grpc.FutureCancelledError:
            return CANCELLED, NONE
        except grpc.RpcError as error:
            code: tuple[int, str] = error.code().value
            return code[0], NONE
        return OK, UNREAD_ANSWER if index % self._job.read_every else self._read(raw)

    def _judge(self, latency_ns: int, *, good: bool) -> None:
        """Send no more once the verdict that the load is for is known."""
        self._early.take(latency_ns, good=good)
        if self._early.decided:
            self.stopped.set()
