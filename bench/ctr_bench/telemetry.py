"""What telemetry costs: gateways with and without it, loaded in turn in the same minutes.

A closed loop gives throughput and the CPU time of a request, an open loop at a part of capacity
gives p99; both sides of a pair get the same requests at the same moments of the schedule. Which
side goes first alternates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.errors import BenchError
from ctr_bench.figures import endless_ms, percentile_ms
from ctr_bench.gateway_process import NO_CACHES, NO_SCORE_CACHE, ZERO_COST
from ctr_bench.goodput import NO_SCHEDULE, Traffic
from ctr_bench.job import Job
from ctr_bench.metrics_page import read_page, total_of
from ctr_bench.paired import paired_ratio
from ctr_bench.results import Results
from ctr_bench.runner import run_load
from ctr_bench.schedule import poisson
from ctr_bench.telemetry_sides import FAULTS, Side, scraped, with_all, without
from ctr_bench.workload import SearchMaker, Shape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_bench.bound.rows import RowMaker
    from ctr_bench.catalogue import Catalogue
    from ctr_bench.paired import Ratio
    from ctr_bench.progress import Progress

    Pairs = tuple[list["Load"], list["Load"]]

CANDIDATES = 16
CALLERS = 16
DISTINCT_SEARCHES = 500
OPEN_LOOP_SHARE = 0.5
"""The open loop asks for this share of what the closed loop got."""
DEADLINE_S = 10.0
SPANS = "ctr_trace_spans_total"


@dataclass(frozen=True, slots=True)
class TelemetryPlan:
    """What to measure.

    Attributes:
        pairs: measurements of each comparison, both sides in each.
        seconds: of one load.
        faults: kinds of Collectors that do not work, some of FAULTS.
        zero_cost: compare around the engine without a model as well.
        flags: further flags of `ctr-service serve`, of both sides.
    """

    bundle: Path
    pairs: int
    seconds: float
    faults: tuple[str, ...] = FAULTS
    zero_cost: bool = True
    flags: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """What one side did in one pair: a closed loop, and an open one's latencies in ms."""

    answered: int
    wall_s: float
    cpu_s: float
    latency_ms: NDArray[np.float64]


def throughput(loads: Sequence[Load]) -> float:
    """Requests a second of closed loops."""
    return sum(load.answered for load in loads) / sum(load.wall_s for load in loads)


def cpu_a_request(loads: Sequence[Load]) -> float:
    """CPU seconds of a request in closed loops."""
    return sum(load.cpu_s for load in loads) / sum(load.answered for load in loads)


def p99_ms(loads: Sequence[Load]) -> float:
    """P99 over the requests of all open loops."""
    return percentile_ms(np.concatenate([load.latency_ms for load in loads]), 99)


