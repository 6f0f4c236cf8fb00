"""The lists of one priority that wait, in the order in which they are served."""

from __future__ import annotations

import bisect
import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from ctr_service.batcher.window import deep_rider_tokens

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from ctr_service.types import Priority


@dataclass(slots=True, eq=False)
class QueuedList:
    """The rows of one request that wait; the queue's unit, for a list is admitted and served whole.

    A row is its place in the request's list of rows; the queue never sees its tokens.

    Attributes:
        deadline_ns: absolute; from then on its rows are not worth running. May be moved, later
            only, by `BatchQueue.extend`; the order in which it is served stays.
        enqueued_ns: when it was admitted.
        priority: which lane it waits in.
        places: bucket in tokens -> places of the rows that wait, the last one to run first. Owned
            by the queue.
        whole_tokens: of all rows that it was pushed with, each padded to its bucket.
        rider_tokens: of less urgent lists that may be served before it ends, as it was admitted.
    """

    deadline_ns: int
    enqueued_ns: int
    priority: Priority
    places: dict[int, list[int]] = field(default_factory=dict, init=False)
    whole_tokens: int = field(default=0, init=False)
    rider_tokens: float = field(default=0.0, init=False)
    sequence: int = field(default=-1, init=False)
    due_ns: int = field(init=False)

    def __post_init__(self) -> None:
        """Remember the first deadline, which its urgency goes by."""
        self.due_ns = self.deadline_ns

    @property
    def waiting_rows(self) -> int:
        """Rows that wait."""
        return sum(map(len, self.places.values()))

    @property
    def waiting_tokens(self) -> int:
        """Their tokens, each row padded to its bucket."""
        return sum(bucket * len(places) for bucket, places in self.places.items())


L = TypeVar("L", bound=QueuedList)


class Lane(Generic[L]):
    """Waiting lists by urgency: the deadline, or the time at which a list has aged if sooner.

    The urgency of a list never changes, so that once it has aged no newcomer can pass it. The lists
    stand in two sorted arrays (by urgency, by deadline): a binary search and a memory move of a few
    kilobytes a list, and reading the first few in order costs nothing, which a heap cannot offer.
    """

    def __init__(self, ageing_ns: int) -> None:
        self._ageing_ns = ageing_ns
        self._by_urgency: list[tuple[int, int, L]] = []
        self._by_deadline: list[tuple[int, int, L]] = []
        self._sequences = itertools.count()
        self.waiting_rows = 0
        self.waiting_tokens = 0

    def __len__(self) -> int:
        return len(self._by_urgency)

    def push(self, entry: L, buckets: Sequence[int]) -> None:
        """Add a list whose i-th row is padded to `buckets[i]` tokens; rows run in that order."""
        entry.sequence = next(self._sequences)
        places: defaultdict[int, list[int]] = defaultdict(list)
        for place in range(len(buckets) - 1, -1, -1):
            places[buckets[place]].append(place)
        entry.places.update(places)
        entry.whole_tokens = sum(buckets)
        entry.rider_tokens = deep_rider_tokens(len(self), self.waiting_tokens)
        self.waiting_rows += len(buckets)
        self.waiting_tokens += entry.whole_tokens
        bisect.insort(self._by_urgency, (self._urgency(entry), entry.sequence, entry))
        bisect.insort(self._by_deadline, (entry.deadline_ns, entry.sequence, entry))

    def remove(self, entry: L) -> int:
        """Take out a list with all its rows; return how many waited, 0 when none did."""
        rows = entry.waiting_rows
        if rows:
            self.waiting_rows -= rows
            self.waiting_tokens -= entry.waiting_tokens
            entry.places.clear()
            self._forget(entry)
        return rows

    def drop(self, entry: L, places: Container[int]) -> int:
        """Take some rows out of a list; return how many of them waited."""
        dropped = 0
        for bucket, waiting in list(entry.places.items()):
            kept = [place for place in waiting if place not in places]
            gone = len(waiting) - len(kept)
            dropped += gone
            self.waiting_tokens -= bucket * gone
            if kept:
                entry.places[bucket] = kept
            else:
                del entry.places[bucket]
        self.waiting_rows -= dropped
        if dropped and not entry.places:
            self._forget(entry)
        return dropped

    def extend(self, entry: L, deadline_ns: int) -> None:
        """Move a list's deadline to a later time; its urgency stays."""
        if entry.places:
            order = self._by_deadline
            del order[bisect.bisect_left(order, (entry.deadline_ns, entry.sequence))]
            bisect.insort(order, (deadline_ns, entry.sequence, entry))
        entry.deadline_ns = deadline_ns

    def take(self, entry: L, bucket: int, rows: int) -> list[int]:
        """Take the first `rows` waiting rows of one bucket out of a list; return their places."""
        places = entry.places[bucket]
        taken = places[-rows:]
        taken.reverse()
        del places[-rows:]
        if not places:
            del entry.places[bucket]
            if not entry.places:
                self._forget(entry)
        self.waiting_rows -= len(taken)
        self.waiting_tokens -= bucket * len(taken)
        return taken

    def take_all(self, entry: L) -> list[int]:
        """Take every waiting row out of a list; return their places, the longest rows first.

        The same rows in the same order as by `take`, bucket by bucket.
        """
        self.waiting_rows -= entry.waiting_rows
        self.waiting_tokens -= entry.waiting_tokens
        taken: list[int] = []
        for bucket in sorted(entry.places, reverse=True):
            taken += reversed(entry.places[bucket])
        entry.places.clear()
        self._forget(entry)
        return taken

    def most_urgent(self, tokens: int) -> list[L]:
        """Return lists in order of urgency until they hold `tokens` tokens; at least one."""
        found: list[L] = []
        held = 0
        for _, _, entry in self._by_urgency:
            found.append(entry)
            held += entry.waiting_tokens
            if held >= tokens:
                break
        return found

    def expired(self, now_ns: int) -> Iterator[L]:
        """Yield the lists whose deadline has come; each must be removed before the next."""
        while self._by_deadline and self._by_deadline[0][0] <= now_ns:
            yield self._by_deadline[0][2]

    def tokens_ahead(self, deadline_ns: int, now_ns: int) -> int:
        """Return the tokens that would be served before a list that is pushed now."""
        urgency = min(deadline_ns, now_ns + self._ageing_ns)
        index = bisect.bisect_left(self._by_urgency, (urgency + 1,))
        if 2 * index < len(self._by_urgency):
            return sum(entry.waiting_tokens for _, _, entry in self._by_urgency[:index])
        behind = sum(entry.waiting_tokens for _, _, entry in self._by_urgency[index:])
        return self.waiting_tokens - behind

    def _urgency(self, entry: L) -> int:
        return min(entry.due_ns, entry.enqueued_ns + self._ageing_ns)

    def _forget(self, entry: L) -> None:
        for order, key in (
            (self._by_urgency, self._urgency(entry)),
            (self._by_deadline, entry.deadline_ns),
        ):
            del order[bisect.bisect_left(order, (key, entry.sequence))]
