"""The async shell around the queue: admits lists, and answers each at its deadline at the latest.

The dispatcher runs what waits. A run that hangs holds its slot but no waiter: timers answer them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ctr_service.batcher.admission import MIN_RETRY_NS, Load, decide
from ctr_service.batcher.by_length import LengthPacking
from ctr_service.batcher.by_list import ListPacking
from ctr_service.batcher.call import Call, RowOutcome, Waiter, too_late
from ctr_service.batcher.dispatcher import Dispatcher
from ctr_service.batcher.observer import DropCause
from ctr_service.batcher.queue import BatchQueue
from ctr_service.batcher.runner import BatchRunner
from ctr_service.errors import NotServingError, OverloadedError
from ctr_service.traces import current_trace

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ctr_service.backend.base import Backend
    from ctr_service.batcher.call import RowSink
    from ctr_service.batcher.cost import CostModel
    from ctr_service.batcher.observer import BatchObserver
    from ctr_service.batcher.packing import Packing
    from ctr_service.clock import Clock
    from ctr_service.types import Priority, Row

NS_PER_MS = 1_000_000
SHRUNK = RowOutcome(
    None,
    OverloadedError("this row cannot be scored before the deadline", retry_after_ns=0),
    queue_ns=0,
    compute_ns=0,
)
"""The outcome of a row that was left out when its list was admitted."""


class Batcher:
    """Scores lists of rows on one graph of a backend. Belongs to one event loop."""

    def __init__(  # noqa: PLR0913 -- built once, in app.py; every argument is named there
        self,
        backend: Backend,
        *,
        graph: str,
        buckets_tokens: tuple[int, ...],
        max_batch_tokens: int,
        skips_padding: bool,
        pad_id: int,
        clock: Clock,
        cost: CostModel,
        max_queued_tokens: int,
        observer: BatchObserver,
    ) -> None:
        """Make a batcher that does not serve yet.

        Args:
            backend: runs the batches; `backend.slots` of them at once.
            graph: the graph's name in the bundle.
            buckets_tokens: lengths to pad to, rising; none of the rows may be longer.
            max_batch_tokens: most `rows * bucket` of a batch.
            skips_padding: whether the graph does; it decides how batches are filled.
            pad_id: the tokenizer's padding id.
            clock: deadlines are absolute on it.
            cost: learns what batches cost, and is asked before a list is admitted.
            max_queued_tokens: most tokens that wait; a list beyond it is refused.
            observer: hears what happens.

        Raises:
            ValueError: the buckets do not rise, or the budget cannot hold the largest.
        """
        packing: Packing = (
            ListPacking(max_batch_tokens)
            if skips_padding
            else LengthPacking(buckets_tokens, max_batch_tokens)
        )
        self._queue: BatchQueue[Call] = BatchQueue(
            buckets_tokens=buckets_tokens,
            max_batch_tokens=max_batch_tokens,
            max_queued_tokens=max_queued_tokens,
            packing=packing,
        )
        runner = BatchRunner(
            backend, graph=graph, pad_id=pad_id, clock=clock, cost=cost, observer=observer
        )
        self._dispatcher = Dispatcher(
            backend,
            queue=self._queue,
            runner=runner,
            max_batch_tokens=max_batch_tokens,
            clock=clock,
            cost=cost,
            observer=observer,
        )
        self._backend = backend
        self._clock = clock
        self._cost = cost
        self._observer = observer
        self._calls: dict[Call, asyncio.TimerHandle] = {}
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._serving = False

    @property
    def idle(self) -> bool:
        """Whether a slot is free and nothing waits."""
        return self._dispatcher.idle

    async def start(self) -> None:
        """Accept lists from now on."""
        self._serving = True

    async def close(self) -> None:
        """Refuse new lists, answer those admitted, then stop. Idempotent.

        Takes at most until the latest deadline of an admitted list: a run that hangs beyond it is
        left to the backend's own `close`.
        """
        self._serving = False
        await self._quiet.wait()
        await self._dispatcher.cancel()

    async def score(
        self, rows: Sequence[Row], *, deadline_ns: int, priority: Priority
    ) -> list[RowOutcome]:
        """Score a list; return one outcome a row, in order, at the deadline at the latest.

        Cancelling the call takes its waiting rows out of the queue; running ones run on unheard.

        Args:
            rows: best-ranked first: when not all can be scored in time, the first ones are.
            deadline_ns: absolute on the injected clock.
            priority: which lane it waits in.

        Raises:
            OverloadedError: nothing was queued, because it cannot finish or the queue is full.
            NotServingError: not started, or closing.
            ValueError: a row is longer than the largest bucket.
        """
        if not rows:
            return []
        done: asyncio.Future[list[RowOutcome]] = asyncio.get_running_loop().create_future()
        waiter = Waiter(len(rows), done)
        call = self.submit(rows, deadline_ns=deadline_ns, priority=priority, sink=waiter)
        if call is None:
            return [too_late()] * len(rows)
        try:
            outcomes = await done
        finally:
            self.withdraw(call, range(len(call.rows)))
        shrunk = len(rows) - len(call.rows)
        return outcomes[: len(call.rows)] + [SHRUNK] * shrunk

    def submit(
        self, rows: Sequence[Row], *, deadline_ns: int, priority: Priority, sink: RowSink
    ) -> Call | None:
        """Queue a list and return at once; `sink` hears of each row, at the deadline at the latest.

        Args:
            rows: at least one, best-ranked first; the call holds the first ones, as many as can be
                scored in time.
            deadline_ns: absolute on the injected clock; `extend` moves it.
            priority: which lane it waits in.
            sink: may hear of rows before this returns.

        Returns:
            The call; None when the deadline has come.

        Raises:
            OverloadedError: nothing was queued, because it cannot finish or the queue is full.
            NotServingError: not started, or closing.
            ValueError: a row is longer than the largest bucket.
        """
        if not self._serving:
            raise NotServingError("the batcher is not serving; try another server")
        now_ns = self._clock.now_ns()
        if deadline_ns <= now_ns:
            return None
        buckets = self._queue.buckets_of([row.length for row in rows])
        admitted = self._admit(buckets, deadline_ns, now_ns, priority)
        call = Call(
            rows[:admitted],
            deadline_ns=deadline_ns,
            enqueued_ns=now_ns,
            priority=priority,
            sink=sink,
            left=self._leave,
        )
        self._enqueue(call, buckets[:admitted])
        return call

    def extend(self, call: Call, deadline_ns: int) -> None:
        """Let a call run to a later deadline, because another caller wants its rows until then."""
        call.trace_too(current_trace())
        if deadline_ns > call.deadline_ns:
            self._queue.extend(call, deadline_ns)

    def withdraw(self, call: Call, places: Collection[int]) -> None:
        """Give rows up that nobody wants any more; those that run, run on unheard."""
        if call.missing:
            self._withdraw(call, places, DropCause.CANCELLED)
            call.drop(places)

    def waits(self, call: Call, place: int) -> bool:
        """Say whether a row is queued and its run has not begun."""
        return any(place in waiting for waiting in call.places.values())

    def take_back(self, call: Call, place: int) -> bool:
        """Give one row up unless its run has begun; say whether it had not."""
        if not self._queue.drop(call, (place,)):
            return False
        self._observer.dropped(rows=1, cause=DropCause.CANCELLED)
        call.drop((place,))
        return True

    def _admit(self, buckets: list[int], deadline_ns: int, now_ns: int, priority: Priority) -> int:
        load = Load(
            tokens_before=self._queue.tokens_before(
                priority, sum(buckets), deadline_ns, now_ns, self._cost.price
            ),
            running_seconds=self._dispatcher.running_seconds(now_ns),
            slots=self._backend.slots,
            idle=self.idle,
        )
        admission = decide(buckets, deadline_ns - now_ns, load, self._cost)
        tokens = sum(buckets[: admission.rows])
        if admission.rows and tokens <= self._queue.room_tokens:
            return admission.rows
        self._observer.refused(rows=len(buckets), padded_tokens=sum(buckets), priority=priority)
        drain = self._cost.drain_seconds(tokens) / self._backend.slots
        raise OverloadedError(
            f"the queue cannot finish {len(buckets)} rows before the deadline; "
            "retry later or on another server",
            # Never 0, which gRPC takes for "at once": while no cost is known nothing drains.
            retry_after_ns=max(MIN_RETRY_NS, admission.retry_after_ns, round(drain * 1e9)),
            metadata={"field": "queue", "size": str(len(buckets))},
        )

    def _enqueue(self, call: Call, buckets: list[int]) -> None:
        self._calls[call] = self._set_timer(call)
        self._queue.push(call, buckets)
        self._quiet.clear()
        self._observer.admitted(
            rows=len(buckets), padded_tokens=sum(buckets), priority=call.priority
        )
        self._dispatcher.dispatch()

    def _set_timer(self, call: Call) -> asyncio.TimerHandle:
        # In whole milliseconds, rounded up: uvloop's timers know no less and would fire too early.
        delay_ms = -(-(call.deadline_ns - self._clock.now_ns()) // NS_PER_MS)
        return asyncio.get_running_loop().call_later(delay_ms / 1e3, self._expire, call)

    def _expire(self, call: Call) -> None:
        if self._clock.now_ns() < call.deadline_ns:
            self._calls[call] = self._set_timer(call)
            return
        self._withdraw(call, range(len(call.rows)), DropCause.EXPIRED)
        call.finish(too_late())

    def _leave(self, call: Call) -> None:
        self._calls.pop(call).cancel()
        if not self._calls:
            self._quiet.set()

    def _withdraw(self, call: Call, places: Collection[int], cause: DropCause) -> None:
        whole = len(places) >= len(call.rows)
        if rows := self._queue.cancel(call) if whole else self._queue.drop(call, places):
            self._observer.dropped(rows=rows, cause=cause)
            self._dispatcher.tell_load()
