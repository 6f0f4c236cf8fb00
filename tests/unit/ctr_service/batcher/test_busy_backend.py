"""A backend whose own queue is full: refused upward, never asked again row by row."""

from __future__ import annotations

import asyncio

import numpy as np

from ctr_service.backend.scripted import ScriptedBackend, ScriptedRun
from ctr_service.clock import ManualClock
from ctr_service.errors import BackendBusyError, BackendFailedError, DeadlineExceededError
from ctr_service.fallback import error_of_all
from ctr_service.types import Priority
from tests.support.batching import Recorder, expected_logits, make_batcher
from tests.support.rows import POISON_ID, make_row

FAR_NS = 3_600 * 10**9
BUSY = BackendBusyError("the queue is full", retry_after_ns=1)
ROWS = [make_row(np.random.default_rng(n), 16) for n in range(6)]


async def test_rows_of_a_refused_batch_do_not_run_alone() -> None:
    """One run, one error for all of its rows; a neighbour's batch afterwards is scored."""
    clock, observer = ManualClock(), Recorder()
    full = True

    async def script(_: ScriptedRun) -> None:
        if full:
            raise BUSY

    backend = ScriptedBackend(slots=1, clock=clock, script=script)
    batcher = make_batcher(backend, clock, observer=observer)
    await batcher.start()
    outcomes = await batcher.score(ROWS, deadline_ns=FAR_NS, priority=Priority.INTERACTIVE)
    assert {outcome.error for outcome in outcomes} == {BUSY}
    assert backend.runs == len(observer.reports) == 1
    full = False
    outcomes = await batcher.score(ROWS, deadline_ns=FAR_NS, priority=Priority.INTERACTIVE)
    assert [outcome.logit for outcome in outcomes] == expected_logits(ROWS)
    await batcher.close()


async def test_a_row_alone_may_find_the_queue_full() -> None:
    """After a failed batch each row is tried by itself; one that finds no room is refused alone."""
    clock = ManualClock()

    async def script(run: ScriptedRun) -> None:
        await asyncio.sleep(0)
        if run.number == 3:
            raise BUSY

    backend = ScriptedBackend(
        slots=1, clock=clock, script=script, poison_ids=frozenset({POISON_ID})
    )
    batcher = make_batcher(backend, clock)
    await batcher.start()
    rows = [make_row(np.random.default_rng(9), 16, holds=POISON_ID), *ROWS[:3]]
    outcomes = await batcher.score(rows, deadline_ns=FAR_NS, priority=Priority.INTERACTIVE)
    assert isinstance(outcomes[0].error, BackendFailedError)
    assert outcomes[1].error is BUSY
    assert [outcome.logit for outcome in outcomes[2:]] == expected_logits(rows)[2:]
    await batcher.close()


def test_a_request_of_which_any_row_found_no_room_is_overload() -> None:
    """Another server may have room: that says more than late or failed."""
    late, failed = DeadlineExceededError("late"), BackendFailedError("failed")
    assert error_of_all([late, failed, BUSY], budget_ns=1, elapsed_ns=1) is BUSY
    assert isinstance(
        error_of_all([late, failed], budget_ns=1, elapsed_ns=1), DeadlineExceededError
    )


def test_a_request_that_failed_whole_says_why() -> None:
    """The first row's reason is in the message."""
    errors = [BackendFailedError("no Triton server is ready")] * 2
    assert "no Triton server is ready" in str(error_of_all(errors, budget_ns=1, elapsed_ns=1))
