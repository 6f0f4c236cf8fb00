"""Statistics of a run: percentiles, goodput, validity. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
import numpy as np

from ctr_bench.record import NOT_SENT, OK, RESOURCE_EXHAUSTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctr_bench.record import Records

CODE_NAMES = {code.value[0]: code.name for code in grpc.StatusCode} | {NOT_SENT: "NOT_SENT"}
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


def endless_ms(records: Records) -> NDArray[np.float64]:
    """Return float64 [requests]: the latency, endless where the answer was not whole."""
    return np.where(records.complete, records.latency_ms, np.inf)


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
    latency_ms = endless_ms(records)
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


def longest_silence_ms(records: Records) -> float:
    """Return the longest time in which requests were unanswered and none was answered: a stall.

    It begins with the last answer before it, or with the first request sent into the silence.
    """
    if not len(records):
        return 0.0
    answered_ns = np.sort(records.done_ns)
    sent_ns = np.sort(records.sent_ns)
    # Before each answer: the answer before it, or, when all were answered then, the next sending.
    before_ns = np.concatenate([[sent_ns[0]], answered_ns[:-1]])
    sent_by_then = np.searchsorted(sent_ns, before_ns, side="right")
    idle = sent_by_then <= np.arange(len(answered_ns))
    next_sent_ns = sent_ns[np.minimum(sent_by_then, len(sent_ns) - 1)]
    begin_ns = np.where(idle, np.maximum(next_sent_ns, before_ns), before_ns)
    return float((answered_ns - begin_ns).max()) / 1e6


def code_names(records: Records) -> dict[str, int]:
    """Return requests by the name of their gRPC code, the most frequent first."""
    numbers, counts = np.unique(records.code, return_counts=True)
    named = {CODE_NAMES[int(n)]: int(count) for n, count in zip(numbers, counts, strict=True)}
    return dict(sorted(named.items(), key=lambda pair: -pair[1]))


def summary(
    records: Records,
    *,
    slo_ms: float | None,
    deadline_ms: float,
    seconds: float,
    generator_cpu_share: float,
) -> dict[str, object]:
    """Return the figures of a run as its file holds them.

    A percentile is over all requests, a failed or degraded one counting as endless: it is None
    where that reaches. Goodput counts complete, undegraded answers within the SLO; without an SLO
    within the deadline.

    Args:
        records: of either loop, at least one request.
        slo_ms: what p99 should keep; None is no SLO.
        deadline_ms: of a call.
        seconds: the schedule's length, or the closed loop's.
        generator_cpu_share: of the busiest generator.
    """
    good = records.complete
    latency_ms = endless_ms(records)
    limit_ms = deadline_ms if slo_ms is None else slo_ms
    in_time = latency_ms <= limit_ms
    answered = records.code == OK
    percentiles = {
        name: _finite(percentile_ms(latency_ms, percent))
        for name, percent in (
            *(("p50_ms", 50), ("p90_ms", 90), ("p99_ms", 99)),
            *(("p999_ms", 99.9), ("max_ms", 100)),
        )
    }
    return {
        "requests": len(records),
        **percentiles,
        "goodput_pairs_s": float(records.candidates[in_time].sum()) / seconds,
        "goodput_requests_s": float(in_time.sum()) / seconds,
        "good_share": float(good.mean()),
        "offered_pairs_s": float(records.candidates.sum()) / seconds,
        "degraded_share": float(records.degraded[answered].mean()) if answered.any() else 0.0,
        "codes": code_names(records),
        "send_lag_p99_ms": percentile_ms(records.send_lag_ms, 99),
        "generator_cpu_share": generator_cpu_share,
        "stalls_ms": longest_silence_ms(records),
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def goodput_before_the_end_pairs_s(records: Records) -> float:
    """Return pairs a second of good answers that came before the schedule's end.

    What is answered after it would count work of a time in which nothing more was offered.
    """
    end_ns = int(records.scheduled_ns[-1])
    good = records.complete & (records.done_ns <= end_ns)
    return float(records.candidates[good].sum()) / end_ns * 1e9


def accepted_p99_ms(records: Records) -> float:
    """Return p99 over the requests that were not refused; one that then failed counts as endless.

    From the time of sending, because that is when the caller's deadline begins.
    """
    accepted = records.code != RESOURCE_EXHAUSTED
    since_sent_ms = (records.done_ns - records.sent_ns) / 1e6
    latency_ms = np.where(records.complete, since_sent_ms, np.inf)[accepted]
    return percentile_ms(latency_ms, 99)
