"""A sweep: the highest rate that holds the SLO, and what happens around it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ctr_bench.report.artefacts import Sweep, parsed
from ctr_bench.report.plots.load import goodput_against_load, latency_against_load
from ctr_bench.report.units import milliseconds, number, share
from ctr_bench.report.view import Banner, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

HEADROOM = 0.7
"""Of the goodput at the knee, what a replica should carry at the peak: room for a bad minute."""
PEAKS = (1, 2, 5, 10, 20, 50)
"""Peaks of the table of replicas, in units of about one replica's goodput."""


def sweep_section(key: str, content: dict[str, Any], path: Path) -> Section:
    """Describe a sweep.

    Raises:
        BenchError: a field is absent or malformed.
    """
    sweep = parsed(Sweep, content, path)
    lead = _lead(sweep)
    goodput = sweep.held.goodput_pairs_s if sweep.held else None
    return Section(
        kind="sweep",
        key=key,
        title="Capacity at the SLO" + ("" if path.stem == "sweep" else f", {path.stem}"),
        source=path,
        lead=lead,
        answer=lead,
        banners=list(_banners(sweep)),
        glance=_glance(sweep),
        plots=[
            latency_against_load(f"{key}-latency", sweep),
            goodput_against_load(f"{key}-goodput", sweep),
        ]
        if sweep.trials
        else [],
        first=[replicas_table(goodput)] if goodput else [],
        tables=[trials_table(sweep)] if sweep.trials else [],
        fingerprint=sweep.fingerprint,
        data={"trials": content["trials"], "knee": content.get("knee")},
    )


def replicas_table(goodput_pairs_s: float) -> Table:
    """Return how many replicas of this goodput round peaks take: arithmetic, not measurement.

    Replicas = ceil(peak / (goodput x headroom)) + failures tolerated.
    """
    unit = _round(goodput_pairs_s)
    rows = []
    for peak in (unit * times for times in PEAKS):
        bare = math.ceil(peak / goodput_pairs_s)
        roomy = math.ceil(peak / (goodput_pairs_s * HEADROOM))
        rows.append((f"{number(peak)} pairs/s", f"{bare:,}", f"{roomy:,}", f"{roomy + 1:,}"))
    columns = ("peak", "no headroom", f"at {HEADROOM:.0%} each", "one may fail")
    title = "Replicas by peak, if they add up, which ctr-bench plan measures"
    return Table(title, columns, rows)


def _round(value: float) -> float:
    """Return 1, 2 or 5 times a power of ten, at most the value."""
    ten = 10.0 ** math.floor(math.log10(value))
    return max(step * ten for step in (1, 2, 5) if step * ten <= value)


def _kept(sweep: Sweep) -> str:
    return f"{sweep.slo.name} within {milliseconds(sweep.slo.limit_ms)}"


def _lead(sweep: Sweep) -> str:
    if not (knee := sweep.held):
        if sweep.stopped:
            return f"Stopped before a rate was found that holds {_kept(sweep)}."
        return f"No rate that was tried held {_kept(sweep)}."
    return (
        f"The server holds {number(knee.rate_requests_s)} requests/s, "
        f"{number(knee.goodput_pairs_s)} pairs/s of good answers, with {_kept(sweep)}."
    )


def _banners(sweep: Sweep) -> Iterator[Banner]:
    if sweep.partial:
        why = f": {sweep.error}" if sweep.error else ""
        yield Banner("bad", f"PARTIAL: the sweep was not measured to its end{why}.")
    if not (knee := sweep.held):
        if sweep.stopped:
            return
        yield Banner("bad", f"NOT HELD: no rate that was tried held {_kept(sweep)}.")
    elif not knee.confirmed:
        yield Banner("warn", "The knee was not confirmed by a trial at length: give more requests.")
    if knee and not any(
        t.valid and t.rate_requests_s > (knee.rate_requests_s or 0) for t in sweep.trials
    ):
        yield Banner("warn", "No higher rate was tried: the knee is a lower bound of the capacity.")
    if invalid := sum(not trial.valid for trial in sweep.trials):
        yield Banner(
            "warn",
            f"{invalid} of {len(sweep.trials)} trials are invalid, because the generator was late; "
            "they are marked and count for nothing.",
        )


def _glance(sweep: Sweep) -> list[tuple[str, str]]:
    pairs = [(f"SLO, {sweep.slo.name}", milliseconds(sweep.slo.limit_ms))]
    if knee := sweep.held:
        spread = knee.goodput_pairs_s_spread
        pairs += [
            ("knee", f"{number(knee.rate_requests_s)} requests/s"),
            ("goodput there", f"{number(knee.goodput_pairs_s)} pairs/s"),
            *([("over repeats", f"{number(spread[0])} to {number(spread[1])}")] if spread else []),
            ("p99 there", milliseconds(knee.p99_ms)),
        ]
    return [*pairs, ("trials", f"{len(sweep.trials)}")]


def trials_table(sweep: Sweep) -> Table:
    """Return a row a trial, by rate."""
    rows = [
        (
            f"{number(trial.rate_requests_s)}/s",
            f"{trial.requests:,}",
            milliseconds(trial.p50_ms),
            milliseconds(trial.slow_ms),
            number(trial.goodput_pairs_s),
            share(trial.good_share),
            trial.verdict if trial.valid else "invalid",
        )
        for trial in sorted(sweep.trials, key=lambda trial: trial.rate_requests_s)
    ]
    columns = (
        "rate",
        "requests",
        "p50",
        sweep.slo.name,
        "goodput, pairs/s",
        "good answers",
        "verdict",
    )
    return Table("Trials", columns, rows)
