"""Rows that the model fails again and again: the score cache's negative entries. Pure: times given.

A row that fails takes its whole batch down, and every batch-mate runs again alone. Asked for by
each page view, it would do so each time. So a row that failed twice, while others were scored
between the two, is not tried for a while. An engine that is down fails everybody and scores nobody,
which is held against no row; and a row that is scored has its name cleared.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.bundle.template import Segments
    from ctr_service.errors import CtrError
    from ctr_service.scores.cache import Score

MAX_ROWS = 4_096
STRIKES = 2


@dataclass(slots=True)
class _Suspect:
    error: CtrError
    scored: int
    strikes: int = 1
    until_ns: int = 0


class FailedRows:
    """At most `MAX_ROWS` rows, the one that failed longest ago out first."""

    def __init__(self, ttl_ns: int) -> None:
        """Remember nothing.

        Args:
            ttl_ns: for how long a row is not tried.
        """
        self._ttl_ns = ttl_ns
        self._suspects: OrderedDict[Segments, _Suspect] = OrderedDict()
        self._scored = 0
        self.refused = 0

    def __len__(self) -> int:
        return len(self._suspects)

    def failed(self, segments: Segments, error: CtrError, now_ns: int) -> None:
        """Take down that the backend failed a row, and why."""
        suspect = self._suspects.pop(segments, None)
        if suspect is None:
            suspect = _Suspect(error, self._scored)
        elif self._scored > suspect.scored:
            suspect.strikes += 1
            suspect.scored = self._scored
        if suspect.strikes >= STRIKES:
            suspect.until_ns = now_ns + self._ttl_ns
        self._suspects[segments] = suspect
        if len(self._suspects) > MAX_ROWS:
            self._suspects.popitem(last=False)

    def scored(self, scores: Sequence[Score]) -> None:
        """Take down that rows were scored."""
        self._scored += len(scores)
        if self._suspects:
            for score in scores:
                self._suspects.pop(score.segments, None)

    def error_of(self, segments: Segments, now_ns: int) -> CtrError | None:
        """Return why a row is not to be tried now; None when it is."""
        suspect = self._suspects.get(segments)
        if suspect is None or now_ns >= suspect.until_ns:
            return None
        self.refused += 1
        return suspect.error
