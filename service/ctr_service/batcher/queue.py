"""Which rows run next: pure, given what waits, what a run costs and how many slots are free.

The unit is the list. Lists are served by urgency (deadline, or age); how a batch is filled from
them is the packing's (`packing.py`). A batch holds one priority, so that no bulk row delays an
interactive one by riding along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic

from ctr_service.batcher.lane import L, Lane
from ctr_service.types import Priority

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from ctr_service.batcher.formed import FormedBatch
    from ctr_service.batcher.packing import Packing, Price, Slots

AGEING_NS = 1_000_000_000
"""A list that waited so long is served as if its deadline had come: a caller who allows 10 s is
not passed for 10 s by callers who allow 100 ms."""
BULK_SHARE = 0.125
"""Share of the tokens that bulk lists get at least while interactive ones wait too."""


class BatchQueue(Generic[L]):
    """Lists that wait, bounded by tokens. No clock, no I/O; times are given."""

    def __init__(
        self,
        *,
        buckets_tokens: tuple[int, ...],
        max_batch_tokens: int,
        max_queued_tokens: int,
        packing: Packing,
        ageing_ns: int = AGEING_NS,
    ) -> None:
        """Make an empty queue.

        Args:
            buckets_tokens: the lengths to which rows are padded, rising.
            max_batch_tokens: most `rows * bucket` of a batch; holds a row of the largest bucket.
            max_queued_tokens: most tokens that wait at once, rows padded to their buckets.
            packing: fills batches, of the same budget.
            ageing_ns: a list that waited so long cannot be passed by a newcomer.

        Raises:
            ValueError: the buckets do not rise, or the budget cannot hold the largest.
        """
        if not buckets_tokens or list(buckets_tokens) != sorted(set(buckets_tokens)):
            raise ValueError("buckets_tokens must rise strictly and hold at least one length")
        if max_batch_tokens < buckets_tokens[-1]:
            raise ValueError("max_batch_tokens must hold one row of the largest bucket")
        self._bucket_of = _bucket_by_length(buckets_tokens)
        self._max_batch_tokens = max_batch_tokens
        self._max_queued_tokens = max_queued_tokens
        self._packing = packing
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
        self, priority: Priority, own_tokens: int, deadline_ns: int, now_ns: int, price: Price
    ) -> float:
        """Return the tokens that may be served before the last row of a list pushed now.

        They are the more urgent lists', what the other lane gets meanwhile, and what of less urgent
        lists rides along.

        Args:
            priority: the list's lane.
            own_tokens: the list's own, its rows padded to their buckets.
            deadline_ns: the list's.
            now_ns: the time.
            price: what a run costs beside its tokens.
        """
        ahead = self._lanes[priority].tokens_ahead(deadline_ns, now_ns)
        if priority is Priority.BULK:
            others, share = self._interactive.waiting_tokens, 1 - BULK_SHARE
        else:
            others, share = self._bulk.waiting_tokens, BULK_SHARE
        before = ahead + min(others, (ahead + own_tokens) * share / (1 - share))
        return before + self._packing.riding_tokens(self._lanes[priority], before, price)

    def next_batch(self, slots: Slots, price: Price) -> FormedBatch[L] | None:
        """Take out the rows to run now; None when nothing waits. Call `pop_expired` before.

        Args:
            slots: of the backend; at least one is free.
            price: what a run costs beside its tokens.
        """
        lane = self._lane_in_turn()
        if lane is None:
            return None
        batch = self._packing.fill(lane, slots, price)
        self._account(lane, batch.padded_tokens)
        return batch

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
