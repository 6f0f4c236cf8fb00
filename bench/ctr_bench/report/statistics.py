"""What the plots show of a run's rows. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.figures import percentile_ms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctr_bench.report.rows import Rows

STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600)
MAX_STEPS = 240
"""A time line of more points is a smear."""
MAX_STALLS = 5
STALL_FACTOR = 10.0
"""A silence is a stall when it is so many times the usual silence between two answers ..."""
LEAST_STALL_MS = 100.0
"""... and at least the SLO, or this where there is none."""
BANDS = ((0.0, 50.0), (50.0, 90.0), (90.0, 99.0), (99.0, 100.0))
"""Percentiles of latency between which requests are looked at together."""
STAGES = ("sent late", "features", "queue", "model", "rest")


@dataclass(frozen=True, slots=True)
class TimeLine:
    """A run by steps of its schedule; every array is [steps].

    Attributes:
        step_s: length of a step.
        begin_s: of each step, since the run's begin.
        p50_ms, p99_ms, max_ms: of the answers to what was due in the step; NaN without any.
        good, slow, degraded, failed: requests a second due in the step: answered complete,
            undegraded and within the SLO; the same but later; degraded or incomplete; without an
            answer.
    """

    step_s: int
    begin_s: NDArray[np.float64]
    p50_ms: NDArray[np.float64]
    p99_ms: NDArray[np.float64]
    max_ms: NDArray[np.float64]
    good: NDArray[np.float64]
    slow: NDArray[np.float64]
    degraded: NDArray[np.float64]
    failed: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stall:
    """A stretch in which requests waited and none was answered."""

    begin_s: float
    length_ms: float


@dataclass(frozen=True, slots=True)
class StageBand:
    """Mean stages of the answers between two percentiles of latency.

    Attributes:
        stages_ms: in the order of `STAGES`.
    """

    from_percent: float
    to_percent: float
    requests: int
    stages_ms: tuple[float, ...]


def judged_ms(rows: Rows) -> NDArray[np.float64]:
    """Return float64 [requests]: the latency, infinite where the answer was not good."""
    return np.where(rows.good, rows.latency_ms, np.inf)


def time_line(rows: Rows, slo_ms: float | None) -> TimeLine:
    """Cut a run into steps of at least a second."""
    last_s = float(rows.scheduled_ns.max()) / 1e9
    step_s = next((s for s in STEPS_S if last_s / s <= MAX_STEPS), STEPS_S[-1])
    steps = int(last_s // step_s) + 1
    step = (rows.scheduled_ns // (step_s * 1_000_000_000)).astype(np.int64)
    in_time = rows.latency_ms <= (np.inf if slo_ms is None else slo_ms)
    good = rows.good
    # The last step ends with the last request, so that it is no false dip; nor, if short, a peak.
    lengths_s = np.full(steps, float(step_s))
    lengths_s[-1] = max(last_s - (steps - 1) * step_s, 0.5 * step_s)

    def rate(which: NDArray[np.bool_]) -> NDArray[np.float64]:
        counted: NDArray[np.float64] = np.bincount(step[which], minlength=steps) / lengths_s
        return counted

    percentiles = np.full((3, steps), np.nan)
    answered = np.flatnonzero(rows.answered)
    order = answered[np.argsort(step[answered], kind="stable")]
    latency_ms = rows.latency_ms[order]
    numbers, begins = np.unique(step[order], return_index=True)
    for number, begin, end in zip(numbers, begins, np.append(begins, len(order))[1:], strict=True):
        part = latency_ms[begin:end]
        percentiles[:, number] = [percentile_ms(part, percent) for percent in (50, 99, 100)]
    return TimeLine(
        step_s,
        np.arange(steps, dtype=np.float64) * step_s,
        p50_ms=percentiles[0],
        p99_ms=percentiles[1],
        max_ms=percentiles[2],
        good=rate(good & in_time),
        slow=rate(good & ~in_time),
        degraded=rate(rows.answered & ~good),
        failed=rate(~rows.answered),
    )


def stalls(rows: Rows, slo_ms: float | None) -> list[Stall]:
    """Return the longest stalls, longest first."""
    scheduled = np.sort(rows.scheduled_ns)
    done = np.sort(rows.done_ns)
    answers = np.sort(rows.done_ns[rows.answered])
    if len(answers) < MAX_STALLS:
        return []
    begins = np.concatenate(([0], answers))
    ends = np.append(answers, max(done[-1], answers[-1]))
    waiting = np.searchsorted(scheduled, begins, "right") > np.searchsorted(done, begins, "right")
    following = np.searchsorted(scheduled, begins, "right")
    next_due = scheduled[np.minimum(following, len(scheduled) - 1)]
    silence_ms = (ends - np.where(waiting, begins, np.maximum(next_due, begins))) / 1e6
    silence_ms = np.maximum(silence_ms, 0.0)
    usual_ms = float(np.median(silence_ms))
    least_ms = max(STALL_FACTOR * usual_ms, LEAST_STALL_MS if slo_ms is None else slo_ms)
    longest = np.argsort(-silence_ms, kind="stable")[:MAX_STALLS]
    return [
        Stall(float(ends[i] / 1e9 - silence_ms[i] / 1e3), float(silence_ms[i]))
        for i in longest
        if silence_ms[i] >= least_ms
    ]


def stage_bands(rows: Rows) -> list[StageBand]:
    """Return where the time went, for fast and for slow answers apart.

    The rest is what the server's own stages do not explain: network, decoding, tokens, encoding.
    """
    chosen = np.flatnonzero(rows.answered & (rows.model_ns + rows.queue_ns + rows.features_ns > 0))
    order = chosen[np.argsort(rows.latency_ms[chosen], kind="stable")]
    found = []
    for low, high in BANDS:
        part = order[round(len(order) * low / 100) : round(len(order) * high / 100)]
        if not len(part):
            continue
        known = [
            (rows.sent_ns - rows.scheduled_ns)[part],
            rows.features_ns[part],
            rows.queue_ns[part],
            rows.model_ns[part],
        ]
        rest = np.maximum((rows.done_ns - rows.scheduled_ns)[part] - sum(known), 0)
        stages_ms = tuple(float(stage.mean()) / 1e6 for stage in (*known, rest))
        found.append(StageBand(low, high, len(part), stages_ms))
    return found
