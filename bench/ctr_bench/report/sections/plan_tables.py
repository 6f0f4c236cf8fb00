"""The plan's tables: sizing, cost, start, failures, thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.report import tables
from ctr_bench.report.sections.sweep import trials_table
from ctr_bench.report.units import data_size, milliseconds, number
from ctr_bench.report.view import Table

if TYPE_CHECKING:
    from typing import Any

    from ctr_bench.report.plan_file import Plan, ReplicaRun

RUNS = ("run here", "held", "p99", "late", "failed", "requests")


def decision_tables(plan: Plan) -> list[Table]:
    """Return the decision and what was tried of it, as far as there is one."""
    return [table for table in (_sizing(plan), _cost(plan), _runs(plan)) if table is not None]


def ground_tables(plan: Plan, content: dict[str, Any]) -> list[Table]:
    """Return what the decision rests on, as far as it was measured."""
    setting = {name: content[name] for name in ("flags", "seed") if content.get(name)}
    found = [
        _start(plan),
        tables.facts("Thresholds for an HPA or KEDA, each a replica's", plan.autoscaling),
        tables.facts("Queue at the planned load and at the knee", plan.queue),
        trials_table(plan.sweep) if plan.sweep and plan.sweep.trials else None,
        tables.facts("Setting", setting),
    ]
    return [table for table in found if table is not None]


def _sizing(plan: Plan) -> Table | None:
    sizing, goodput = plan.sizing, plan.goodput_pairs_s
    if sizing is None or not goodput:
        return None
    policy, peak = plan.policy, number(plan.forecast.peak_pairs_s)
    one = number(goodput)
    rows = [
        (f"peak: {peak} / ({one} x {policy.headroom:g}), rounded up", f"{sizing.for_peak:,}"),
        (f"and {policy.failures} that may be away", f"{sizing.with_failures:,}"),
        (f"surge: {policy.surge:g} x {peak} / {one}, rounded up", f"{sizing.for_surge:,}"),
        (f"decided by the {sizing.decided_by}", f"{plan.replicas:,}"),
    ]
    return Table("Replicas", ("pairs/s", "replicas"), rows)


def _cost(plan: Plan) -> Table | None:
    if (cost := plan.cost_a_million) is None:
        return None
    rows = [
        ("an hour of all replicas", f"{cost.an_hour:,.2f}"),
        ("a million scores, replicas fixed", f"{cost.fixed:,.3f}"),
        ("a million scores, replicas following", f"{cost.following:,.3f}"),
        ("a million scores at full goodput, the least", f"{cost.full:,.3f}"),
    ]
    return Table("Cost, in the price's currency", ("", "money"), rows)


def _start(plan: Plan) -> Table | None:
    if (start := plan.start) is None:
        return None
    rows = [("to SERVING", _each(start.serving_s)), ("to the first answer", _each(start.answer_s))]
    if start.rss_bytes:
        rows.append(("memory once it serves", data_size(start.rss_bytes)))
    return Table("Cold start; image and scheduling come on top", ("", "measured"), rows)


def _each(values: list[float]) -> str:
    return f"{', '.join(f'{value:.1f}' for value in values)} s" if values else "not measured"


def _runs(plan: Plan) -> Table | None:
    rows = [(run.claim, *_run(run)) for run in plan.verification]
    if plan.loss:
        rows.insert(0, ("one of two killed, at one's planned load", *_run(plan.loss)))
    return Table("Tried here", RUNS, rows) if rows else None


def _run(run: ReplicaRun) -> tuple[str, ...]:
    held = ("yes" if run.held else "no") if run.valid else "invalid"
    counts = (f"{count:,}" for count in (run.late, run.failed, run.requests))
    return held, milliseconds(run.p99_ms), *counts
