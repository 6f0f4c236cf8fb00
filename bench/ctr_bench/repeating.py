"""Goodput on repeating traffic with the score cache on, as the issue asks for it.

10,000 requests warm a fresh gateway; the next 5,000 are measured. The rate for them is searched
beforehand on a gateway of its own, because a search would warm the cache further. It is the best
of a few short trials and so rather too high: where it does not hold for 5,000 requests a lower one
is tried, on a fresh gateway again.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_bench.answers import probabilities_of
from ctr_bench.ask import ask
from ctr_bench.errors import BenchError
from ctr_bench.figures import failures
from ctr_bench.gateway_process import NO_CACHES, GatewaySetup, running_gateway
from ctr_bench.goodput import NO_SCHEDULE, Traffic
from ctr_bench.job import Job
from ctr_bench.record import UNREAD
from ctr_bench.runner import run_load
from ctr_bench.search import lowered_until_held
from ctr_bench.trials import Trials
from ctr_bench.zipf import ZipfLaw, ZipfTraffic, draws

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctr_bench.bound.sampler import BoundSampler
    from ctr_bench.child import Child
    from ctr_bench.progress import Progress
    from ctr_bench.record import Records
    from ctr_bench.searches import FeatureNames
    from ctr_bench.slo import Slo
    from ctr_bench.trial import Sizes, Trial
    from ctr_bench.workload import SearchMaker

WARM_REQUESTS, MEASURED_REQUESTS = 10_000, 5_000
WARM_CALLERS = 16
WARM_DEADLINE_S = 10.0
COMPARED_REQUESTS = 32
FIRST_RATE_SHARE = 1.3
SEARCH_TOLERANCE = 1.08
SEARCH_TRIALS = 6
CONFIRM_STEP, MAX_CONFIRMATIONS = 0.95, 4
"""A trial takes minutes, warming and all: steps are as large as the search's own doubt."""


@dataclass(frozen=True, slots=True)
class _Confirmed:
    """One rate measured: the trial, the bound meanwhile, and some cached answers."""

    trial: Trial
    bound_pairs_s: float
    asked: Sequence[bytes]
    answers: Sequence[bytes]

    @property
    def held(self) -> bool:
        return self.trial.judgement.held


class RepeatingLoad:
    """Measures one repeat at a time; keeps the rate that was found."""

    def __init__(
        self,
        bundle: Path,
        maker: SearchMaker,
        features: FeatureNames,
        progress: Progress,
        seed: int,
    ) -> None:
        """Make the traffic of the measured run and of the search."""
        self._setup = GatewaySetup(bundle)
        self._uncached = GatewaySetup(bundle, NO_CACHES)
        self._progress = progress
        self._rate = 0.0
        law = ZipfLaw()
        progress.say(f"making {WARM_REQUESTS + MEASURED_REQUESTS:,} repeating searches")
        texts = [name for name, kind in features.user.items() if kind == "text"]
        source = ZipfTraffic(law, maker, texts)
        wanted = draws(law, WARM_REQUESTS + MEASURED_REQUESTS, seed)
        self._traffic = Traffic.of(list(source.searches(wanted)))
        others = draws(law, MEASURED_REQUESTS, seed + 1)
        self._search_traffic = Traffic.of(list(source.searches(others)))

    def measure(self, sampler: BoundSampler, slo: Slo, sizes: Sizes, seed: int) -> dict[str, float]:
        """Run one repeat.

        Args:
            sampler: of the raw bound; it is timed before and after the measured requests.
            slo: of this repeat.
            sizes: of the search's trials; only the first repeat makes any.
            seed: of the schedules.

        Raises:
            BenchError: a server or the generator failed.
        """
        if not self._rate:
            self._rate = self._search(sampler.mean_since(), slo, sizes, seed)
        seeds = itertools.count(seed)
        self._rate, confirmed = lowered_until_held(
            lambda rate: self._confirm(rate, sampler, slo, next(seeds)),
            self._rate,
            step=CONFIRM_STEP,
            most=MAX_CONFIRMATIONS,
        )
        figures = confirmed.trial.judgement.figures
        goodput = figures.goodput_pairs_s if confirmed.held else 0.0
        return {
            "zipf_goodput_pairs_s": goodput,
            "zipf_goodput_ratio": goodput / confirmed.bound_pairs_s,
            "zipf_p99_ms": figures.p99_ms,
            "zipf_cached_share": _cached_share(confirmed.trial.run.records),
            "zipf_answers_max_difference": self._difference(confirmed),
        }

    def _confirm(self, rate: float, sampler: BoundSampler, slo: Slo, seed: int) -> _Confirmed:
        """Measure one rate on a fresh gateway, the bound before and after it."""
        with running_gateway(self._setup) as gateway:
            self._warm(gateway)
            measured = self._traffic.part(WARM_REQUESTS, WARM_REQUESTS + MEASURED_REQUESTS)
            trials = Trials("repeating", gateway.target, measured, self._progress, seed)
            first = len(sampler)
            sampler.sample()
            trial = trials.run(rate, MEASURED_REQUESTS, slo, to_the_end=True)
            sampler.sample()
            asked = measured.messages[-COMPARED_REQUESTS:]
            return _Confirmed(trial, sampler.mean_since(first), asked, ask(gateway.target, asked))

    def _search(self, bound_pairs_s: float, slo: Slo, sizes: Sizes, seed: int) -> float:
        start = FIRST_RATE_SHARE * bound_pairs_s / self._traffic.pairs_a_request
        with running_gateway(self._setup) as gateway:
            self._warm(gateway)
            name = "repeating, search"
            trials = Trials(
                *(name, gateway.target, self._search_traffic, self._progress, seed, sizes)
            )
            found = trials.goodput(
                start=start, slo=slo, tolerance=SEARCH_TOLERANCE, max_trials=SEARCH_TRIALS
            )
        return found.requests_s or start / 2

    def _warm(self, gateway: Child) -> None:
        self._progress.say(f"warming the score cache with {WARM_REQUESTS:,} requests")
        job = Job(
            target=gateway.target,
            deadline_s=WARM_DEADLINE_S,
            callers=WARM_CALLERS,
            max_requests=WARM_REQUESTS,
        )
        run = run_load(job, self._traffic.part(0, WARM_REQUESTS).payloads(NO_SCHEDULE))
        if failed := failures(run.records):
            raise BenchError(f"{failed} of {WARM_REQUESTS:,} warm-up requests failed")

    def _difference(self, confirmed: _Confirmed) -> float:
        """Return the greatest distance of a cached probability from an uncached one."""
        with running_gateway(self._uncached) as gateway:
            computed = ask(gateway.target, confirmed.asked)
        return max(
            abs(cached - fresh)
            for ours, theirs in zip(confirmed.answers, computed, strict=True)
            for cached, fresh in zip(probabilities_of(ours), probabilities_of(theirs), strict=True)
        )


def _cached_share(records: Records) -> float:
    read = records.scored != UNREAD
    return float(records.cached[read].sum()) / max(1, int(records.scored[read].sum()))
