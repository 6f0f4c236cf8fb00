"""Claims of `ctr_service.batcher.call`: each row is answered once, and the end is told once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np

from ctr_service.batcher.call import Call, RowOutcome, Waiter, failed, too_late
from ctr_service.errors import BackendFailedError
from ctr_service.types import Priority
from tests.support.rows import make_row

if TYPE_CHECKING:
    from collections.abc import Sequence

RNG = np.random.default_rng(0)


class Heard:
    """A sink, and the batcher's ear: what was told, in order."""

    def __init__(self) -> None:
        self.logits: dict[int, float | None] = {}
        self.ends: list[str] = []

    def scored(
        self, places: Sequence[int], logits: Sequence[float], *, queue_ns: int, compute_ns: int
    ) -> None:
        """Keep them as rows answered one by one."""
        for place, logit in zip(places, logits, strict=True):
            self.answered(place, RowOutcome(logit, None, queue_ns, compute_ns))

    def answered(self, place: int, outcome: RowOutcome) -> None:
        """Keep it; a row that is answered twice is an error."""
        assert place not in self.logits
        self.logits[place] = outcome.logit

    def ended(self) -> None:
        """Count it."""
        self.ends.append("sink")

    def left(self, _: Call) -> None:
        """Count it."""
        self.ends.append("batcher")


def make_call(rows: int, heard: Heard) -> Call:
    """Return a call of some rows."""
    return Call(
        [make_row(RNG, 8) for _ in range(rows)],
        deadline_ns=100,
        enqueued_ns=0,
        priority=Priority.INTERACTIVE,
        sink=heard,
        left=heard.left,
    )


def scored(logit: float) -> RowOutcome:
    """Return a good outcome."""
    return RowOutcome(logit, None, 1, 2)


def test_the_last_row_ends_the_call() -> None:
    """Rows may be answered in any order; the batcher hears of the end before the sink."""
    heard = Heard()
    call = make_call(3, heard)
    for place in (2, 0):
        assert call.deliver(place, scored(place))
        assert call.accepts
        assert not heard.ends
    assert call.deliver(1, scored(1))
    assert not call.accepts
    assert heard.logits == {0: 0.0, 1: 1.0, 2: 2.0}
    assert heard.ends == ["batcher", "sink"]


def test_rows_of_one_run_are_answered_together() -> None:
    """Those that were answered or dropped before keep what they have; the last rows end it."""
    heard = Heard()
    call = make_call(5, heard)
    call.deliver(3, scored(9))
    call.drop([1])
    call.deliver_scored([0, 1, 3], [0.5, 1.5, 3.5], queue_ns=1, compute_ns=2)
    assert heard.logits == {3: 9.0, 0: 0.5}
    call.deliver_scored([1, 3], [1.5, 3.5], queue_ns=1, compute_ns=2)
    assert not heard.ends
    call.deliver_scored([2, 4], [2.5, 4.5], queue_ns=1, compute_ns=2)
    assert heard.logits == {3: 9.0, 0: 0.5, 2: 2.5, 4: 4.5}
    assert len(heard.ends) == 2


def test_a_second_answer_is_not_accepted() -> None:
    """The first one stands, delivery says so, and the end is told once."""
    heard = Heard()
    call = make_call(2, heard)
    assert call.deliver(0, scored(5))
    assert not call.deliver(0, scored(6))
    assert call.deliver(1, scored(7))
    assert not call.deliver(1, scored(8))
    assert heard.logits == {0: 5.0, 1: 7.0}
    assert len(heard.ends) == 2


def test_a_dropped_row_is_never_answered() -> None:
    """Whoever gave it up hears no more of it; the rest goes on to its end."""
    heard = Heard()
    call = make_call(3, heard)
    call.drop([0, 2])
    call.drop([0])
    assert not call.deliver(0, scored(0))
    assert not heard.ends
    assert call.deliver(1, scored(1))
    assert heard.logits == {1: 1.0}
    call.drop([0, 1, 2])
    assert len(heard.ends) == 2


def test_finishing_answers_what_is_missing() -> None:
    """Rows that have their answer keep it."""
    heard = Heard()
    call = make_call(3, heard)
    call.deliver(1, scored(1))
    call.finish(failed(BackendFailedError("scripted")))
    assert heard.logits == {0: None, 1: 1.0, 2: None}
    call.finish(too_late())
    assert len(heard.ends) == 2


async def test_a_waiter_gets_the_whole_list_in_order() -> None:
    """It is woken once, by the end; one that has left is left alone."""
    done: asyncio.Future[list[RowOutcome]] = asyncio.get_running_loop().create_future()
    waiter = Waiter(2, done)
    waiter.answered(1, scored(1))
    waiter.answered(0, scored(0))
    assert not done.done()
    waiter.ended()
    assert [outcome.logit for outcome in await done] == [0, 1]
    waiter.ended()
