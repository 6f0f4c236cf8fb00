"""Packing for graphs that compute their padding: rows of like lengths, across lists.

1. The most urgent list gives the seed, its longest row; the seed's bucket is the batch's length.
2. Rows join in order of bucket, longest first, and of urgency within a bucket. They come from the
   most urgent lists only, as many as make up the window (`window.py`): a shallow queue is served
   list by list, a deep one is packed better.
3. A shorter row wastes the tokens that pad it. Rows join until the batch has wasted as much as the
   start of another run costs: in a list sorted by length that is where the sum of padding and
   starts is least, because for n rows spread evenly by c tokens both are (c/2)n and overhead/n.
4. The batch stays under the token budget, and ends once it holds the free slots' even share of
   what waits, so that one list alone uses every slot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.batcher.formed import FormedBatch
from ctr_service.batcher.window import riding_tokens, window_tokens

if TYPE_CHECKING:
    from ctr_service.batcher.lane import L, Lane
    from ctr_service.batcher.packing import Price, Slots


class LengthPacking:
    """Implements `Packing`."""

    def __init__(self, buckets_tokens: tuple[int, ...], max_batch_tokens: int) -> None:
        """Take the lengths to pad to, rising, and the most `rows * bucket` of a batch."""
        self._falling = tuple(reversed(buckets_tokens))
        self._max_batch_tokens = max_batch_tokens

    def fill(self, lane: Lane[L], slots: Slots, price: Price) -> FormedBatch[L]:
        """Take rows of like lengths. See `Packing.fill`."""
        window = lane.most_urgent(
            window_tokens(lane.waiting_tokens, self._max_batch_tokens, price.start_tokens)
        )
        share_tokens = -(-lane.waiting_tokens // slots.free)
        waste_left = price.start_tokens
        longest = max(window[0].places)
        rows_left = self._max_batch_tokens // longest
        queued_tokens = 0
        parts: dict[L, list[int]] = {}
        for bucket in self._falling[self._falling.index(longest) :]:
            for entry in window:
                most = min(
                    len(entry.places.get(bucket, ())),
                    rows_left,
                    -(-(share_tokens - queued_tokens) // bucket),
                )
                if bucket < longest:
                    most = min(most, int(waste_left // (longest - bucket)))
                if most > 0:
                    # One part a list, for a part is delivered by a call of its own.
                    parts.setdefault(entry, []).extend(lane.take(entry, bucket, most))
                    rows_left -= most
                    queued_tokens += most * bucket
                    waste_left -= most * (longest - bucket)
            if not rows_left or queued_tokens >= share_tokens or waste_left < longest - bucket:
                break
        return FormedBatch(longest, queued_tokens, tuple(parts.items()))

    def riding_tokens(self, lane: Lane[L], waiting_tokens: float, price: Price) -> float:  # noqa: ARG002 -- the window's share goes by tokens alone
        """Return the window's riders. See `Packing.riding_tokens`."""
        return riding_tokens(waiting_tokens, self._max_batch_tokens)
