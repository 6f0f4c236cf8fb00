"""Does a load keep its SLO, going by how many of n requests were late? Exact binomial. Pure.

The claim behind "p99 <= 100 ms" is: at most 1 % of all requests take longer. A trial sees only
some requests, so it can bear the claim out, refute it, or leave it open; 200 requests decide a p99
by two of them. At 99 % confidence it takes 459 requests of which none is late, 2,010 with 10 late,
12,571 with 100.

What is not exact: a queue makes requests late in bunches, and the binomial law counts each of
them. So trials also last long enough for a queue to show (see `trials.py`), and what bears out a
rate is several trials.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import bdtr, bdtrc, betainc, betaincc, betaln

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CONFIDENCE = 0.99
EARLY_CONFIDENCE = 0.999
"""An early stop looks again after every request, so it has a tenth of the final look's error."""
LATE_SHARE = 0.01
"""Of a p99."""


class Decision(Enum):
    """What the requests of a rate say about the claim."""

    HELD = "held"
    NOT_HELD = "not held"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Stops:
    """When a running trial is decided already; see `Claim.stops`.

    Attributes:
        lost_by: the trial is lost when its (k + 1)-th late request is among the first `lost_by[k]`
            that ended; more late ones than there are entries lose it in any case.
        won_after: it is won when, with k late, `won_after[k]` requests have ended.
    """

    lost_by: tuple[int, ...]
    won_after: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """At most a share of all requests is late.

    Attributes:
        late_share: 0.01 for a p99; above 0, below 1.
        confidence: of a decision on requests that were counted once, at the end.
    """

    late_share: float = LATE_SHARE
    confidence: float = CONFIDENCE

    def decide(self, requests: int, late: int) -> Decision:
        """Decide by the exact binomial tails (Clopper, Pearson 1934), each with 1 - confidence.

        Args:
            requests: how many ended, at least 0.
            late: of these.
        """
        if bdtr(late, requests, self.late_share) <= 1 - self.confidence:
            return Decision.HELD
        # bdtrc gives P(more than its first argument).
        if late and bdtrc(late - 1, requests, self.late_share) <= 1 - self.confidence:
            return Decision.NOT_HELD
        return Decision.UNDECIDED

    def allowed_late(self, requests: int) -> int:
        """Return how many of them may be late when the count itself decides (the point verdict).

        It is what leaves the percentile at or below the limit, as `figures.percentile_ms` ranks.
        """
        return max(0, math.floor((requests - 1) * self.late_share + 1e-9))

    def minimum_requests(self, late: int = 0) -> int:
        """Return the fewest requests that bear the claim out with so many late."""
        low, high = late, 1
        while self.decide(high, late) is not Decision.HELD:
            high *= 2
        while high - low > 1:
            middle = (low + high) // 2
            if self.decide(middle, late) is Decision.HELD:
                high = middle
            else:
                low = middle
        return high

    def stops(self, requests: int, least: int = 0) -> Stops:
        """Return when a trial of so many requests may end early.

        The bounds hold however often one looks: the likelihood of what was seen, averaged evenly
        over the shares that speak for an end, is 1,000 times that of the claim's own share. Under
        the claim's share this ratio is a martingale, so it gets there once in 1,000 trials at most
        (Ville 1939; Robbins 1970). A trial is lost early only when its point verdict is lost, too.

        Args:
            requests: the trial's length.
            least: it is not won before so many have ended.
        """
        # Twice what the claim allows and some more is lost whenever it comes.
        most = min(requests, math.ceil(2 * self.late_share * requests) + 60)
        late = np.arange(1, most + 1)
        ended = _last_true(lambda n: self._speaks_against(n, late) >= _EARLY, late, requests)
        ended[: self.allowed_late(requests)] = 0
        certain = int(np.argmax(ended >= requests)) if (ended >= requests).any() else len(ended)
        late = np.arange(most + 1)
        needed = 1 + _last_true(lambda n: self._speaks_for(n, late) < _EARLY, late, requests)
        needed = np.maximum(needed, least)
        return Stops(
            tuple(ended[: certain + 1].tolist()), tuple(needed[needed <= requests].tolist())
        )

    def _speaks_against(
        self, requests: NDArray[np.int64], late: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the log of the likelihood ratio, averaged over shares above the claim's."""
        tail = betaincc(late + 1, requests - late + 1, self.late_share)
        return self._ratio(requests, late, tail) - math.log1p(-self.late_share)

    def _speaks_for(
        self, requests: NDArray[np.int64], late: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return it averaged over shares below the claim's."""
        tail = betainc(late + 1, requests - late + 1, self.late_share)
        return self._ratio(requests, late, tail) - math.log(self.late_share)

    def _ratio(
        self,
        requests: NDArray[np.int64],
        late: NDArray[np.int64],
        tail: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        with np.errstate(divide="ignore"):  # no likelihood at all is a log of minus infinity
            average = betaln(late + 1, requests - late + 1) + np.log(tail)
        own = late * math.log(self.late_share) + (requests - late) * math.log1p(-self.late_share)
        ratio: NDArray[np.float64] = average - own
        return ratio


_EARLY = -math.log(1 - EARLY_CONFIDENCE)


def _last_true(
    holds: Callable[[NDArray[np.int64]], NDArray[np.bool_]], first: NDArray[np.int64], last: int
) -> NDArray[np.int64]:
    """Return, for each entry, the last n in first..last for which `holds`, by bisection.

    `holds` is true up to some n and false after it; first - 1 says that it is true for none.
    """
    low, high = first - 1, np.full_like(first, last)
    while (low < high).any():
        middle = (low + high + 1) // 2
        true = holds(middle)
        low, high = np.where(true, middle, low), np.where(true, high, middle - 1)
    return low
