"""Runs one formed batch: pads it, hands it to the backend, delivers; isolates a bad row."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS, LOGITS
from ctr_service.batcher.call import RowOutcome, failed, too_late
from ctr_service.batcher.observer import BatchReport
from ctr_service.bundle.tokens import pad_rows
from ctr_service.errors import BackendBusyError, BackendFailedError, DeadlineExceededError
from ctr_service.traces import BATCH_TRACE, BatchTrace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ctr_service.backend.base import Backend, Outputs
    from ctr_service.batcher.call import Call
    from ctr_service.batcher.cost import CostModel
    from ctr_service.batcher.formed import FormedBatch
    from ctr_service.batcher.observer import BatchObserver
    from ctr_service.clock import Clock
    from ctr_service.traces import CallTrace


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
        allow: so one bad row fails alone. A backend that is not ready, or whose queue is full, is
        not asked again.

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
                done = await self._run(rows, batch.bucket_tokens, batch.queued_tokens, formed_ns)
            except BackendFailedError as error:
                await self._run_alone(rows, batch.bucket_tokens, error)
                return
            except BackendBusyError as error:
                self._answer(rows, failed(error))
                return
            finally:
                slot_freed(batch)
            if done is None:
                self._answer(rows, too_late())
            elif done.failed_rows:
                _deliver_each(rows, done)
            else:
                _deliver_parts(batch, done)
        except BaseException:
            self._answer(
                rows, failed(BackendFailedError("the batch ended by a defect of the server"))
            )
            raise

    async def _run_alone(
        self, rows: Sequence[tuple[Call, int]], bucket_tokens: int, error: BackendFailedError
    ) -> None:
        if not await self._backend.ready():
            self._answer(rows, failed(error))
            return
        for call, place in rows:
            if not call.accepts:
                continue
            try:
                done = await self._run(
                    [(call, place)],
                    bucket_tokens,
                    bucket_tokens,
                    self._clock.now_ns(),
                    retry=True,
                )
            except (BackendFailedError, BackendBusyError) as own_error:
                call.deliver(place, failed(own_error))
            else:
                if done is None:
                    call.deliver(place, too_late())
                else:
                    _deliver_each([(call, place)], done)

    async def _run(
        self,
        rows: Sequence[tuple[Call, int]],
        bucket_tokens: int,
        queued_tokens: int,
        formed_ns: int | None,
        *,
        retry: bool = False,
    ) -> _Done | None:
        """Run rows as one batch; None when its deadline passed before the engine began.

        Raises:
            BackendBusyError: the backend's queue is full.
            BackendFailedError: the whole batch failed.
        """
        started_ns = self._clock.now_ns()
        calls = dict.fromkeys([call for call, _ in rows])
        trace = BatchTrace(
            _traces_of(calls), began_ns=started_ns, rows=len(rows), bucket_tokens=bucket_tokens
        )
        BATCH_TRACE.set(trace)  # for this task alone: each batch has one of its own
        own = [call.rows[place] for call, place in rows]
        batch = pad_rows(own, bucket_tokens, self._pad_id)
        tensors = {
            INPUT_IDS: batch.ids,
            LENGTHS: batch.lengths,
            FIRST_LENGTHS: batch.first_lengths,
        }
        deadline_ns = max(call.deadline_ns for call in calls)
        outputs: Outputs | None = None
        try:
            outputs = await self._backend.run(self._graph, tensors, deadline_ns)
        except DeadlineExceededError:
            return None
        finally:
            ended_ns = self._clock.now_ns()
            row_tokens = sum([row.length for row in own])
            failed_rows = len(outputs.failed_rows) if outputs else len(rows)
            cost_ns = 0
            if outputs:
                cost_ns = outputs.compute_ns if formed_ns is None else ended_ns - formed_ns
            trace.end(
                _traces_of(calls), ended_ns=ended_ns, row_tokens=row_tokens, failed_rows=failed_rows
            )
            self._observer.finished(
                BatchReport(
                    rows=len(rows),
                    bucket_tokens=bucket_tokens,
                    computed_tokens=self._cost.computed_tokens(
                        bucket_tokens, len(rows), queued_tokens
                    ),
                    row_tokens=row_tokens,
                    lists=len(calls),
                    queue_ns=started_ns - min(call.enqueued_ns for call in calls),
                    run_ns=ended_ns - started_ns,
                    compute_ns=outputs.compute_ns if outputs else 0,
                    expected_s=self._cost.run_seconds(bucket_tokens, len(rows), queued_tokens),
                    cost_s=cost_ns / 1e9,
                    failed_rows=failed_rows,
                    retry=retry,
                )
            )
        self._cost.observe(
            bucket_tokens=bucket_tokens,
            rows=len(rows),
            queued_tokens=queued_tokens,
            seconds=cost_ns / 1e9,
        )
        return _done(rows, outputs, started_ns)

    @staticmethod
    def _answer(rows: Sequence[tuple[Call, int]], outcome: RowOutcome) -> None:
        for call, place in rows:
            call.deliver(place, outcome)


def _traces_of(calls: Iterable[Call]) -> list[CallTrace]:
    return [trace for call in calls for trace in call.traces]


class _Done(NamedTuple):
    """What a run gave: a logit a row, and why some rows have none."""

    logits: list[float]
    failed_rows: Mapping[int, str]
    started_ns: int
    compute_ns: int


def _done(rows: Sequence[tuple[Call, int]], outputs: Outputs, started_ns: int) -> _Done:
    logits = np.asarray(outputs.tensors[LOGITS], dtype=np.float64)
    if logits.shape != (len(rows),):
        raise BackendFailedError(
            f"the backend returned logits of shape {logits.shape} for {len(rows)} rows"
        )
    return _Done(logits.tolist(), outputs.failed_rows, started_ns, outputs.compute_ns)


def _deliver_parts(batch: FormedBatch[Call], done: _Done) -> None:
    """Deliver list by list: one call for all rows of a list, where one a row would cost more."""
    at = 0
    for call, places in batch.parts:
        call.deliver_scored(
            places,
            done.logits[at : at + len(places)],
            queue_ns=done.started_ns - call.enqueued_ns,
            compute_ns=done.compute_ns,
        )
        at += len(places)


def _deliver_each(rows: Sequence[tuple[Call, int]], done: _Done) -> None:
    for at, ((call, place), logit) in enumerate(zip(rows, done.logits, strict=True)):
        reason = done.failed_rows.get(at)
        outcome = RowOutcome(logit, None, done.started_ns - call.enqueued_ns, done.compute_ns)
        if reason is not None:
            outcome = failed(BackendFailedError(reason))
        call.deliver(place, outcome)
