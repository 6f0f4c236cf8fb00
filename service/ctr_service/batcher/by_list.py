"""Packing for graphs that skip their padding: list by list, in as many parts as there are slots.

Rows of any lengths cost about what they cost alone, so nothing is gained by mixing lists, and much
is lost: a list whose batch-mates are others' rows ends later than it need. At 58 % load, in
simulated time, the 99th percentile was 1.05 of the SLO where batches filled up from other lists
gave 1.15, and packing by lengths on a graph that computes its padding 1.43.

1. A batch's target is the most urgent list's even share for every slot, busy ones too: a slot that
   frees later takes the rest. It is more where that would make too many starts: four times what a
   start costs, and a quarter of what waits, because in a deep queue throughput is what is short.
   Where the token budget is less than the share, the list is cut evenly into more parts. Cut at the
   budget itself it left a last row or two, a run of their own for which the whole list waited:
   at half load the median list took 1.3 times as long.
2. Lists come in order of urgency, the longest rows of each first. Another list rides along only
   while less than half of the target is reached.
3. Attention is computed on the padded rows, so a short row beside a long one wastes some. Rows join
   until the batch has wasted as much as the start of another run costs.
4. A deep queue is packed by length all the same: the batch begins with the most urgent list's
   longest rows and takes rows of like lengths from a few lists. Less is wasted so, and in a deep
   queue throughput decides who is served in time (docs/decisions/0031).
5. The batch stays under the token budget, and no free slot waits for it: it ends at the free slots'
   even share of what waits. The budget counts the rows' own tokens, which are what is computed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Generic

from ctr_service.batcher.formed import FormedBatch
from ctr_service.batcher.lane import L
from ctr_service.batcher.window import DEEP, RIDER_BATCHES, deep_rider_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.batcher.lane import Lane, QueuedList
    from ctr_service.batcher.packing import Price, Slots

STARTS_WORTH = 4
"""A batch holds at least four times what a start costs, where as much waits: starts take less than
a fifth then. Ten put a usual list into one slot's batch while the other was about to be free, on an
engine whose start costs 45 tokens: at half load p99 was a quarter higher (docs/decisions/0029)."""
DEPTH_STARTS = 3.0
"""A batch of B tokens costs a queue of W tokens start * W / B in starts, and whom it serves B / 2
in riders; the sum is least at sqrt(2 * start * W), the economic order quantity (Harris, 1913). With
3 in place of 2 p99 at half load is the same, and a saturated engine does 1 % more. A quarter of W,
as it was, mixes lists where a start is next to nothing (docs/decisions/0030)."""
ENOUGH = 0.5
"""Share of its target from which a batch is not filled from the next list."""


class ListPacking:
    """Implements `Packing`."""

    def __init__(self, max_batch_tokens: int) -> None:
        """Take the most tokens of a batch, each row's counted by its bucket."""
        self._max_batch_tokens = max_batch_tokens

    def fill(self, lane: Lane[L], slots: Slots, price: Price) -> FormedBatch[L]:
        """Take rows list by list. See `Packing.fill`."""
        target = self._target_tokens(lane, slots, price)
        filling: _Filling[L] = _Filling(self._max_batch_tokens, price)
        if window := _window(lane, target):
            _fill_by_length(filling, window, lane, target)
            return filling.formed()
        for entry in lane.most_urgent(int(target)):
            if filling.has_room_for(entry, target):
                filling.add_list(entry, lane)
            else:
                self._add_part(filling, entry, lane, target)
            if filling.queued_tokens >= ENOUGH * target:
                break
        return filling.formed()

    @staticmethod
    def _add_part(filling: _Filling[L], entry: L, lane: Lane[L], target: float) -> None:
        for bucket in sorted(entry.places, reverse=True):
            filling.add_up_to(target, entry, bucket, lane)

    def riding_tokens(self, lane: Lane[L], waiting_tokens: float, price: Price) -> float:
        """Return what may be served before a list ends. See `Packing.riding_tokens`."""
        riding = min(waiting_tokens, _deep_tokens(waiting_tokens, price), self._max_batch_tokens)
        riders = deep_rider_tokens(len(lane), lane.waiting_tokens)
        return riding + min(riders, RIDER_BATCHES * self._max_batch_tokens)

    def _target_tokens(self, lane: Lane[L], slots: Slots, price: Price) -> float:
        (first, *_) = lane.most_urgent(1)
        target = max(
            self._even_share(first, slots),
            STARTS_WORTH * price.start_tokens,
            _deep_tokens(lane.waiting_tokens - first.waiting_tokens, price),
        )
        return max(1.0, min(target, lane.waiting_tokens / slots.free, self._max_batch_tokens))

    def _even_share(self, entry: QueuedList, slots: Slots) -> float:
        """Return the tokens of one of a list's even parts, as few as slots and budget allow."""
        share = entry.whole_tokens / slots.all
        # A part may end by most of a row over its share, and must be within the budget then.
        room = max(1, self._max_batch_tokens - max(entry.places))
        return share / math.ceil(share / room)


