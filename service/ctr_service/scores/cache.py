"""Scores by content: the segments that the model sees are the key, so equal keys have equal scores.

The digest of the model need not be in the key: a cache belongs to one loaded bundle. What is kept
is the logit, before calibration. A score never becomes wrong, so its time to live bounds only how
long an old answer may be repeated without asking the model. In its last tenth it still answers, and
is computed again behind when a slot has nothing else to do; an expired one still serves as a STALE
fallback, and is refreshed by whoever computes the row next.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from ctr_service.scores.failures import FailedRows

if TYPE_CHECKING:
    import random

    from ctr_service.bundle.template import Segments

ENTRY_OVERHEAD_BYTES = 360
"""A key's tuple, a value's tuple with its numbers, and the table's link."""
TEXT_OVERHEAD_BYTES = 50
"""A Python string beside its characters."""
TTL_JITTER = 0.1
"""Share by which a time to live varies, so that what came together does not go together."""
EARLY_SHARE = 0.1
"""The end of a life in which a score that is asked for is due to be computed again."""


class Score(NamedTuple):
    """A row's score, on its way into a cache.

    Attributes:
        segments: what the model sees; the key.
        logit: of the graph that serves.
        cut_texts: the row's texts that were cut to their token budget.
    """

    segments: Segments
    logit: float
    cut_texts: tuple[str, ...]


class CachedScore(NamedTuple):
    """One score.

    Attributes:
        logit: of the graph that serves.
        cut_texts: the row's texts that were cut to their token budget.
        expires_ns: from then on it is stale.
    """

    logit: float
    cut_texts: tuple[str, ...]
    expires_ns: int


class ScoreCache:
    """Least recently used out first, bounded by bytes. Belongs to one event loop.

    Attributes:
        early_ns: a score that has less left is due to be computed again behind.
        failures: the negative entries, bounded by number.
    """

    def __init__(
        self, *, max_bytes: int, ttl_ns: int, rng: random.Random, negative_ttl_ns: int = 0
    ) -> None:
        """Make an empty cache.

        Args:
            max_bytes: keys and values, as estimated.
            ttl_ns: a score is fresh for so long, up to a tenth less or more.
            rng: draws the jitter.
            negative_ttl_ns: a row that the model fails again and again is not tried for so long.
        """
        self._scores: OrderedDict[Segments, CachedScore] = OrderedDict()
        self._max_bytes = max_bytes
        self._ttl_ns = ttl_ns
        self._rng = rng
        self.early_ns = int(ttl_ns * EARLY_SHARE)
        self.failures = FailedRows(negative_ttl_ns)
        self.size_bytes = 0
        self.hits = 0
        self.misses = 0
        self.stale = 0
        self.evicted = 0
        self.refreshed = 0

    def __len__(self) -> int:
        return len(self._scores)

    def get(self, segments: Segments, now_ns: int) -> CachedScore | None:
        """Return a row's score, fresh or stale, or None; the caller looks at `expires_ns`."""
        score = self._scores.get(segments)
        if score is None:
            self.misses += 1
            return None
        self._scores.move_to_end(segments)
        if score.expires_ns > now_ns:
            self.hits += 1
        else:
            self.stale += 1
        return score

    def put(self, score: Score, now_ns: int) -> None:
        """Keep a row's score; drop the least recently used ones beyond the bound."""
        segments, logit, cut_texts = score
        ttl_ns = self._ttl_ns * (1 + TTL_JITTER * (2 * self._rng.random() - 1))
        if segments not in self._scores:
            self.size_bytes += _cost_bytes(segments)
        self._scores[segments] = CachedScore(logit, cut_texts, now_ns + int(ttl_ns))
        self._scores.move_to_end(segments)
        while self.size_bytes > self._max_bytes and self._scores:
            old, _ = self._scores.popitem(last=False)
            self.size_bytes -= _cost_bytes(old)
            self.evicted += 1


def _cost_bytes(segments: Segments) -> int:
    return ENTRY_OVERHEAD_BYTES + sum(4 * len(text) + TEXT_OVERHEAD_BYTES for text in segments)
