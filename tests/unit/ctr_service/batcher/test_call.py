"""Claims of `ctr_service.batcher.call`: each row is answered once, the waiter is woken once."""

from __future__ import annotations

import asyncio

import numpy as np

from ctr_service.batcher.call import Call, RowOutcome, failed, too_late
from ctr_service.errors import BackendFailedError
from ctr_service.types import Priority
from tests.support.rows import make_row

RNG = np.random.default_rng(0)


def make_call(rows: int) -> Call:
    """Return a call of some rows with a fresh waiter."""
    return Call(
        [make_row(RNG, 8) for _ in range(rows)],
        deadline_ns=100,
        enqueued_ns=0,
        priority=Priority.INTERACTIVE,
        waiter=asyncio.get_running_loop().create_future(),
    )


def scored(logit: float) -> RowOutcome:
    """Return a good outcome."""
    return RowOutcome(logit, None, 1, 2)


async def test_the_last_row_wakes_the_waiter() -> None:
    """Rows may be answered in any order; the list comes back in the caller's."""
    call = make_call(3)
    for place in (2, 0):
        assert call.deliver(place, scored(place))
        assert not call.waiter.done()
    assert call.deliver(1, scored(1))
    assert not call.accepts
    assert await call.waiter == [scored(0), scored(1), scored(2)]


async def test_a_second_answer_is_not_accepted() -> None:
    """The first one stands, and delivery says so."""
    call = make_call(2)
    assert call.deliver(0, scored(5))
    assert not call.deliver(0, scored(6))
    assert call.deliver(1, scored(7))
    assert not call.deliver(1, scored(8))
    assert [outcome.logit for outcome in await call.waiter] == [5, 7]


async def test_a_waiter_that_left_accepts_nothing() -> None:
    """After cancellation every delivery is refused, the last row's too, and nothing breaks."""
    call = make_call(2)
    call.waiter.cancel()
    assert not call.deliver(0, scored(0))
    assert not call.deliver(1, scored(1))
    call.finish(too_late())
    assert call.waiter.cancelled()


async def test_finishing_answers_what_is_missing() -> None:
    """Rows that have their answer keep it."""
    call = make_call(3)
    call.deliver(1, scored(1))
    error = failed(BackendFailedError("scripted"))
    call.finish(error)
    assert await call.waiter == [error, scored(1), error]
    call.finish(too_late())
