"""Of what waits, how much a batch may be filled from. Pure.

A batch begins with the most urgent list. Rows of others ride along where their lengths fit, and
what rides before its turn delays whoever is more urgent. So the window of lists that may ride is a
trade: a wide one packs rows of like lengths, a narrow one keeps the order.
"""

from __future__ import annotations

WINDOW_SHARE = 0.25
MOST_BATCHES = 8
"""A quarter of what waits, but never more than eight full batches. In simulation at 55 % load a
half was 6 % worse in the 99th percentile. A share that grows with the queue's depth ran a saturated
queue 1 to 2 % faster, but at 300 % load 4 to 11 % of the admitted lists came late where 1 % did.
Two batches at most padded 6 % of a saturated queue where eight pad 3 %."""
DEEP = 8
"""A queue of so many lists that are as many batches is deep: past the SLO of 7.5 lists' time, where
list by list has lost what it could give."""
RIDER_BATCHES = 2
"""Beside the most urgent list's own a deep queue has so many batches' rows packed by length, where
lists of a shallow one are not mixed. Three batches' rows give two thirds of what sixteen's do
(docs/decisions/0031)."""
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


def deep_rider_tokens(lists: int, waiting_tokens: int) -> float:
    """Return the tokens of less urgent lists that may ride before a list ends, by what it meets.

    A list that meets a shallow queue is served alone, however deep the queue becomes behind it: it
    was admitted counting on that.

    Args:
        lists: that wait in its lane when it comes.
        waiting_tokens: theirs.
    """
    return WINDOW_SHARE * waiting_tokens if lists >= DEEP else 0.0
