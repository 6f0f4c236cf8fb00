"""The claims of the serving core: goodput at the SLO against the raw bound, in one run.

Each repeat measures everything once, in the same order: the bound, the gateway on distinct traffic
(saturated, goodput, light load), the naive peer, the gateway on repeating traffic. The bound's best
layout is timed again in turn with each closed loop and before each trial, and every ratio is to
what it did meanwhile: a machine's speed moves within minutes.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_bench.bound.bare import BareList
from ctr_bench.bound.measure import measure_bound
from ctr_bench.bound.sampler import BoundSampler
from ctr_bench.gateway_process import NO_CACHES, GatewaySetup, running_gateway
from ctr_bench.goodput import Traffic, saturate
from ctr_bench.light_load import light_load_ratio
from ctr_bench.naive_process import running_naive
from ctr_bench.repeating import RepeatingLoad
from ctr_bench.slo import Slo
from ctr_bench.trials import Trials
from ctr_bench.workload import SearchMaker, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ctr_bench.bound.rows import RowMaker
    from ctr_bench.catalogue import Catalogue
    from ctr_bench.child import Child
    from ctr_bench.progress import Progress
    from ctr_bench.results import Results
    from ctr_bench.trial import Sizes

PARTS = ("saturated", "goodput", "light", "naive", "zipf")
CANDIDATES = 16
SLO_LISTS = 7.5
"""The SLO is so many times the time of one list at the bound: 100 ms at 1,200 pairs/s."""
FIXED_SLO = Slo(100.0)
DISTINCT_SEARCHES = 1_500
BOUND_LISTS = 64
BOUND_LAYOUT_S = 1.5
SATURATED_TURNS = 4
"""Of closed loop and bound."""
CALLERS = 16
FIRST_RATE_SHARE = 0.55
"""The search begins at this share of the bound."""
NAIVE_RATE_SHARE = 0.35
NAIVE_TOLERANCE = 1.1
"""Nothing is claimed by less than that."""
FIXED_SLO_TRIALS = 4


@dataclass(frozen=True, slots=True)
class ServingPlan:
    """What to measure.

    Attributes:
        bundle: folder of the bundle.
        repeats: of everything.
        sizes: of a search's trials.
        closed_s: length of each closed loop.
        parts: some of PARTS; the bound is always measured.
        seed: of traffic and schedules.
    """

    bundle: Path
    repeats: int
    sizes: Sizes
    closed_s: float
    parts: frozenset[str] = frozenset(PARTS)
    seed: int = 0


class ServingBench:
    """Runs the plan."""

    def __init__(
        self,
        plan: ServingPlan,
        rows: RowMaker,
        catalogue: Catalogue,
        progress: Progress,
        results: Results,
    ) -> None:
        """Make the traffic; measures nothing yet."""
        self._plan = plan
        self._rows = rows
        self._progress = progress
        progress.say(f"making {DISTINCT_SEARCHES} distinct searches from {catalogue.source}")
        maker = SearchMaker(catalogue.titles, rows, Shape(CANDIDATES, rows.features), plan.seed)
        searches = maker.distinct(DISTINCT_SEARCHES)
        self._traffic = Traffic.of(searches)
        self._lists = rows.lists(searches[:BOUND_LISTS])
        self._repeating = (
            RepeatingLoad(plan.bundle, maker, rows.features, progress, plan.seed)
            if "zipf" in plan.parts
            else None
        )
        tokens = [row.length for rows_of_list in self._lists for row in rows_of_list]
        self._results = results
        results.facts |= {
            "bundle": str(plan.bundle),
            "model_version": rows.bundle.manifest.model_version,
            "catalogue": catalogue.source,
            "pair_tokens_mean": round(sum(tokens) / len(tokens), 1),
            "pair_tokens_range": [min(tokens), max(tokens)],
        }

    def run(self) -> None:
        """Measure everything as often as the plan says.

        Raises:
            BenchError: a server or the generator failed.
        """
        plan, results = self._plan, self._results
        for repeat in range(plan.repeats):
            self._progress.say(f"repeat {repeat + 1} of {plan.repeats}: the raw bound")
            bound = measure_bound(self._rows.bundle, self._lists, BOUND_LAYOUT_S)
            choice = self._rows.bundle.manifest.default
            sampler = BoundSampler(self._rows.bundle, choice, bound.best, self._lists)
            pairs_s = sampler.sample()
            slo = Slo(SLO_LISTS * CANDIDATES / pairs_s * 1e3)
            self._progress.say(
                f"bound of {bound.graph}: {pairs_s:,.0f} pairs/s ({bound.best}); "
                f"SLO {slo.limit_ms:.0f} ms"
            )
            results.facts["graph"] = bound.graph
            results.facts.setdefault("bound_layouts", []).append(str(bound.best))  # type: ignore[attr-defined]  # -- a list of this module
            results.add({"raw_bound_pairs_s": pairs_s, "slo_ms": slo.limit_ms})
            seed = plan.seed + 1_000 * (repeat + 1)
            results.add(self._distinct(sampler, slo, seed))
            if "naive" in plan.parts:
                results.add(self._naive(sampler, slo, seed))
            if self._repeating is not None:
                results.add(self._repeating.measure(sampler, slo, plan.sizes, seed))

    def _distinct(self, sampler: BoundSampler, slo: Slo, seed: int) -> dict[str, float]:
        found: dict[str, float] = {}
        parts = self._plan.parts
        if not parts & {"saturated", "goodput", "light"}:
            return found
        with running_gateway(GatewaySetup(self._plan.bundle, NO_CACHES)) as gateway:
            if "saturated" in parts:
                found |= self._saturated(gateway, sampler)
            if "light" in parts:
                found |= light_load_ratio(gateway, self._traffic, self._bare_list())
            if "goodput" in parts:
                found |= self._goodput(gateway, sampler, slo, seed)
        return found

    def _bare_list(self) -> BareList:
        bundle = self._rows.bundle
        return BareList(bundle, bundle.manifest.default, self._lists)

    def _saturated(self, gateway: Child, sampler: BoundSampler) -> Mapping[str, float]:
        first, served, shares = len(sampler), [], []
        for _ in range(SATURATED_TURNS):
            sampler.sample()
            pairs_s, run = saturate(
                gateway.target, self._traffic, callers=CALLERS, seconds=self._plan.closed_s
            )
            served.append(pairs_s)
            shares.append(run.generator_cpu_share)
        pairs_s, bound_pairs_s = statistics.fmean(served), sampler.mean_since(first)
        self._progress.say(
            f"gateway, closed loop of {CALLERS} callers: {pairs_s:,.0f} pairs/s, "
            f"in turn with the bound's {bound_pairs_s:,.0f}"
        )
        return {
            "saturated_pairs_s": pairs_s,
            "saturated_ratio": pairs_s / bound_pairs_s,
            "saturated_generator_cpu_share": statistics.fmean(shares),
        }

    def _goodput(
        self, gateway: Child, sampler: BoundSampler, slo: Slo, seed: int
    ) -> Mapping[str, float]:
        trials = self._trials("gateway", gateway.target, sampler, seed)
        first, start = len(sampler), FIRST_RATE_SHARE * sampler.mean_since() / CANDIDATES
        found = trials.goodput(start=start, slo=slo)
        bound_pairs_s = sampler.mean_since(first)
        fixed = trials.goodput(
            start=found.requests_s or start, slo=FIXED_SLO, max_trials=FIXED_SLO_TRIALS
        )
        return {
            "goodput_pairs_s": found.pairs_s,
            "goodput_ratio": found.pairs_s / bound_pairs_s,
            "goodput_bound_pairs_s": bound_pairs_s,
            "goodput_100ms_pairs_s": fixed.pairs_s,
            "goodput_p50_ms": found.figures.p50_ms if found.figures else float("nan"),
            "goodput_p99_ms": found.figures.p99_ms if found.figures else float("nan"),
            "generator_cpu_share": found.generator_cpu_share,
            "send_lag_p99_ms": found.figures.send_lag_p99_ms if found.figures else float("nan"),
        }

    def _naive(self, sampler: BoundSampler, slo: Slo, seed: int) -> Mapping[str, float]:
        first, start = len(sampler), NAIVE_RATE_SHARE * sampler.mean_since() / CANDIDATES
        with running_naive(self._plan.bundle) as naive:
            trials = self._trials("naive", naive.target, sampler, seed)
            found = trials.goodput(start=start, slo=slo, tolerance=NAIVE_TOLERANCE)
        return {
            "naive_goodput_pairs_s": found.pairs_s,
            "naive_goodput_ratio": found.pairs_s / sampler.mean_since(first),
        }

    def _trials(self, name: str, target: str, sampler: BoundSampler, seed: int) -> Trials:
        return Trials(
            *(name, target, self._traffic, self._progress, seed, self._plan.sizes),
            before=sampler.sample,
        )
