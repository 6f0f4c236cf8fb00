"""What telemetry costs: gateways with and without it, loaded in turn in the same minutes.

A closed loop gives throughput and the CPU time of a request, an open loop at a part of capacity
gives p99; both sides of a pair get the same requests at the same moments of the schedule. Which
side goes first alternates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_bench.gateway_process import NO_CACHES, NO_SCORE_CACHE, TIMED, ZERO_COST
from ctr_bench.goodput import Traffic
from ctr_bench.metrics_page import read_page, total_of
from ctr_bench.paired import paired_ratio
from ctr_bench.telemetry_collectors import LOAD_SHARE, collector_ratios
from ctr_bench.telemetry_loads import Loader, cpu_a_request, p99_ms, throughput
from ctr_bench.telemetry_sides import FAULTS, with_all, without
from ctr_bench.workload import SearchMaker, Shape

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.bound.rows import RowMaker
    from ctr_bench.catalogue import Catalogue
    from ctr_bench.paired import Ratio
    from ctr_bench.progress import Progress
    from ctr_bench.results import Results
    from ctr_bench.telemetry_loads import Load
    from ctr_bench.telemetry_sides import Side

    Pairs = tuple[list[Load], list[Load]]

CANDIDATES = 16
DISTINCT_SEARCHES = 500
SPANS = "ctr_trace_spans_total"


@dataclass(frozen=True, slots=True)
class TelemetryPlan:
    """What to measure.

    Attributes:
        pairs: measurements of telemetry against none, both sides in each.
        rounds: turns of each kind of Collector.
        seconds: of one load.
        faults: kinds of Collectors that do not work, some of FAULTS.
        zero_cost: compare around the engine without a model as well.
        flags: further flags of `ctr-service serve`, of both sides.
    """

    bundle: Path
    pairs: int
    rounds: int
    seconds: float
    faults: tuple[str, ...] = FAULTS
    zero_cost: bool = True
    flags: tuple[str, ...] = ()
    seed: int = 0


class TelemetryBench:
    """Runs the plan."""

    def __init__(
        self,
        plan: TelemetryPlan,
        rows: RowMaker,
        catalogue: Catalogue,
        progress: Progress,
        results: Results,
    ) -> None:
        """Make the traffic; measures nothing yet."""
        self._plan = plan
        self._progress = progress
        progress.say(f"making {DISTINCT_SEARCHES} distinct searches from {catalogue.source}")
        maker = SearchMaker(catalogue.titles, rows, Shape(CANDIDATES, rows.features), plan.seed)
        traffic = Traffic.of(maker.distinct(DISTINCT_SEARCHES))
        self._loader = Loader(traffic, seconds=plan.seconds, seed=plan.seed)
        self._results = results
        results.facts |= {"bundle": str(plan.bundle), "catalogue": catalogue.source}

    def run(self) -> None:
        """Measure everything.

        Raises:
            BenchError: a server or the generator failed.
        """
        plan, real = self._plan, (*NO_CACHES, *self._plan.flags)
        with without(plan.bundle, real) as off, with_all(plan.bundle, real) as full:
            pairs = self._compare(full, off)
            self._tell("", pairs)
            self._results.facts["spans_sent"] = _spans(full)
        if plan.faults:
            ratios = collector_ratios(
                *(plan.bundle, (*TIMED, *NO_CACHES, *plan.flags), plan.faults),
                rounds=plan.rounds,
                loader=self._loader,
                seed=plan.seed,
                progress=self._progress,
            )
            for fault, ratio in ratios.items():
                self._ratio(f"p99_ratio_{fault}", ratio)
        if plan.zero_cost:
            flags = (*ZERO_COST, *NO_SCORE_CACHE, *plan.flags)
            with without(plan.bundle, flags) as off, with_all(plan.bundle, flags) as full:
                self._tell("zero_cost_", self._compare(full, off))

    def _compare(self, changed: Side, plain: Side) -> Pairs:
        """Load both sides in turn; return the loads of each, one a pair."""
        sides = (changed, plain)
        most = self._loader.closed(plain)  # the first one warms up
        self._loader.closed(changed)
        rate = LOAD_SHARE * most.answered / most.wall_s
        found: Pairs = ([], [])
        for pair in range(self._plan.pairs):
            for index in (0, 1) if pair % 2 else (1, 0):
                load = self._loader.both(sides[index], rate, pair)
                found[index].append(load)
                self._progress.say(
                    f"pair {pair + 1} of {self._plan.pairs}, {sides[index].name}: "
                    f"{load.answered / load.wall_s:,.0f} requests/s, p99 {p99_ms([load]):.1f} ms"
                )
        return found

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
