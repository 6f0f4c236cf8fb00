"""Runs one formed batch: pads it, hands it to the backend, delivers; isolates a bad row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS, LOGITS
from ctr_service.batcher.call import RowOutcome, failed, too_late
from ctr_service.batcher.observer import BatchReport
from ctr_service.bundle.tokens import pad_rows
from ctr_service.errors import BackendFailedError, DeadlineExceededError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctr_service.backend.base import Backend, Outputs
    from ctr_service.batcher.call import Call
    from ctr_service.batcher.cost import CostModel
    from ctr_service.batcher.observer import BatchObserver
    from ctr_service.batcher.queue import FormedBatch
    from ctr_service.clock import Clock


class BatchRunner:
    """The way of a batch through the backend."""

    def __init__(  # noqa: PLR0913 -- built once, by the batcher; every argument is named there
        self,
        backend: Backend,
        *,
        graph: str,
        pad_id: int,
        clock: Clock,
        cost: CostModel,
        observer: BatchObserver,
    ) -> None:
        self._backend = backend
        self._graph = graph
        self._pad_id = pad_id
        self._clock = clock
        self._cost = cost
        self._observer = observer

    async def run(
        self,
        batch: FormedBatch[Call],
        formed_ns: int | None,
        slot_freed: Callable[[FormedBatch[Call]], None],
    ) -> None:
        """Run a batch and answer every row of it, whatever happens.

        When the whole batch fails, its rows run again alone, once each, as far as their deadlines
        allow: so one bad row fails alone. A backend that is not ready is not asked again.

        Args:
            batch: taken from the queue.
            formed_ns: when; the slot is taken from then on, so that is what the batch costs, the
                event loop's own share with it. None when it was formed ahead and no slot was free:
                it costs what the engine takes.
            slot_freed: called once, as soon as the backend is done with the batch.
        """
        rows = [(call, place) for call, places in batch.parts for place in places]
        try:
            try:
                outcomes = await self._run(
                    rows, batch.bucket_tokens, batch.queued_tokens, formed_ns
                )
            except BackendFailedError as error:
                await self._run_alone(rows, batch.bucket_tokens, error)
                return
            finally:
                slot_freed(batch)
            for (call, place), outcome in zip(rows, outcomes, strict=True):
                call.deliver(place, outcome)
        except BaseException:
            self._fail(rows, BackendFailedError("the batch ended by a defect of the server"))
            raise

    async def _run_alone(
        self, rows: Sequence[tuple[Call, int]], bucket_tokens: int, error: BackendFailedError
    ) -> None:
        if not await self._backend.ready():
            self._fail(rows, error)
            return
        for call, place in rows:
            if not call.accepts:
                continue
            try:
                outcomes = await self._run(
                    [(call, place)],
                    bucket_tokens,
                    bucket_tokens,
                    self._clock.now_ns(),
                    retry=True,
                )
            except BackendFailedError as own_error:
                call.deliver(place, failed(own_error))
            else:
                call.deliver(place, outcomes[0])

    async def _run(
        self,
        rows: Sequence[tuple[Call, int]],
        bucket_tokens: int,
        queued_tokens: int,
        formed_ns: int | None,
        *,
        retry: bool = False,
    ) -> list[RowOutcome]:
        """Run rows as one batch and return their outcomes.

        Raises:
            BackendFailedError: the whole batch failed.
        """
        started_ns = self._clock.now_ns()
        batch = pad_rows([call.rows[place] for call, place in rows], bucket_tokens, self._pad_id)
        tensors = {
            INPUT_IDS: batch.ids,
            LENGTHS: batch.lengths,
            FIRST_LENGTHS: batch.first_lengths,
        }
        deadline_ns = max(call.deadline_ns for call, _ in rows)
        outputs: Outputs | None = None
        try:
            outputs = await self._backend.run(self._graph, tensors, deadline_ns)
        except DeadlineExceededError:
            return [too_late()] * len(rows)
        finally:
            ended_ns = self._clock.now_ns()
            self._observer.finished(
                BatchReport(
                    rows=len(rows),
                    bucket_tokens=bucket_tokens,
                    row_tokens=int(batch.lengths.sum()),
                    lists=len({call.sequence for call, _ in rows}),
                    queue_ns=started_ns - min(call.enqueued_ns for call, _ in rows),
                    run_ns=ended_ns - started_ns,
                    compute_ns=outputs.compute_ns if outputs else 0,
                    failed_rows=len(outputs.failed_rows) if outputs else len(rows),
                    retry=retry,
                )
            )
        self._cost.observe(
            bucket_tokens=bucket_tokens,
            rows=len(rows),
            queued_tokens=queued_tokens,
            seconds=(outputs.compute_ns if formed_ns is None else ended_ns - formed_ns) / 1e9,
        )
        return _outcomes_of(rows, outputs, started_ns)

    @staticmethod
    def _fail(rows: Sequence[tuple[Call, int]], error: BackendFailedError) -> None:
        outcome = failed(error)
        for call, place in rows:
            call.deliver(place, outcome)


def _outcomes_of(
    rows: Sequence[tuple[Call, int]], outputs: Outputs, started_ns: int
) -> list[RowOutcome]:
    logits = np.asarray(outputs.tensors[LOGITS], dtype=np.float64)
    if logits.shape != (len(rows),):
        raise BackendFailedError(
            f"the backend returned logits of shape {logits.shape} for {len(rows)} rows"
        )
    compute_ns = outputs.compute_ns
    outcomes = [
        RowOutcome(logit, None, started_ns - call.enqueued_ns, compute_ns)
        for logit, (call, _) in zip(logits.tolist(), rows, strict=True)
    ]
    for index, reason in outputs.failed_rows.items():
        outcomes[index] = failed(BackendFailedError(reason))
    return outcomes
