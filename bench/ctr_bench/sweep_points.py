"""A sweep's figures as results hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_bench.record import UNREAD

if TYPE_CHECKING:
    from ctr_bench.pool import Judgement
    from ctr_bench.record import Records


@dataclass(frozen=True, slots=True)
class Knee:
    """The highest rate that keeps the SLO.

    Attributes:
        goodput_pairs_s, requests_s: medians of the repeats; `_spread` is least and greatest.
        p50_ms, p99_ms, good_share, verdict: of the repeat nearest to the median.
        confirmed: each of the repeats by a trial at length.
        failed_requests_s: the lowest rate that failed; infinite when none did.
    """

    goodput_pairs_s: float
    goodput_pairs_s_spread: tuple[float, float]
    requests_s: float
    requests_s_spread: tuple[float, float]
    p50_ms: float
    p99_ms: float
    good_share: float
    verdict: str
    confirmed: bool
    failed_requests_s: float


def point(rate: float, judged: Judgement, records: Records) -> dict[str, object]:
    """Return one rate's figures as results hold them."""
    figures = judged.figures
    return {
        "rate": rate,
        "offered_pairs_s": figures.offered_pairs_s,
        "requests": judged.requests,
        "p50_ms": figures.p50_ms,
        "p99_ms": figures.p99_ms,
        "slo_percentile_ms": judged.slow_ms,
        "goodput_pairs_s": figures.goodput_pairs_s,
        "good_share": figures.good_share,
        "late": judged.late,
        "verdict": "held" if judged.held else "not held",
        "at_99_percent": judged.sure,
        "cached_share": cached_share(records),
        "valid": figures.valid,
    }


def cached_share(records: Records) -> float:
    """Return the share of scored items that no model computed for their request."""
    read = records.scored != UNREAD
    return float(records.cached[read].sum()) / max(1, int(records.scored[read].sum()))
