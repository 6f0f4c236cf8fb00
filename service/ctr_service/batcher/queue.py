"""Which rows run next: pure, given what waits, what a run costs and how many slots are free.

The unit is the list. Lists are served by urgency (deadline, or age), and a batch is formed so:

1. The most urgent list of the lane whose turn it is gives the seed, its longest row; the seed's
   bucket is the batch's length.
2. Rows join in order of bucket, longest first, and of urgency within a bucket. They come from the
   most urgent lists only, as many as make up the window (`window.py`): a shallow queue is served
   list by list, a deep one is packed better.
3. A shorter row wastes the tokens that pad it. Rows join until the batch has wasted as much as the
   start of another run costs: in a list sorted by length that is where the sum of padding and
   starts is least, because for n rows spread evenly by c tokens both are (c/2)n and overhead/n.
4. The batch stays under the token budget, and ends once it holds the free slots' even share of
   what waits, so that one list alone uses every slot.

A batch holds one priority, so that no bulk row delays an interactive one by riding along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from ctr_service.batcher.lane import L, Lane
from ctr_service.batcher.window import riding_tokens, window_tokens
from ctr_service.types import Priority

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

AGEING_NS = 1_000_000_000
"""A list that waited so long is served as if its deadline had come: a caller who allows 10 s is
not passed for 10 s by callers who allow 100 ms."""
BULK_SHARE = 0.125
"""Share of the tokens that bulk lists get at least while interactive ones wait too."""


@dataclass(frozen=True, slots=True, eq=False)
class FormedBatch(Generic[L]):
    """Rows to run together.

    Attributes:
        bucket_tokens: the length to pad to.
        queued_tokens: the rows' own buckets in sum; at most `padded_tokens`.
        parts: each list with the places of its rows, in the order of the batch's rows.
    """

    bucket_tokens: int
    queued_tokens: int
    parts: tuple[tuple[L, list[int]], ...]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(len(places) for _, places in self.parts)

    @property
    def padded_tokens(self) -> int:
        """Tokens that the backend computes."""
        return self.rows * self.bucket_tokens


class BatchQueue(Generic[L]):
    """Lists that wait, bounded by tokens. No clock, no I/O; times are given."""

    def __init__(
        self,
        *,
        buckets_tokens: tuple[int, ...],
        max_batch_tokens: int,
        max_queued_tokens: int,
        ageing_ns: int = AGEING_NS,
    ) -> None:
        """Make an empty queue.

        Args:
            buckets_tokens: the lengths to which rows are padded, rising.
            max_batch_tokens: most `rows * bucket` of a batch; holds a row of the largest bucket.
            max_queued_tokens: most tokens that wait at once, rows padded to their buckets.
            ageing_ns: a list that waited so long cannot be passed by a newcomer.

        Raises:
            ValueError: the buckets do not rise, or the budget cannot hold the largest.
        """
        if not buckets_tokens or list(buckets_tokens) != sorted(set(buckets_tokens)):
            raise ValueError("buckets_tokens must rise strictly and hold at least one length")
        if max_batch_tokens < buckets_tokens[-1]:
            raise ValueError("max_batch_tokens must hold one row of the largest bucket")
        self._falling = tuple(reversed(buckets_tokens))
        self._bucket_of = _bucket_by_length(buckets_tokens)
        self._max_batch_tokens = max_batch_tokens
        self._max_queued_tokens = max_queued_tokens
        self._lanes: dict[Priority, Lane[L]] = {p: Lane(ageing_ns) for p in Priority}
        self._interactive = self._lanes[Priority.INTERACTIVE]
        self._bulk = self._lanes[Priority.BULK]
        self._bulk_credit_tokens = 0.0

    @property
    def waiting_rows(self) -> int:
        """Rows that wait."""
        return self._interactive.waiting_rows + self._bulk.waiting_rows

    @property
    def waiting_tokens(self) -> int:
        """Tokens that wait, rows padded to their buckets."""
        return self._interactive.waiting_tokens + self._bulk.waiting_tokens

    @property
    def room_tokens(self) -> int:
        """Tokens that may still be pushed."""
        return self._max_queued_tokens - self.waiting_tokens

    def buckets_of(self, lengths: Sequence[int]) -> list[int]:
        """Return the bucket of each row length.

        Raises:
            ValueError: a row is longer than the largest bucket.
        """
        bucket_of = self._bucket_of
        if lengths and max(lengths) >= len(bucket_of):
            raise ValueError(
                f"a row of {max(lengths)} tokens is longer than the largest bucket, "
                f"{len(bucket_of) - 1} tokens; export the bundle with longer buckets"
            )
        return [bucket_of[length] for length in lengths]

    def push(self, entry: L, buckets: Sequence[int]) -> bool:
        """Add a list, whole, unless it passes the bound.

        Args:
            entry: the list; its rows are known by their places from now on.
            buckets: the bucket of each row; rows of one bucket run in this order.

        Returns:
            False when there is no room; nothing was added then.
        """
        if sum(buckets) > self.room_tokens:
            return False
        if buckets:
            self._lanes[entry.priority].push(entry, buckets)
        return True

    def cancel(self, entry: L) -> int:
        """Take out a list; return how many of its rows waited."""
        return self._lanes[entry.priority].remove(entry)

    def drop(self, entry: L, places: Container[int]) -> int:
        """Take some rows of a list out; return how many of them waited."""
        return self._lanes[entry.priority].drop(entry, places)

    def extend(self, entry: L, deadline_ns: int) -> None:
        """Move a list's deadline to a later time; its urgency stays."""
        self._lanes[entry.priority].extend(entry, deadline_ns)

    def pop_expired(self, now_ns: int) -> list[tuple[L, int]]:
        """Take out every list whose deadline has come; return each with its waiting rows."""
        return [
            (entry, lane.remove(entry))
            for lane in self._lanes.values()
            for entry in lane.expired(now_ns)
        ]

    def tokens_before(
        self, priority: Priority, own_tokens: int, deadline_ns: int, now_ns: int
    ) -> float:
        """Return the tokens that may be served before the last row of a list pushed now.

        They are the more urgent lists', what the other lane gets meanwhile, and, because less
        urgent lists ride along within the window, as much as a window more.

        Args:
            priority: the list's lane.
            own_tokens: the list's own, its rows padded to their buckets.
            deadline_ns: the list's.
            now_ns: the time.
        """
        ahead = self._lanes[priority].tokens_ahead(deadline_ns, now_ns)
        if priority is Priority.BULK:
            others, share = self._interactive.waiting_tokens, 1 - BULK_SHARE
        else:
            others, share = self._bulk.waiting_tokens, BULK_SHARE
        before = ahead + min(others, (ahead + own_tokens) * share / (1 - share))
        return before + riding_tokens(before, self._max_batch_tokens)

    def next_batch(self, *, free_slots: int, overhead_tokens: float) -> FormedBatch[L] | None:
        """Take out the rows to run now; None when nothing waits. Call `pop_expired` before.

        Args:
            free_slots: backend slots that are free, this batch's among them.
            overhead_tokens: what the start of a run costs, in tokens of computing.
        """
        lane = self._lane_in_turn()
        if lane is None:
            return None
        window = lane.most_urgent(
            window_tokens(lane.waiting_tokens, self._max_batch_tokens, overhead_tokens)
        )
        share_tokens = -(-lane.waiting_tokens // free_slots)
        batch = self._fill(lane, window, share_tokens, overhead_tokens)
        self._account(lane, batch.padded_tokens)
        return batch

    def _fill(
        self, lane: Lane[L], window: list[L], share_tokens: int, waste_left: float
    ) -> FormedBatch[L]:
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

    def _lane_in_turn(self) -> Lane[L] | None:
        if not self._bulk:
            return self._interactive or None
        if not self._interactive or self._bulk_credit_tokens >= self._max_batch_tokens:
            return self._bulk
        return self._interactive

    def _account(self, lane: Lane[L], tokens: int) -> None:
        """Bulk earns credit while it waits for others, and pays when it runs before them."""
        if not self._bulk:
            self._bulk_credit_tokens = 0.0
        elif lane is self._interactive:
            self._bulk_credit_tokens += tokens * BULK_SHARE / (1 - BULK_SHARE)
        elif self._interactive:
            self._bulk_credit_tokens -= tokens


def _bucket_by_length(buckets_tokens: tuple[int, ...]) -> list[int]:
    table = [buckets_tokens[0]]
    for bucket in buckets_tokens:
        table += [bucket] * (bucket + 1 - len(table))
    return table
