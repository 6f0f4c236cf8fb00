"""Rows on their way through the batcher: each computed once for all who wait for it.

A row on its way belongs to the group of the call in which it is queued. It outlives the request
that began it: a request that leaves only takes itself off, and the row is given up when nobody is
left. It runs to the latest waiter's deadline, and in time for the earliest: a request that is more
urgent than the call in which the row still waits takes the row over into its own.

What is kept for a row is one tuple; who waits beside the request that began it is looked up only
where somebody does.
"""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, TypeAlias

from ctr_service.scores.cache import Score
from ctr_service.types import Priority, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ctr_service.batcher.batcher import Batcher
    from ctr_service.batcher.call import Call, RowOutcome
    from ctr_service.bundle.template import Segments
    from ctr_service.errors import CtrError
    from ctr_service.scores.gather import Gather

    Flight: TypeAlias = tuple["Group", int]
    """A row on its way: the group that computes it, and its place there."""
    Landed: TypeAlias = Callable[[Sequence[Score]], None]
    Failed: TypeAlias = Callable[[Segments, CtrError], None]


class Group:
    """The rows that one call computes; its sink.

    Attributes:
        call: None until it is queued, and when no row of it is left.
        segments: of each place; the keys.
        cut_texts: of each place, the texts that were cut to their token budget.
        beginner: the request that began them; None once it has left.
        rows: of each place, the number of its row in that request.
        joined: place -> other requests that wait, with the number of their row.
    """

    __slots__ = ("_table", "beginner", "call", "cut_texts", "joined", "rows", "segments")

    def __init__(
        self,
        table: Flights,
        segments: Sequence[Segments],
        cut_texts: Sequence[tuple[str, ...]],
        beginner: Gather,
        rows: Sequence[int],
    ) -> None:
        self._table = table
        self.call: Call | None = None
        self.segments = segments
        self.cut_texts = cut_texts
        self.beginner: Gather | None = beginner
        self.rows = rows
        self.joined: dict[int, list[tuple[Gather, int]]] = {}

    def scored(
        self, places: Sequence[int], logits: Sequence[float], *, queue_ns: int, compute_ns: int
    ) -> None:
        """Deliver logits to all who wait for them."""
        self._table.landed(self, places, logits)
        if self.beginner is not None:
            rows = [self.rows[place] for place in places]
            self.beginner.take(rows, logits, queue_ns, compute_ns)
        if self.joined:
            for place, logit in zip(places, logits, strict=True):
                for gather, row in self.joined.pop(place, ()):
                    gather.take((row,), (logit,), queue_ns, compute_ns, Source.COALESCED)

    def answered(self, place: int, outcome: RowOutcome) -> None:
        """Deliver one row, mostly an error."""
        logit, error, queue_ns, compute_ns = outcome
        if logit is not None:
            self.scored((place,), (logit,), queue_ns=queue_ns, compute_ns=compute_ns)
            return
        self._table.forget(self, place)
        if error is None:
            raise ValueError("an outcome without a logit must say why")
        self._table.failed(self.segments[place], error)
        if self.beginner is not None:
            self.beginner.refuse(self.rows[place], error)
        for gather, row in self.joined.pop(place, ()):
            gather.refuse(row, error)

    def ended(self) -> None:
        """Let go of the call, which holds this sink: a ring of two would wait for the collector."""
        self.call = None

    def waiters_of(self, place: int) -> list[tuple[Gather, int]]:
        """Return who waits for a place, with the number of their row."""
        others = self.joined.get(place, [])
        if self.beginner is None:
            return others
        return [(self.beginner, self.rows[place]), *others]


