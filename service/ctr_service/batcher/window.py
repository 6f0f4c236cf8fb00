"""Of what waits, how much a batch may be filled from. Pure.

A batch begins with the most urgent list. Rows of others ride along where their lengths fit, and
what rides before its turn delays whoever is more urgent. So the window of lists that may ride is a
trade: a wide one packs rows of like lengths, a narrow one keeps the order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctr_service.batcher.lane import L, Lane

WINDOW_SHARE = 0.25
MOST_BATCHES = 8
"""A quarter of what waits, but never more than eight full batches. In simulation at 55 % load a
half was 6 % worse in the 99th percentile. A share that grows with the queue's depth ran a saturated
queue 1 to 2 % faster, but at 300 % load 4 to 11 % of the admitted lists came late where 1 % did.
Two batches at most padded 6 % of a saturated queue where eight pad 3 %."""
DEEP = 8
"""A queue of so many lists that are as many batches is deep: past the SLO of 7.5 lists' time, where
list by list has lost what it could give."""
GATHERED_BATCHES = 3
"""So much of a deep queue is packed by length where lists of a shallow one are not mixed. Three
batches give two thirds of what sixteen do (docs/decisions/0031), and delay the most urgent list by
two at most."""
STARTS_WORTH = 10
"""The window holds at least ten times what a start costs, so that a costly start is shared."""


def riding_tokens(waiting_tokens: float, max_batch_tokens: int) -> float:
    """Return the tokens of the most urgent lists that a batch may be filled from.

    Args:
        waiting_tokens: of all lists of the lane.
        max_batch_tokens: of a full batch.
    """
    return min(WINDOW_SHARE * waiting_tokens, MOST_BATCHES * max_batch_tokens)


def window_tokens(waiting_tokens: int, max_batch_tokens: int, overhead_tokens: float) -> int:
    """Return the same, but no less than a costly start is worth.

    Args:
        waiting_tokens: of all lists of the lane.
        max_batch_tokens: of a full batch.
        overhead_tokens: what the start of a run costs, in tokens of computing.
    """
    least = min(STARTS_WORTH * overhead_tokens, MOST_BATCHES * max_batch_tokens)
    return int(max(riding_tokens(waiting_tokens, max_batch_tokens), least))


def is_deep(lane: Lane[L], batch_tokens: float) -> bool:
    """Say whether so much waits that throughput decides who is served in time.

    The most urgent list must have met such a queue itself: only then was it admitted counting on
    riders.

    Args:
        lane: something waits in it.
        batch_tokens: of a usual batch.
    """
    (first, *_) = lane.most_urgent(1)
    enough = len(lane) >= DEEP and lane.waiting_tokens >= DEEP * batch_tokens
    return enough and first.lists_met >= DEEP
