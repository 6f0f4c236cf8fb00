"""The async shell around the queue: admits lists, keeps every slot busy, delivers answers.

Nothing here polls: the queue is looked at when a list arrives and when a run ends. A run that hangs
holds its slot until it ends, but no waiter: each waiter is answered at its deadline by a timer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ctr_service.batcher.admission import Load, decide
from ctr_service.batcher.call import Call, RowOutcome, too_late
from ctr_service.batcher.observer import DropCause
from ctr_service.batcher.queue import BatchQueue
from ctr_service.batcher.runner import BatchRunner
from ctr_service.errors import NotServingError, OverloadedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.backend.base import Backend
    from ctr_service.batcher.cost import CostModel
    from ctr_service.batcher.observer import BatchObserver
    from ctr_service.batcher.queue import FormedBatch
    from ctr_service.clock import Clock
    from ctr_service.types import Priority, Row

NS_PER_MS = 1_000_000
_SHRUNK = RowOutcome(
    None,
    OverloadedError("this row cannot be scored before the deadline", retry_after_ns=0),
    queue_ns=0,
    compute_ns=0,
)


class Batcher:
    """Scores lists of rows on one graph of a backend. Belongs to one event loop."""

    def __init__(  # noqa: PLR0913 -- built once, in app.py; every argument is named there
        self,
        backend: Backend,
        *,
        graph: str,
        buckets_tokens: tuple[int, ...],
        max_batch_tokens: int,
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
            pad_id: the tokenizer's padding id.
            clock: deadlines are absolute on it.
            cost: learns what batches cost, and is asked before a list is admitted.
            max_queued_tokens: most tokens that wait; a list beyond it is refused.
            observer: hears what happens.

        Raises:
            ValueError: the buckets do not rise, or the budget cannot hold the largest.
        """
        self._queue: BatchQueue[Call] = BatchQueue(
            buckets_tokens=buckets_tokens,
            max_batch_tokens=max_batch_tokens,
            max_queued_tokens=max_queued_tokens,
        )
        self._runner = BatchRunner(
            backend, graph=graph, pad_id=pad_id, clock=clock, cost=cost, observer=observer
        )
        self._backend = backend
        self._clock = clock
        self._cost = cost
        self._observer = observer
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: dict[FormedBatch[Call], int] = {}
        self._calls: dict[Call, asyncio.TimerHandle] = {}
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._serving = False

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
        hanging = list(self._tasks)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)

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
        if not self._serving:
            raise NotServingError("the batcher is not serving; try another server")
        now_ns = self._clock.now_ns()
        if not rows:
            return []
        if deadline_ns <= now_ns:
            return [too_late()] * len(rows)
        buckets = self._queue.buckets_of([row.length for row in rows])
        admitted = self._admit(buckets, deadline_ns, now_ns, priority)
        loop = asyncio.get_running_loop()
        call = Call(
            rows[:admitted],
            deadline_ns=deadline_ns,
            enqueued_ns=now_ns,
            priority=priority,
            waiter=loop.create_future(),
        )
        try:
            self._enqueue(call, buckets[:admitted])
            outcomes = await call.waiter
        finally:
            self._leave(call)
        return outcomes + [_SHRUNK] * (len(rows) - admitted)

    def _admit(self, buckets: list[int], deadline_ns: int, now_ns: int, priority: Priority) -> int:
        running = sum(max(0, end_ns - now_ns) for end_ns in self._running.values())
        load = Load(
            tokens_before=self._queue.tokens_before(priority, sum(buckets), deadline_ns, now_ns),
            running_seconds=running / 1e9,
            slots=self._backend.slots,
            idle=len(self._running) < self._backend.slots and not self._queue.waiting_rows,
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
            retry_after_ns=max(admission.retry_after_ns, round(drain * 1e9)),
            metadata={"field": "queue", "size": str(len(buckets))},
        )

    def _enqueue(self, call: Call, buckets: list[int]) -> None:
        self._calls[call] = self._set_timer(call)
        self._queue.push(call, buckets)
        self._quiet.clear()
        self._observer.admitted(
            rows=len(buckets), padded_tokens=sum(buckets), priority=call.priority
        )
        self._dispatch()

    def _dispatch(self) -> None:
        """Give every free slot a batch, as long as rows wait."""
        now_ns = self._clock.now_ns()
        for call, rows in self._queue.pop_expired(now_ns):
            self._observer.dropped(rows=rows, cause=DropCause.EXPIRED)
            call.finish(too_late())
        while (free := self._backend.slots - len(self._running)) > 0:
            batch = self._queue.next_batch(
                free_slots=free, overhead_tokens=self._cost.overhead_tokens
            )
            if batch is None:
                break
            expected = self._cost.run_seconds(batch.bucket_tokens, batch.rows)
            self._running[batch] = now_ns + round(expected * 1e9)
            task = asyncio.create_task(self._runner.run(batch, self._slot_freed))
            self._tasks.add(task)
            task.add_done_callback(self._task_ended)
        self._tell_load()

    def _slot_freed(self, batch: FormedBatch[Call]) -> None:
        """Called by the runner once a batch, before it delivers: the slot works on meanwhile."""
        del self._running[batch]
        self._dispatch()

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a batch ended by a defect of the server", "exception": error}
            )

    def _set_timer(self, call: Call) -> asyncio.TimerHandle:
        # In whole milliseconds, rounded up: uvloop's timers know no less and would fire too early.
        delay_ms = -(-(call.deadline_ns - self._clock.now_ns()) // NS_PER_MS)
        return asyncio.get_running_loop().call_later(delay_ms / 1e3, self._expire, call)

    def _expire(self, call: Call) -> None:
        if self._clock.now_ns() < call.deadline_ns:
            self._calls[call] = self._set_timer(call)
            return
        self._withdraw(call, DropCause.EXPIRED)
        call.finish(too_late())

    def _leave(self, call: Call) -> None:
        self._withdraw(call, DropCause.CANCELLED)
        self._calls.pop(call).cancel()
        if not self._calls:
            self._quiet.set()

    def _withdraw(self, call: Call, cause: DropCause) -> None:
        if rows := self._queue.cancel(call):
            self._observer.dropped(rows=rows, cause=cause)
            self._tell_load()

    def _tell_load(self) -> None:
        self._observer.load_changed(
            waiting_rows=self._queue.waiting_rows,
            waiting_tokens=self._queue.waiting_tokens,
            running=len(self._running),
        )
