"""Whether a list can finish before its deadline: pure, given the load and the costs.

Never queue what cannot finish. A list that an idle server would finish in time is admitted whole or
refused whole: under overload half of the callers get full answers, instead of all of them half
ones, and a refused caller may try another server. A list too long for its deadline even on an idle
server is shrunk to its first rows, the best-ranked ones. Admitting a list whole asks for the cost
model's margin; shrinking does not, for a row too many is only late.
"""

from __future__ import annotations

import bisect
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.batcher.cost import CostModel

MIN_SHARE = 0.5
"""A list that is shrunk keeps at least this share of what an idle server would do; else it is
refused."""
MIN_RETRY_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """What stands before a list that arrives now.

    Attributes:
        tokens_before: waiting tokens that may be served before its last row.
        running_seconds: what is left of the running batches, summed over slots.
        slots: the backend's slots.
        idle: a slot is free and nothing waits.
    """

    tokens_before: float
    running_seconds: float
    slots: int
    idle: bool


@dataclass(frozen=True, slots=True)
class Admission:
    """The decision: queue the first `rows` rows; with 0, refuse.

    Attributes:
        retry_after_ns: when refused, how long until the same list would fit, if nothing else came.
    """

    rows: int
    retry_after_ns: int = 0


def decide(buckets: Sequence[int], slack_ns: int, load: Load, cost: CostModel) -> Admission:
    """Say how many rows of a list to queue.

    Args:
        buckets: the bucket of each row, best-ranked first; at least one.
        slack_ns: time until the list's deadline.
        load: what stands before it.
        cost: what tokens cost. While it knows nothing they cost nothing: everything is admitted.

    Returns:
        All rows, the first ones, or none. An idle server always gets at least a row a slot: a cost
        learnt too high could never be unlearnt otherwise.
    """
    sums = list(itertools.accumulate(buckets))
    slack = slack_ns / 1e9
    waited = (load.running_seconds + cost.drain_seconds(load.tokens_before)) / load.slots
    surely = cost.seconds_within(slack)
    if _rows_that_fit(sums, surely - waited, load.slots, cost) == len(buckets):
        return Admission(len(buckets))
    fits_idle = _rows_that_fit(sums, slack, load.slots, cost)
    if load.idle:
        return Admission(max(fits_idle, min(load.slots, len(buckets))))
    fits = _rows_that_fit(sums, slack - waited, load.slots, cost)
    if fits_idle < len(buckets) and fits and fits >= MIN_SHARE * fits_idle:
        return Admission(fits)
    spare = surely - cost.drain_seconds(sums[-1]) / load.slots
    retry_after_ns = round((waited - max(0.0, spare)) * 1e9)
    return Admission(0, retry_after_ns=max(MIN_RETRY_NS, retry_after_ns))


def _rows_that_fit(sums: Sequence[int], seconds: float, slots: int, cost: CostModel) -> int:
    """Count the first rows that end within `seconds` when all slots work on them at once."""
    if seconds < cost.run_seconds(sums[0], 1):
        return 0
    token_seconds = cost.drain_seconds(1)
    return (
        bisect.bisect_right(sums, seconds * slots / token_seconds) if token_seconds else len(sums)
    )
