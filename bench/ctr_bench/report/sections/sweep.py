"""A sweep: the highest rate that holds the SLO, and what happens around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.report.artefacts import Sweep, parsed
from ctr_bench.report.plots.load import goodput_against_load, latency_against_load
from ctr_bench.report.units import milliseconds, number, share
from ctr_bench.report.view import Banner, Section, Table

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


def sweep_section(key: str, content: dict[str, Any], path: Path) -> Section:
    """Describe a sweep.

    Raises:
        BenchError: a field is absent or malformed.
    """
    sweep = parsed(Sweep, content, path)
    knee = sweep.knee
    found = knee is not None and knee.rate_requests_s is not None
    slo = f"{sweep.slo.name} within {milliseconds(sweep.slo.limit_ms)}"
    banners = []
    if not found:
        banners.append(Banner("bad", f"No rate that was tried held {slo}."))
    elif not any(t.valid and t.rate_requests_s > (knee.rate_requests_s or 0) for t in sweep.trials):
        banners.append(
            Banner("warn", "No higher rate was tried: the knee is a lower bound of the capacity.")
        )
    if invalid := [trial for trial in sweep.trials if not trial.valid]:
        banners.append(
            Banner(
                "warn",
                f"{len(invalid)} of {len(sweep.trials)} trials are invalid, because the generator "
                "was late; they are marked and count for nothing.",
            )
        )
    if content.get("partial"):
        banners.append(Banner("bad", "PARTIAL: the sweep was stopped before its end."))
    return Section(
        kind="sweep",
        key=key,
        title="Capacity at the SLO" if path.stem == "sweep" else f"Capacity at the SLO: {path.stem}",
        source=path,
        lead=_lead(sweep, slo),
        answer=_lead(sweep, slo),
        banners=banners,
        glance=_glance(sweep),
        plots=[
            latency_against_load(f"{key}-latency", sweep),
            goodput_against_load(f"{key}-goodput", sweep),
        ],
        tables=[_trials(sweep)],
        fingerprint=sweep.fingerprint,
        data={"trials": content["trials"], "knee": content.get("knee")},
    )


def _lead(sweep: Sweep, slo: str) -> str:
    knee = sweep.knee
    if knee is None or knee.rate_requests_s is None:
        return f"No rate held {slo}."
    return (
        f"The server holds {number(knee.rate_requests_s)} requests/s "
        f"({number(knee.goodput_pairs_s)} pairs/s of good answers) with {slo}."
    )


def _glance(sweep: Sweep) -> list[tuple[str, str]]:
    knee = sweep.knee
    pairs = [(f"SLO, {sweep.slo.name}", milliseconds(sweep.slo.limit_ms))]
    if knee is not None and knee.rate_requests_s is not None:
        pairs += [
            ("knee", f"{number(knee.rate_requests_s)} requests/s"),
            ("goodput there", f"{number(knee.goodput_pairs_s)} pairs/s"),
            ("p99 there", milliseconds(knee.p99_ms)),
        ]
    return [*pairs, ("trials", f"{len(sweep.trials)}")]


def _trials(sweep: Sweep) -> Table:
    rows = [
        (
            f"{number(trial.rate_requests_s)}/s",
            f"{trial.requests:,}",
            milliseconds(trial.p50_ms),
            milliseconds(trial.p99_ms),
            number(trial.goodput_pairs_s),
            share(trial.good_share if trial.good_share is not None else np.nan),
            trial.verdict if trial.valid else "invalid",
        )
        for trial in sorted(sweep.trials, key=lambda trial: trial.rate_requests_s)
    ]
    columns = ("rate", "requests", "p50", "p99", "goodput, pairs/s", "good answers", "verdict")
    return Table("Trials", columns, rows)
