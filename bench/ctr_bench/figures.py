"""Statistics of a run: percentiles, goodput, validity. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.record import OK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctr_bench.record import Records

DEFECT_CODES = (2, 3, 12, 13)
"""UNKNOWN, INVALID_ARGUMENT, UNIMPLEMENTED, INTERNAL: no load explains these."""
MIN_GOOD_SHARE = 0.999
"""Of all requests, those that must be complete and undegraded at a rate that counts as held."""
MAX_LAG_SHARE = 0.1
"""A run counts when the generator itself was late by at most this share of the SLO (p99)."""


def percentile_ms(values_ms: NDArray[np.float64], percent: float) -> float:
    """Return a percentile that was really measured: the value at its rank, rounded up.

    Infinite values stand for requests that were never answered well.
    """
    if not len(values_ms):
        return float("nan")
    return float(np.percentile(values_ms, percent, method="higher"))


@dataclass(frozen=True, slots=True)
class Figures:
    """What an open loop found.

    Attributes:
        offered_pairs_s: what the schedule asked for.
        goodput_pairs_s: pairs a second of answers: complete, undegraded, within the SLO.
        good_share: of all requests, those answered complete and undegraded, at whatever time.
        p50_ms, p99_ms: over all requests, from the scheduled time; a failed one counts as endless.
        send_lag_p99_ms: how late the generator was.
        valid: False when the generator was too late for the figures to mean anything.
    """

    offered_pairs_s: float
    goodput_pairs_s: float
    good_share: float
    p50_ms: float
    p99_ms: float
    send_lag_p99_ms: float
    valid: bool

    def holds(self, slo_ms: float) -> bool:
        """Say whether the rate was held: valid, p99 within the SLO, enough good answers."""
        return self.valid and self.p99_ms <= slo_ms and self.good_share >= MIN_GOOD_SHARE


def figures_of(records: Records, slo_ms: float) -> Figures:
    """Judge an open-loop run by an SLO.

    Args:
        records: at least one request.
        slo_ms: the latency that p99 must keep.
    """
    good = records.complete
    latency_ms = np.where(good, records.latency_ms, np.inf)
    seconds = float(records.scheduled_ns[-1]) / 1e9
    lag_ms = percentile_ms(records.send_lag_ms, 99)
    return Figures(
        offered_pairs_s=float(records.candidates.sum()) / seconds,
        goodput_pairs_s=float(records.candidates[latency_ms <= slo_ms].sum()) / seconds,
        good_share=float(good.mean()),
        p50_ms=percentile_ms(latency_ms, 50),
        p99_ms=percentile_ms(latency_ms, 99),
        send_lag_p99_ms=lag_ms,
        valid=lag_ms <= MAX_LAG_SHARE * slo_ms,
    )


def defects(records: Records) -> int:
    """Count the requests whose code no load explains: the bench or the server is broken."""
    return int(np.isin(records.code, DEFECT_CODES).sum())


def failures(records: Records) -> int:
    """Count the requests that did not end with an answer."""
    return int((records.code != OK).sum())


def median_and_spread(values: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """Return the median of the repeats, and the least and the greatest."""
    return float(np.median(values)), (float(min(values)), float(max(values)))
