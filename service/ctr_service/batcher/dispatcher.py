"""Keeps every slot of the backend busy with batches from the queue. Belongs to one event loop.

Nothing here polls: the queue is looked at when a list arrives and when a run ends. A run that hangs
holds its slot until it ends.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ctr_service.batcher.call import too_late
from ctr_service.batcher.observer import DropCause
from ctr_service.batcher.packing import Slots

if TYPE_CHECKING:
    from ctr_service.backend.base import Backend
    from ctr_service.batcher.call import Call
    from ctr_service.batcher.cost import CostModel
    from ctr_service.batcher.formed import FormedBatch
    from ctr_service.batcher.observer import BatchObserver
    from ctr_service.batcher.queue import BatchQueue
    from ctr_service.batcher.runner import BatchRunner
    from ctr_service.clock import Clock


class Dispatcher:
    """Forms batches while a slot is free, and runs them."""

    def __init__(  # noqa: PLR0913 -- built once, by the batcher; every argument is named there
        self,
        backend: Backend,
        *,
        queue: BatchQueue[Call],
        runner: BatchRunner,
        max_batch_tokens: int,
        clock: Clock,
        cost: CostModel,
        observer: BatchObserver,
    ) -> None:
        """Take the parts.

        Args:
            backend: `backend.slots` batches run at once.
            queue: where lists wait.
            runner: runs a batch and delivers it.
            max_batch_tokens: from so many waiting tokens on a batch is formed ahead.
            clock: the injected one.
            cost: says what a batch will take.
            observer: hears what is dropped, and of the load.
        """
        self._backend = backend
        self._queue = queue
        self._runner = runner
        self._max_batch_tokens = max_batch_tokens
        self._clock = clock
        self._cost = cost
        self._observer = observer
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: dict[FormedBatch[Call], int] = {}

    @property
    def idle(self) -> bool:
        """Whether a slot is free and nothing waits."""
        return len(self._running) < self._backend.slots and not self._queue.waiting_rows

    def running_seconds(self, now_ns: int) -> float:
        """Return what is left, as expected, of all runs together."""
        return sum(max(0, end_ns - now_ns) for end_ns in self._running.values()) / 1e9

    def dispatch(self) -> None:
        """Give every free slot a batch, as long as rows wait."""
        now_ns = self._clock.now_ns()
        for call, rows in self._queue.pop_expired(now_ns):
            self._observer.dropped(rows=rows, cause=DropCause.EXPIRED)
            call.finish(too_late())
        while (free := self._backend.slots - len(self._running)) > 0:
            if not self._run_next(free, now_ns, ahead=False):
                break
        # One batch is prepared ahead and waits in the backend, so that a session that ends need not
        # wait for this loop. Only when it is full anyway: forming it early costs no packing then.
        if free == 0 and self._queue.waiting_tokens >= self._max_batch_tokens:
            self._run_next(1, now_ns, ahead=True)
        self.tell_load()

    def tell_load(self) -> None:
        """Tell the observer how much waits and runs."""
        self._observer.load_changed(
            waiting_rows=self._queue.waiting_rows,
            waiting_tokens=self._queue.waiting_tokens,
            running=len(self._running),
        )

    async def cancel(self) -> None:
        """Cancel what still runs, and return once it has ended."""
        hanging = list(self._tasks)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)

    def _run_next(self, free_slots: int, now_ns: int, *, ahead: bool) -> bool:
        batch = self._queue.next_batch(Slots(self._backend.slots, free_slots), self._cost.price)
        if batch is None:
            return False
        expected = self._cost.run_seconds(batch.bucket_tokens, batch.rows, batch.queued_tokens)
        self._running[batch] = now_ns + round(expected * 1e9)
        formed_ns = None if ahead else now_ns
        task = asyncio.create_task(self._runner.run(batch, formed_ns, self._slot_freed))
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)
        return True

    def _slot_freed(self, batch: FormedBatch[Call]) -> None:
        """Called by the runner once a batch, before it delivers: the slot works on meanwhile."""
        del self._running[batch]
        self.dispatch()

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a batch ended by a defect of the server", "exception": error}
            )
