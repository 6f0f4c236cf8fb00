"""What is seen of a run while it lasts: p50, p99, goodput, errors.

The generator only puts numbers into arrays and hands them over once a second; the bench's own
process puts them into an HdrHistogram, so that live percentiles cost the load nothing.
"""

from __future__ import annotations

import base64
from array import array
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hdrh.histogram import HdrHistogram

from ctr_bench.record import OK

if TYPE_CHECKING:
    from collections.abc import Mapping

LOWEST_US, HIGHEST_US, DIGITS = 1, 3_600_000_000, 3
"""A microsecond to an hour, told to three digits."""
US_PER_MS = 1_000.0


class Watcher:
    """Collects answers in the generator; `take` is called by gRPC's threads."""

    def __init__(self) -> None:
        self._rows = array("q")

    def take(self, latency_ns: int, code: int, good_pairs: int) -> None:
        """Take one answer; `good_pairs` is 0 unless it is complete and undegraded."""
        self._rows.extend((latency_ns // 1_000, code, good_pairs))

    def drain(self) -> str:
        """Return what came since the last time, as text.

        An answer that is taken at this very moment may be missed here; rows are kept elsewhere.
        """
        rows, self._rows = self._rows, array("q")
        return base64.b64encode(rows.tobytes()).decode()


@dataclass(frozen=True, slots=True)
class Seen:
    """The run so far.

    Attributes:
        p50_ms, p99_ms: over complete, undegraded answers; 0.0 before the first.
        goodput_pairs_s: over the last second or so, pairs of good answers within the SLO.
        codes: requests by gRPC code.
    """

    at_s: float
    requests: int
    p50_ms: float
    p99_ms: float
    goodput_pairs_s: float
    codes: Mapping[int, int]


class LiveFigures:
    """Adds up what all generators hand over."""

    def __init__(self, slo_ms: float | None) -> None:
        self._slo_us = HIGHEST_US if slo_ms is None else slo_ms * US_PER_MS
        self._histogram = HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)
        self._codes: Counter[int] = Counter()
        self._good_pairs = 0
        self._last = (0.0, 0)

    def add(self, drained: str) -> None:
        """Take what a `Watcher` drained."""
        rows = array("q")
        rows.frombytes(base64.b64decode(drained))
        for latency_us, code, good_pairs in zip(*(iter(rows),) * 3, strict=True):
            self._codes[code] += 1
            if code == OK and good_pairs:
                self._histogram.record_value(min(max(latency_us, LOWEST_US), HIGHEST_US))
                if latency_us <= self._slo_us:
                    self._good_pairs += good_pairs

    def seen(self, at_s: float) -> Seen:
        """Return the run so far; the goodput is that since the last look."""
        last_s, last_pairs = self._last
        self._last = (at_s, self._good_pairs)
        return Seen(
            at_s=at_s,
            requests=self._codes.total(),
            p50_ms=self._histogram.get_value_at_percentile(50) / US_PER_MS,
            p99_ms=self._histogram.get_value_at_percentile(99) / US_PER_MS,
            goodput_pairs_s=(self._good_pairs - last_pairs) / max(at_s - last_s, 1e-9),
            codes=dict(self._codes),
        )
