"""What happens beyond capacity: goodput, how fast refusals are, and memory.

Goodput is here what callers got: complete, undegraded answers within their deadline, for the
deadline is all that the server knows of a caller's patience.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_bench.figures import accepted_p99_ms, figures_of, goodput_before_the_end_pairs_s
from ctr_bench.gateway_process import NO_CACHES, GatewaySetup, metrics_port_of, running_gateway
from ctr_bench.goodput import DEADLINE_FACTOR, Traffic, saturate
from ctr_bench.job import Job
from ctr_bench.metrics_page import between, buckets_of, quantile, read_page
from ctr_bench.record import RESOURCE_EXHAUSTED
from ctr_bench.runner import run_load
from ctr_bench.schedule import poisson
from ctr_bench.workload import SearchMaker, Shape

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.bound.rows import RowMaker
    from ctr_bench.catalogue import Catalogue
    from ctr_bench.child import Child
    from ctr_bench.progress import Progress
    from ctr_bench.results import Results

LOADS = (0.5, 1.0, 2.0, 3.0)
CANDIDATES = 16
CALLERS = 16
DISTINCT_SEARCHES = 1_500
SLO_LISTS = 7.5
REFUSALS = "ctr_refusal_duration_seconds"


@dataclass(frozen=True, slots=True)
class OverloadPlan:
    """What to measure.

    Attributes:
        bundle: folder of the bundle.
        seconds: of each load.
        flags: further flags of `ctr-service serve`.
    """

    bundle: Path
    repeats: int
    seconds: float
    flags: tuple[str, ...] = ()
    seed: int = 0


def measure_overload(
    plan: OverloadPlan,
    rows: RowMaker,
    catalogue: Catalogue,
    progress: Progress,
    results: Results,
) -> None:
    """Run each load in turn on one gateway, as often as the plan repeats.

    Raises:
        BenchError: the gateway or the generator failed.
    """
    results.facts |= {"bundle": str(plan.bundle), "catalogue": catalogue.source}
    progress.say(f"making {DISTINCT_SEARCHES} distinct searches from {catalogue.source}")
    maker = SearchMaker(catalogue.titles, rows, Shape(CANDIDATES, rows.features), plan.seed)
    traffic = Traffic.of(maker.distinct(DISTINCT_SEARCHES))
    for repeat in range(plan.repeats):
        progress.say(f"repeat {repeat + 1} of {plan.repeats}")
        setup = GatewaySetup(plan.bundle, (*NO_CACHES, *plan.flags))
        with running_gateway(setup) as gateway:
            results.add(_Repeat(plan, gateway, traffic, progress).run(1_000 * (repeat + 1)))


class _Repeat:
    """All loads on one gateway."""

    def __init__(
        self, plan: OverloadPlan, gateway: Child, traffic: Traffic, progress: Progress
    ) -> None:
        self._plan = plan
        self._gateway = gateway
        self._traffic = traffic
        self._progress = progress
        self._metrics_port = metrics_port_of(gateway)

    def run(self, seed: int) -> dict[str, float]:
        seconds, gateway = self._plan.seconds, self._gateway
        capacity, _ = saturate(gateway.target, self._traffic, callers=CALLERS, seconds=seconds)
        deadline_ms = DEADLINE_FACTOR * SLO_LISTS * CANDIDATES / capacity * 1e3
        self._progress.say(
            f"capacity {capacity:,.0f} pairs/s (closed loop), deadline {deadline_ms:.0f} ms"
        )
        found = {"capacity_pairs_s": capacity, "deadline_ms": deadline_ms}
        rss_before, rss_most = gateway.rss_bytes(), 0
        goodputs: dict[float, float] = {}
        for load in LOADS:
            figures = self._load(capacity * load / CANDIDATES, deadline_ms, seed)
            self._progress.say(
                f"{load:g} x capacity: goodput {figures['goodput_pairs_s']:,.0f} pairs/s, "
                f"refused {figures['refused_share']:.1%}, accepted p99 "
                f"{figures['accepted_p99_ms']:.0f} ms"
            )
            rss_most = max(rss_most, gateway.rss_bytes())
            goodputs[load] = figures["goodput_pairs_s"]
            found |= {f"{name}_{load:g}x": value for name, value in figures.items()}
        peak = max(goodputs.values())
        return {
            "goodput_ratio_3x": goodputs[LOADS[-1]] / peak if peak else 0.0,
            "refusal_p99_ms": found["refusal_p99_ms_3x"],
            "rss_growth": rss_most / rss_before - 1,
            **found,
        }

    def _load(self, rate: float, deadline_ms: float, seed: int) -> dict[str, float]:
        """Offer a rate and return what callers, and the server's own metrics, say of it."""
        job = Job(target=self._gateway.target, deadline_s=deadline_ms / 1e3)
        schedule_ns = poisson(rate, max(1, round(rate * self._plan.seconds)), seed)
        before = self._refusals()
        run = run_load(job, self._traffic.payloads(schedule_ns))
        refused_s = between(before, self._refusals())
        figures = figures_of(run.records, deadline_ms)
        return {
            "offered_pairs_s": figures.offered_pairs_s,
            "goodput_pairs_s": goodput_before_the_end_pairs_s(run.records),
            "refused_share": float((run.records.code == RESOURCE_EXHAUSTED).mean()),
            "accepted_p99_ms": accepted_p99_ms(run.records),
            "refusal_p99_ms": quantile(refused_s, 0.99) * 1e3,
            "generator_cpu_share": run.generator_cpu_share,
        }

    def _refusals(self) -> dict[float, float]:
        page = read_page(self._metrics_port)
        return dict(buckets_of(page, REFUSALS, {"reason": "OVERLOADED"}))