class Flights:
    """All rows on their way through one batcher, by segments. Belongs to one event loop."""

    def __init__(
        self, batcher: Batcher, landed: Landed | None, failed: Failed | None = None
    ) -> None:
        """Make an empty table.

        Args:
            batcher: computes the rows.
            landed: told of the rows of each run that have their logits, whoever waits for them.
            failed: told of each row that came back without, and why.
        """
        self._batcher = batcher
        self._landed = landed
        self._failed = failed
        self._flights: dict[Segments, Flight] = {}
        self.coalesced = 0

    def __len__(self) -> int:
        return len(self._flights)

    def get(self, segments: Segments) -> Flight | None:
        """Return the row's flight, if it is on its way."""
        return self._flights.get(segments)

    def holds_none_of(self, keys: Iterable[Segments]) -> bool:
        """Say whether none of these rows is on its way."""
        return self._flights.keys().isdisjoint(keys)

    def is_late_for(self, flight: Flight, deadline_ns: int, priority: Priority) -> bool:
        """Say whether a row waits in the queue less urgently than a request asks for."""
        group, place = flight
        call = group.call
        if call is None:
            return False
        promotes = call.priority is Priority.BULK and priority is Priority.INTERACTIVE
        hastens = deadline_ns < call.due_ns and call.priority is priority
        return (promotes or hastens) and self._batcher.waits(call, place)

    def join(self, flight: Flight, gather: Gather, row: int) -> None:
        """Let a request wait for a row that is on its way."""
        group, place = flight
        group.joined.setdefault(place, []).append((gather, row))
        gather.missing += 1
        self.coalesced += 1
        if group.call is not None:
            self._batcher.extend(group.call, gather.deadline_ns)

    def take_off(self, group: Group, call: Call) -> None:
        """Register a group whose first rows were queued in `call`.

        A row that was on its way already, but late, is taken over with those who wait for it.
        """
        rows = len(call.rows)
        group.call = call
        group.segments = group.segments[:rows]
        if call.missing == rows and self.holds_none_of(group.segments):
            self._flights.update(zip(group.segments, zip(repeat(group), range(rows)), strict=False))
            return
        latest_ns = call.deadline_ns
        for place, segments in enumerate(group.segments):
            if not call.is_open(place):
                continue  # it landed while it was queued: its deadline had come
            old = self._flights.get(segments)
            self._flights[segments] = (group, place)
            if old is None:
                continue
            old_group, old_place = old
            if old_group.call is None or not self._batcher.take_back(old_group.call, old_place):
                continue  # it runs already, and lands for its own waiters
            waiters = old_group.waiters_of(old_place)
            group.joined.setdefault(place, []).extend(waiters)
            latest_ns = max([latest_ns, *(gather.deadline_ns for gather, _ in waiters)])
        self._batcher.extend(call, latest_ns)

    def leave(self, gather: Gather, own: Group | None, joined: Iterable[Flight]) -> None:
        """Take a request off its rows; those that nobody waits for are given up.

        Args:
            gather: the request.
            own: the group that it began, if any.
            joined: rows of other groups that it waits for.
        """
        given_up: dict[Group, list[int]] = {}
        if own is not None:
            own.beginner = None
            given_up[own] = [p for p in range(len(own.segments)) if p not in own.joined]
        mine = [(own, place) for place in range(len(own.segments))] if own is not None else []
        for group, place in (*mine, *joined):
            self._take_off_one(gather, group, place, given_up)
            # A row that was taken over since waits in another group, under the same key.
            flight = self._flights.get(group.segments[place])
            if flight is not None and flight[0] is not group:
                self._take_off_one(gather, *flight, given_up)
        for group, places in given_up.items():
            for place in places:
                self.forget(group, place)
            if group.call is not None:
                self._batcher.withdraw(group.call, places)

    @staticmethod
    def _take_off_one(
        gather: Gather, group: Group, place: int, given_up: dict[Group, list[int]]
    ) -> None:
        waiting = group.joined.get(place)
        if waiting is None:
            return
        waiting[:] = [waiter for waiter in waiting if waiter[0] is not gather]
        if not waiting:
            del group.joined[place]
            if group.beginner is None:
                given_up.setdefault(group, []).append(place)

    def landed(self, group: Group, places: Sequence[int], logits: Sequence[float]) -> None:
        """Forget rows that have their logits, and tell whoever keeps them."""
        table, segments = self._flights, group.segments
        for place in places:
            # A key is hashed text by text: once, not twice.
            flight = table.pop(segments[place], None)
            if flight is not None and flight[0] is not group:
                table[segments[place]] = flight
        if self._landed is not None:
            cut_texts = group.cut_texts
            self._landed(
                [
                    Score(segments[place], logit, cut_texts[place])
                    for place, logit in zip(places, logits, strict=True)
                ]
            )

    def failed(self, segments: Segments, error: CtrError) -> None:
        """Tell whoever keeps them that a row came back without its logit."""
        if self._failed is not None:
            self._failed(segments, error)

    def forget(self, group: Group, place: int) -> None:
        """Take a row out of the table, unless another group has taken it over."""
        flight = self._flights.get(group.segments[place])
        if flight is not None and flight[0] is group:
            del self._flights[group.segments[place]]
