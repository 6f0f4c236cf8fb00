"""Rows on their way through the batcher: each computed once for all who wait for it.

A flight belongs to the call in which its row is queued. It outlives the request that began it: a
request that leaves only takes itself off the flight, and the row is given up when nobody is left.
It runs to the latest waiter's deadline, and in time for the earliest: a request that is more urgent
than the call in which the row still waits takes the row over into its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.types import Priority, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctr_service.batcher.batcher import Batcher
    from ctr_service.batcher.call import Call, RowOutcome
    from ctr_service.bundle.template import Segments
    from ctr_service.scores.gather import Gather


class Flight:
    """One row that is computed.

    Attributes:
        segments: what the model sees of it; the key.
        cut_texts: its texts that were cut to their token budget.
        call, place: where it is queued or runs; None until it is admitted.
        waiters: requests with the number of their row, the first one began it.
    """

    __slots__ = ("call", "cut_texts", "place", "segments", "waiters")

    def __init__(self, segments: Segments, cut_texts: tuple[str, ...], place: int) -> None:
        self.segments = segments
        self.cut_texts = cut_texts
        self.place = place
        self.call: Call | None = None
        self.waiters: list[tuple[Gather, int]] = []


class Flights:
    """All flights of one model, by segments. Belongs to one event loop."""

    def __init__(self, batcher: Batcher, landed: Callable[[Flight, float], None] | None) -> None:
        """Make an empty table.

        Args:
            batcher: computes the rows.
            landed: told of each logit, whoever still waits for it; None for nobody.
        """
        self._batcher = batcher
        self._landed = landed
        self._flights: dict[Segments, Flight] = {}
        self.coalesced = 0

    def __len__(self) -> int:
        return len(self._flights)

    def get(self, segments: Segments) -> Flight | None:
        """Return the flight of a row, if it is on its way."""
        return self._flights.get(segments)

    def is_late_for(self, flight: Flight, deadline_ns: int, priority: Priority) -> bool:
        """Say whether a flight waits in the queue less urgently than a request asks for."""
        call = flight.call
        if call is None:
            return False
        promotes = call.priority is Priority.BULK and priority is Priority.INTERACTIVE
        hastens = deadline_ns < call.due_ns and call.priority is priority
        return (promotes or hastens) and self._batcher.waits(call, flight.place)

    def join(self, flight: Flight, gather: Gather, row: int) -> None:
        """Let a request wait for a row that is on its way."""
        flight.waiters.append((gather, row))
        gather.expect()
        self.coalesced += 1
        if flight.call is not None:
            self._batcher.extend(flight.call, gather.deadline_ns)

    def board(self, flights: Sequence[Flight], gather: Gather, rows: Sequence[int]) -> _Landing:
        """Register flights that are about to be queued in one call, and return the call's sink.

        Args:
            flights: by place in the call. One whose row is on its way already will replace it.
            gather: the request that begins them.
            rows: the number of each one's row in the request.
        """
        for flight, row in zip(flights, rows, strict=True):
            flight.waiters.append((gather, row))
        gather.missing += len(flights)
        return _Landing(self, flights)

    def take_off(self, flights: Sequence[Flight], call: Call) -> None:
        """Say in which call the flights are; take over the waiters of those they replace."""
        latest_ns = call.deadline_ns
        for flight in flights:
            if not flight.waiters:
                continue  # it landed while it was queued: its deadline had come
            flight.call = call
            old = self._flights.get(flight.segments)
            self._flights[flight.segments] = flight
            if old is None or old.call is None or not self._batcher.take_back(old.call, old.place):
                continue  # one that runs already lands for its own waiters
            flight.waiters.extend(old.waiters)
            latest_ns = max(latest_ns, *(gather.deadline_ns for gather, _ in old.waiters))
        self._batcher.extend(call, latest_ns)

    def leave(self, gather: Gather, flights: Sequence[Flight]) -> None:
        """Take a request off its flights; rows that nobody waits for are given up."""
        given_up: dict[Call, list[int]] = {}
        for flight in flights:
            kept = [waiter for waiter in flight.waiters if waiter[0] is not gather]
            if len(kept) == len(flight.waiters):
                continue
            flight.waiters = kept
            if not kept and flight.call is not None:
                given_up.setdefault(flight.call, []).append(flight.place)
                self._forget(flight)
        for call, places in given_up.items():
            self._batcher.withdraw(call, places)

    def land(self, flight: Flight, outcome: RowOutcome) -> None:
        """Deliver a flight's outcome to all who wait for it."""
        table, segments = self._flights, flight.segments
        if table.get(segments) is flight:
            del table[segments]
        if outcome.logit is not None and self._landed is not None:
            self._landed(flight, outcome.logit)
        waiters, flight.waiters = flight.waiters, []
        source = Source.MODEL
        for gather, row in waiters:
            gather.answer(row, outcome, source)
            source = Source.COALESCED

    def _forget(self, flight: Flight) -> None:
        if self._flights.get(flight.segments) is flight:
            del self._flights[flight.segments]


class _Landing:
    """The sink of one call: places -> flights."""

    __slots__ = ("_flights", "_table")

    def __init__(self, table: Flights, flights: Sequence[Flight]) -> None:
        self._table = table
        self._flights = flights

    def answered(self, place: int, outcome: RowOutcome) -> None:
        """Deliver one row."""
        self._table.land(self._flights[place], outcome)

    def ended(self) -> None:
        """Nothing is left to do."""
