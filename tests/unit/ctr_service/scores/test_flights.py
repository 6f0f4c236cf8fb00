"""Claims of `ctr_service.scores.flights` that no order of requests shows by itself."""

from __future__ import annotations

import numpy as np

from ctr_service.backend.scripted import ScriptedBackend
from ctr_service.batcher.call import Call
from ctr_service.clock import ManualClock
from ctr_service.scores.flights import Flights, Group
from ctr_service.scores.gather import Gather
from ctr_service.types import Priority, Row
from tests.support.batching import make_batcher

KEY = ("q", "title")


def test_a_row_that_lands_leaves_its_successor_on_its_way() -> None:
    """A row ran when a more urgent request took it over: the second run is still to be joined."""
    clock = ManualClock()
    flights = Flights(make_batcher(ScriptedBackend(slots=1, clock=clock), clock), None)

    def begin(deadline_ns: int) -> Group:
        group = Group(flights, [KEY], [()], Gather(1, deadline_ns=deadline_ns, clock=clock), [0])
        call = Call(
            [Row.of(np.ones(2, dtype=np.int32), 1)],
            deadline_ns=deadline_ns,
            enqueued_ns=0,
            priority=Priority.INTERACTIVE,
            sink=group,
            left=lambda _: None,
        )
        flights.take_off(group, call)
        return group

    patient, hurried = begin(200), begin(100)  # neither waits in the queue: both run
    flights.landed(patient, (0,), (1.0,))
    assert flights.get(KEY) == (hurried, 0)
    flights.landed(hurried, (0,), (1.0,))
    assert flights.get(KEY) is None
    assert not len(flights)
