"""The capacity plan: how many replicas, at what cost, and what that rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from ctr_bench.report.artefacts import parsed
from ctr_bench.report.plan_file import Plan
from ctr_bench.report.plots.cache import cache_plot
from ctr_bench.report.plots.forecast import forecast_plot
from ctr_bench.report.plots.load import goodput_against_load, latency_against_load
from ctr_bench.report.plots.scaling import Fit, scaling_plot
from ctr_bench.report.sections.plan_tables import decision_tables, ground_tables
from ctr_bench.report.units import milliseconds, moment, number, share
from ctr_bench.report.view import Banner, Section

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from ctr_bench.report.drawing import Plot


P99 = 99.0


def plan_section(key: str, content: dict[str, Any], path: Path) -> Section:
    """Describe a plan, or as much of one as was found before it was stopped.

    Raises:
        BenchError: a field is absent or malformed.
    """
    plan = parsed(Plan, content, path)
    lead = _lead(plan)
    date = moment(content.get("date"))
    return Section(
        kind="plan",
        key=key,
        title="How many replicas" + ("" if path.stem == "plan" else f", {path.stem}"),
        source=path,
        lead=lead + (f" Measured {date}." if date else ""),
        answer=lead,
        banners=list(_banners(plan)),
        glance=list(_glance(plan)),
        plots=list(_plots(key, plan)),
        first=decision_tables(plan),
        tables=ground_tables(plan, content),
        fingerprint=plan.fingerprint,
        data={"plan": content},
    )


def _lead(plan: Plan) -> str:
    if plan.replicas is None or not plan.goodput_pairs_s:
        return "No goodput was found, so there is no plan."
    policy, sizing = plan.policy, plan.sizing
    text = (
        f"Buy {plan.replicas} replicas for a peak of {number(plan.forecast.peak_pairs_s)} pairs/s "
        f"with {plan.slo.name} within {milliseconds(plan.slo.limit_ms)}"
    )
    if sizing and sizing.decided_by == "surge":
        return f"{text}: a surge of {policy.surge:g} times the peak decides."
    return (
        f"{text}: each holds {number(plan.goodput_pairs_s)} pairs/s and is loaded to "
        f"{share(policy.headroom)} of that, and {policy.failures} may be away."
    )


def _banners(plan: Plan) -> Iterator[Banner]:
    if plan.partial:
        why = f": {plan.error}" if plan.error else ""
        yield Banner("bad", f"PARTIAL: the plan was not measured to its end{why}.")
    for run in plan.verification:
        if not run.true:
            yield Banner("bad", f"NOT VERIFIED: a run here did not bear out that {run.claim}.")
        elif not run.valid:
            yield Banner(
                "bad", f"INVALID: the generator was late when it was tried that {run.claim}."
            )
    if plan.loss and not plan.loss.held:
        # Where no failure shall be tolerated, nothing that the plan claims is wrong.
        level: Literal["bad", "warn"] = "bad" if plan.policy.failures else "warn"
        yield Banner(level, "NOT SURVIVED: with one of two replicas killed, the SLO was not kept.")
    if plan.goodput_given:
        yield Banner("warn", "The goodput of one replica was given, not measured.")
    if plan.replicas is not None and not plan.verification:
        yield Banner("warn", "The plan was not verified by a run of its replicas (--verify).")
    if plan.replicas is not None and len(plan.forecast.pairs_s) <= 1:
        yield Banner(
            "warn",
            "The forecast is a bare peak, so a score's cost is that of a day spent at the peak.",
        )


def _glance(plan: Plan) -> Iterator[tuple[str, str]]:
    yield f"SLO, {plan.slo.name}", milliseconds(plan.slo.limit_ms)
    yield "forecast's peak", f"{number(plan.forecast.peak_pairs_s)} pairs/s"
    if plan.goodput_pairs_s:
        yield "goodput of one", f"{number(plan.goodput_pairs_s)} pairs/s"
    if plan.replicas is not None:
        yield "replicas", f"{plan.replicas:,}"
    if plan.cost_a_million:
        yield "cost an hour", f"{plan.cost_a_million.an_hour:,.2f}"
        yield "a million scores", f"{plan.cost_a_million.fixed:,.3f}"
    if plan.start and plan.start.serving_s:
        yield "cold start", f"{max(plan.start.serving_s):.1f} s"


def _plots(key: str, plan: Plan) -> Iterator[Plot]:
    forecast, goodput = plan.forecast, plan.goodput_pairs_s or 0.0
    steps = len(forecast.times_s)
    if plan.replicas is not None and 1 < steps == len(plan.replicas_by_time):
        yield forecast_plot(
            f"{key}-forecast",
            forecast.times_s,
            forecast.pairs_s,
            plan.replicas_by_time,
            carried_pairs_s=goodput * plan.policy.headroom,
            fixed=plan.replicas,
        )
    if plan.sweep and plan.sweep.trials:
        yield latency_against_load(f"{key}-latency", plan.sweep)
        yield goodput_against_load(f"{key}-goodput", plan.sweep)
    points = [(point.cached_share, point.pairs_s, point.p99_ms) for point in plan.cache]
    if points and goodput:
        knee = plan.sweep.held if plan.sweep else None
        points.append((0.0, goodput, knee.p99_ms if knee else None))
        # The points carry their p99, which no other percentile's limit is for.
        limit_ms = plan.slo.limit_ms if plan.slo.percentile == P99 else None
        yield cache_plot(f"{key}-cache", points, limit_ms)
    if usl := plan.usl:
        arrays = (np.array(one, dtype=np.float64) for one in usl.columns)
        yield scaling_plot(f"{key}-usl", Fit(usl.rate, usl.contention, usl.coherence, *arrays))