def _deep_tokens(others_tokens: float, price: Price) -> float:
    """Return the tokens of a batch that suit a queue; what waits beside its list is what rides."""
    return math.sqrt(DEPTH_STARTS * price.start_tokens * others_tokens)


def _window(lane: Lane[L], target: float) -> list[L]:
    """Return the lists that a batch is packed from by length; none where the queue is shallow."""
    if len(lane) < DEEP or lane.waiting_tokens < DEEP * target:
        return []
    (first, *_) = lane.most_urgent(1)
    if not first.rider_tokens:
        return []
    riders = min(first.rider_tokens, RIDER_BATCHES * target)
    return lane.most_urgent(int(first.waiting_tokens + riders))


def _fill_by_length(
    filling: _Filling[L], window: Sequence[L], lane: Lane[L], target: float
) -> None:
    """Take rows as long as the most urgent list's longest, then shorter ones, of all lists."""
    longest = max(window[0].places)
    for bucket in sorted({bucket for entry in window for bucket in entry.places}, reverse=True):
        if bucket > longest:
            continue
        for entry in window:
            if bucket in entry.places:
                filling.add_up_to(target, entry, bucket, lane)
        if filling.queued_tokens >= target:
            return


class _Filling(Generic[L]):
    """A batch being filled: its rows, and what attention wastes on their padding."""

    def __init__(self, max_batch_tokens: int, price: Price) -> None:
        self._max_batch_tokens = max_batch_tokens
        self._price = price
        self._rows = 0
        self._squares = 0
        self.longest = 0
        self.queued_tokens = 0
        self.parts: dict[L, list[int]] = {}

    def has_room_for(self, entry: L, target: float) -> bool:
        """Say whether a list may join whole: what its rows one by one come to, decided at once."""
        tokens = self.queued_tokens + entry.waiting_tokens
        if tokens > min(target, self._max_batch_tokens):
            return False
        square = self._price.square_tokens
        if not square:
            return True
        longest = max(self.longest, *entry.places)
        rows, squares = self._with_rows_of(entry)
        return square * (rows * longest**2 - squares) <= self._price.start_tokens

    def add_list(self, entry: L, lane: Lane[L]) -> None:
        """Take a whole list in."""
        self._rows, self._squares = self._with_rows_of(entry)
        self.queued_tokens += entry.waiting_tokens
        self.longest = max(self.longest, *entry.places)
        self.parts[entry] = lane.take_all(entry)

    def _with_rows_of(self, entry: L) -> tuple[int, int]:
        places = entry.places.items()
        return (
            self._rows + entry.waiting_rows,
            self._squares + sum([len(rows) * bucket**2 for bucket, rows in places]),
        )

    def most_rows(self, bucket: int) -> int:
        """Return how many rows of a bucket may join."""
        room = (self._max_batch_tokens - self.queued_tokens) // bucket
        square = self._price.square_tokens
        if not self._rows or not square:
            return room  # the seed's own kind pads nothing; nor does padding cost without squares
        longest = max(self.longest, bucket)
        # What those here waste once the batch is as long as the newcomers.
        waste = square * (self._rows * longest**2 - self._squares)
        left = self._price.start_tokens - waste
        each = square * (longest**2 - bucket**2)
        if left < each:
            return 0
        return int(min(room, left / each)) if each else room

    def add_up_to(self, target: float, entry: L, bucket: int, lane: Lane[L]) -> None:
        """Take a list's rows of one bucket in, as long as the batch is short of its target."""
        short = -(-int(target - self.queued_tokens) // bucket)
        if (most := min(len(entry.places[bucket]), short, self.most_rows(bucket))) > 0:
            self.add(entry, bucket, lane.take(entry, bucket, most))

    def formed(self) -> FormedBatch[L]:
        """Return the batch."""
        return FormedBatch(self.longest, self.queued_tokens, tuple(self.parts.items()))

    def add(self, entry: L, bucket: int, places: list[int]) -> None:
        """Take rows of a list in. One part a list, for a part is delivered by a call of its own."""
        rows, tokens = len(places), len(places) * bucket
        self.parts.setdefault(entry, []).extend(places)
        self._rows += rows
        self._squares += tokens * bucket
        self.queued_tokens += tokens
        self.longest = max(self.longest, bucket)
