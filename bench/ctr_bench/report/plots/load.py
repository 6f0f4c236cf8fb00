"""Latency and goodput against load: the trials of a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.report.drawing import BLUE, GREEN, GREY, INK, RED, Plot, canvas, legend
from ctr_bench.report.plots.marks import DASHES, rate_line, slo_line
from ctr_bench.report.scales import latency_axis, zero_based
from ctr_bench.report.units import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from ctr_bench.report.artefacts import Sweep, Trial

FULL = 0.999
"""Good share from which goodput over rate tells the pairs a request."""


def latency_against_load(key: str, sweep: Sweep) -> Plot:
    """Draw p50 and p99 of every trial, the SLO and the knee."""
    figure, (axes,) = canvas()
    trials = sorted(sweep.trials, key=lambda trial: trial.rate_requests_s)
    valid = [trial for trial in trials if trial.valid]
    drawn = [_finite(value) for trial in valid for value in (trial.p50_ms, trial.slow_ms)]
    _rates(axes, trials)
    latency_axis(axes, [*drawn, sweep.slo.limit_ms])
    for name, colour, attribute, edge in (
        ("p50", BLUE, "p50_ms", 0.95),
        (sweep.slo.name, RED, "slow_ms", 1.0),
    ):
        values = np.array([_finite(getattr(trial, attribute)) for trial in valid])
        rates = np.array([trial.rate_requests_s for trial in valid])
        known = np.isfinite(values)
        axes.plot(*_medians(rates[known], values[known]), color=colour, label=name)
        axes.plot(rates[known], values[known], ".", color=colour, markersize=4)
        # At the upper edge, because there is no such time: too many requests were never answered.
        axes.plot(
            rates[~known],
            np.full((~known).sum(), edge),
            "^",
            color=colour,
            markersize=5,
            clip_on=False,
            transform=axes.get_xaxis_transform(),
            label=f"{name} endless" if (~known).any() else None,
        )
    _invalid(axes, trials)
    slo_line(axes, sweep.slo.limit_ms)
    _knee(axes, sweep)
    legend(figure, axes, 5)
    note = (
        "Each dot is a trial at a steady rate, measured from the scheduled time; the line joins "
        "the medians of repeats. A triangle at the upper edge: so many requests failed that the "
        "percentile is endless."
    )
    return Plot(key, "Latency against load", note, figure)


def goodput_against_load(key: str, sweep: Sweep) -> Plot:
    """Draw the pairs a second of good answers, and what was offered."""
    figure, (axes,) = canvas()
    trials = sorted(sweep.trials, key=lambda trial: trial.rate_requests_s)
    valid = [trial for trial in trials if trial.valid and trial.goodput_pairs_s is not None]
    rates = np.array([trial.rate_requests_s for trial in valid])
    values = np.array([trial.goodput_pairs_s or 0.0 for trial in valid])
    _rates(axes, trials)
    zero_based(axes.yaxis, float(values.max()) if len(values) else 0.0)
    axes.set_ylabel("pairs/s within the SLO")
    per_request = _pairs_a_request(valid)
    if per_request is not None and len(rates):
        ends = np.array([0.0, axes.get_xlim()[1]])
        axes.plot(ends, ends * per_request, color=GREY, linestyle=DASHES, lw=1.0, label="offered")
    axes.plot(*_medians(rates, values), color=GREEN, label="goodput")
    axes.plot(rates, values, ".", color=GREEN, markersize=4)
    _knee(axes, sweep)
    legend(figure, axes)
    note = (
        "Pairs a second in complete, undegraded answers within the SLO. Up to the knee it follows "
        "what is offered; beyond, the gap is what callers lose."
    )
    return Plot(key, "Goodput against load", note, figure)


def _finite(value: float | None) -> float:
    return float("nan") if value is None or not np.isfinite(value) else value


def _rates(axes: Axes, trials: Sequence[Trial]) -> None:
    zero_based(axes.xaxis, max((trial.rate_requests_s for trial in trials), default=0.0), 6)
    axes.set_xlabel("offered load, requests/s")


def _medians(rates: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    distinct = np.unique(rates)
    return distinct, np.array([np.median(values[rates == rate]) for rate in distinct])


def _invalid(axes: Axes, trials: Sequence[Trial]) -> None:
    points = [
        (trial.rate_requests_s, trial.slow_ms)
        for trial in trials
        if not trial.valid and np.isfinite(_finite(trial.slow_ms))
    ]
    if points:
        axes.plot(*zip(*points, strict=True), "x", color=GREY, ms=5, label="invalid")


def _knee(axes: Axes, sweep: Sweep) -> None:
    knee = sweep.held
    if knee is None or knee.rate_requests_s is None:
        return
    rate_line(axes, knee.rate_requests_s, f"knee {number(knee.rate_requests_s)}/s")
    if knee.goodput_pairs_s is not None and axes.get_ylabel().startswith("pairs"):
        axes.plot([knee.rate_requests_s], [knee.goodput_pairs_s], "o", color=INK, ms=4, zorder=4)


def _pairs_a_request(trials: Sequence[Trial]) -> float | None:
    """The mean list of the workload: as offered, else as answered where next to nothing failed."""
    offered = [t.offered_pairs_s / t.rate_requests_s for t in trials if t.offered_pairs_s]
    answered = [
        t.goodput_pairs_s / t.rate_requests_s
        for t in trials
        if t.goodput_pairs_s and t.good_share is not None and t.good_share >= FULL
    ]
    if offered:
        return float(np.median(offered))
    return float(np.median(answered)) if answered else None