class TelemetryBench:
    """Runs the plan."""

    def __init__(
        self, plan: TelemetryPlan, rows: RowMaker, catalogue: Catalogue, progress: Progress
    ) -> None:
        """Make the traffic; measures nothing yet."""
        self._plan = plan
        self._progress = progress
        progress.say(f"making {DISTINCT_SEARCHES} distinct searches from {catalogue.source}")
        maker = SearchMaker(catalogue.titles, rows, Shape(CANDIDATES, rows.features), plan.seed)
        self._traffic = Traffic.of(maker.distinct(DISTINCT_SEARCHES))
        self._results = Results({"bundle": str(plan.bundle), "catalogue": catalogue.source})

    def run(self) -> Results:
        """Measure everything.

        Raises:
            BenchError: a server or the generator failed.
        """
        plan, real = self._plan, (*NO_CACHES, *self._plan.flags)
        with without(plan.bundle, real) as off, with_all(plan.bundle, real) as full:
            pairs = self._compare(full, off, closed=True)
            self._tell("", pairs)
            self._results.facts["spans_sent"] = _spans(full)
        for fault in plan.faults:
            with with_all(plan.bundle, real) as full, with_all(plan.bundle, real, fault) as broken:
                found = self._compare(broken, full, closed=False)
                self._ratio(f"p99_ratio_{fault}", paired_ratio(*found, p99_ms, seed=plan.seed))
        if plan.zero_cost:
            flags = (*ZERO_COST, *NO_SCORE_CACHE, *plan.flags)
            with without(plan.bundle, flags) as off, with_all(plan.bundle, flags) as full:
                self._tell("zero_cost_", self._compare(full, off, closed=True))
        return self._results

    def _compare(self, changed: Side, plain: Side, *, closed: bool) -> Pairs:
        """Load both sides in turn; return the loads of each, one a pair."""
        sides = (changed, plain)
        capacity = self._closed(plain).answered / self._plan.seconds  # the first one warms up
        self._closed(changed)
        found: Pairs = ([], [])
        for pair in range(self._plan.pairs):
            for index in (0, 1) if pair % 2 else (1, 0):
                side = sides[index]
                load = self._load(side, OPEN_LOOP_SHARE * capacity, pair, closed=closed)
                found[index].append(load)
                self._progress.say(
                    f"pair {pair + 1} of {self._plan.pairs}, {side.name}: "
                    f"{load.answered / load.wall_s if closed else 0:,.0f} requests/s, "
                    f"p99 {p99_ms([load]):.1f} ms"
                )
        return found

    def _load(self, side: Side, rate: float, pair: int, *, closed: bool) -> Load:
        with scraped(side):
            at_most = self._closed(side) if closed else None
            requests = max(1, round(rate * self._plan.seconds))
            schedule_ns = poisson(rate, requests, self._plan.seed + pair)
            job = Job(target=side.gateway.target, deadline_s=DEADLINE_S, warm_up=CALLERS)
            records = run_load(job, self._traffic.payloads(schedule_ns)).records
        latency_ms = endless_ms(records)
        if at_most is None:
            return Load(0, 0.0, 0.0, latency_ms)
        return Load(at_most.answered, at_most.wall_s, at_most.cpu_s, latency_ms)

    def _closed(self, side: Side) -> Load:
        job = Job(
            target=side.gateway.target,
            deadline_s=DEADLINE_S,
            callers=CALLERS,
            seconds=self._plan.seconds,
            warm_up=CALLERS,
            watched_pid=side.gateway.pid,
        )
        run = run_load(job, self._traffic.payloads(NO_SCHEDULE))
        if not run.records.complete.all():
            raise BenchError(f"{side.name}: not every request was answered whole; see its log")
        return Load(len(run.records), run.wall_s, run.watched_cpu_s, np.empty(0))

    def _tell(self, prefix: str, pairs: Pairs) -> None:
        seed = self._plan.seed
        for name, figure in (
            ("throughput_ratio", throughput),
            ("cpu_ratio", cpu_a_request),
            ("p99_ratio", p99_ms),
        ):
            self._ratio(f"{prefix}{name}", paired_ratio(*pairs, figure, seed=seed))
        for changed, plain in zip(*pairs, strict=True):
            self._results.add(
                {
                    f"{prefix}requests_s": throughput([changed]),
                    f"{prefix}requests_s_without": throughput([plain]),
                    f"{prefix}cpu_ms_a_request": 1e3 * cpu_a_request([changed]),
                    f"{prefix}cpu_ms_a_request_without": 1e3 * cpu_a_request([plain]),
                    f"{prefix}p99_ms": p99_ms([changed]),
                    f"{prefix}p99_ms_without": p99_ms([plain]),
                }
            )

    def _ratio(self, name: str, ratio: Ratio) -> None:
        self._results.facts[name] = ratio.value
        self._results.facts[f"{name}_interval"] = [ratio.low, ratio.high]
        self._progress.say(f"{name}: {ratio}")


def _spans(side: Side) -> float:
    """Return how many spans the Collector took."""
    if side.metrics_port is None:
        return 0.0
    return total_of(read_page(side.metrics_port), SPANS, {"outcome": "sent"})
