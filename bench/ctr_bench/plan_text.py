"""A plan for people: the answer first, then what it stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from ctr_bench.sweep_text import ms, print_sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from ctr_bench.plan import Plan
    from ctr_bench.replica_runs import ReplicaRun

MIB = 2**20


def print_plan(console: Console, plan: Plan) -> None:
    """Print whatever of a plan there is."""
    if plan.sweep is not None:
        print_sweep(console, plan.sweep)
    if not plan.goodput_pairs_s:
        console.print("no goodput was found, so there is no plan", highlight=False)
        return
    table = Table(title=f"capacity plan, SLO {plan.order.slo}", show_header=False)
    table.add_column("", style="bold")
    table.add_column("")
    for name, text in (*_answer(plan), *_grounds(plan)):
        table.add_row(name, text)
    console.print(table)
    for claim, true, run in plan.verified:
        console.print(
            f"{'true' if true else 'NOT TRUE'}: {claim} ({_load(run)})",
            highlight=False,
            soft_wrap=True,
        )


def _answer(plan: Plan) -> Iterator[tuple[str, str]]:
    order, sizing = plan.order, plan.sizing
    policy, forecast = order.policy, order.forecast
    yield "replicas", f"{sizing.replicas}, decided by the {sizing.decided_by}"
    peak, goodput = f"{forecast.peak_pairs_s:,.0f}", f"{plan.goodput_pairs_s:,.0f}"
    text = f"{peak} pairs/s / ({goodput} x {policy.headroom:g}) = {sizing.for_peak}"
    yield "for the peak", f"{text}, and {policy.failures} that may be away"
    text = f"{policy.surge:g} x {peak} pairs/s / {goodput} = {sizing.for_surge}"
    yield "for a surge", f"{text}, without headroom"
    if order.price:
        cost = plan.cost
        yield "cost an hour", f"{cost.an_hour:,.2f} at {order.price:g} a replica"
        yield "a million scores", _cost(plan)


def _cost(plan: Plan) -> str:
    cost, forecast = plan.cost, plan.order.forecast
    text = f"{cost.fixed:,.3f} at the mean of {forecast.mean_pairs_s:,.0f} pairs/s"
    if len(forecast.pairs_s) > 1:
        text += f"; {cost.following:,.3f} if replicas follow the forecast"
    else:
        text += " (a bare peak: a day's mean is lower and a score dearer; give a CSV)"
    return f"{text}; {cost.full:,.3f} at a replica's whole goodput"


def _grounds(plan: Plan) -> Iterator[tuple[str, str]]:
    order = plan.order
    given = " (given, not measured)" if order.goodput_pairs_s else ""
    yield "goodput of a replica", f"{plan.goodput_pairs_s:,.0f} pairs/s at {order.slo}{given}"
    if plan.start is not None:
        start = plan.start
        serving = " and ".join(f"{seconds:.1f}" for seconds in start.serving_s)
        text = f"{serving} s until SERVING, {start.rss_bytes / MIB:,.0f} MiB"
        yield "cold start", f"{text}; image and scheduling come on top"
    if plan.loss is not None:
        run = plan.loss
        survived = "survived" if run.judgement.held else "NOT survived"
        yield "one of two killed", f"{survived} at one replica's planned load: {_load(run)}"
    for point in plan.cache:
        text = f"{point.pairs_s:,.0f} pairs/s, {point.times_uncached:.2f} times the uncached"
        cached = f"{point.cached_share:.0%} of scores cached; {point.verdict}"
        yield f"{point.seen_share:.0%} seen before", f"{text} ({cached})"
    if plan.usl is not None:
        yield "scalability law", plan.usl.sentence("its callers")
    scaling = plan.autoscaling()
    text = (
        f"{scaling['min_replicas']} to {scaling['max_replicas']} replicas, "
        f"{scaling['admitted_rows_s_a_replica']:,.0f} rate(ctr_admitted_rows_total) a replica"
    )
    if "queued_tokens_a_replica" in scaling:
        planned, knee = (plan.queue[name]["mean_tokens"] for name in ("planned", "knee"))
        text += (
            f", ctr_queued_tokens above {scaling['queued_tokens_a_replica']:,} a replica "
            f"({planned:,.0f} at the planned load, {knee:,.0f} at the knee)"
        )
    yield "HPA / KEDA", text


def _load(run: ReplicaRun) -> str:
    judged = run.judgement
    text = (
        f"{run.requests_s:,.3g} requests/s, p99 {ms(judged.figures.p99_ms)} ms, {judged.late} late "
        f"and {run.failed} failed of {judged.requests:,}"
    )
    if run.killed:
        text += (
            f"; {run.late_before} of the late before the kill at about request "
            f"{run.after_requests:,}, {run.late_after} after it"
        )
    return text if judged.figures.valid else f"{text}; invalid, the generator was late"
