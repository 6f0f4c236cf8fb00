"""Goodput with a share of scores cached: what a cold cache takes away, and a warm one gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.gateway_process import running_gateway
from ctr_bench.goodput import NO_SCHEDULE, Traffic
from ctr_bench.job import Job
from ctr_bench.pool import joined
from ctr_bench.runner import run_load
from ctr_bench.sweep_points import cached_share
from ctr_bench.trials import Trials

if TYPE_CHECKING:
    from ctr_bench.gateway_process import GatewaySetup
    from ctr_bench.material import Material
    from ctr_bench.progress import Progress
    from ctr_bench.slo import Slo
    from ctr_bench.trial import Sizes

SEARCHES = 6_000
TRIALS, TOLERANCE = 7, 1.1
CALLERS, DEADLINE_S = 8, 10.0
MOST_SPEED_UP = 4.0
"""The search begins at most at so many times the goodput without a cache."""


@dataclass(frozen=True, slots=True)
class CachePoint:
    """Goodput at one share.

    Attributes:
        seen_share: of requests, asked for.
        cached_share: of scores, found.
        pairs_s: goodput; 0.0 when no rate held.
        times_uncached: that over the goodput without a cache.
        confirmed: by a trial at length.
        verdict: of the rate that held.
        p99_ms: at it; infinite when none held.
    """

    seen_share: float
    cached_share: float
    pairs_s: float
    times_uncached: float
    confirmed: bool
    verdict: str
    p99_ms: float


def measure_cache(  # noqa: PLR0913 -- each fixes the measurement in its own way
    setup: GatewaySetup,
    material: Material,
    share: float,
    *,
    slo: Slo,
    sizes: Sizes,
    goodput_pairs_s: float,
    first: int,
    progress: Progress,
    seed: int,
) -> CachePoint:
    """Find the goodput of a gateway with a score cache when a share of requests was seen before.

    Args:
        setup: with a score cache.
        material: its bases are sent beforehand, so that they are cached.
        share: of requests that are bases; 0 to below 1.
        slo: what must be kept.
        sizes: of the trials.
        goodput_pairs_s: without a cache, to begin with.
        first: number of the first search that is new.
        progress: hears of it.
        seed: of draws and schedules.

    Raises:
        BenchError: the gateway or the generator failed.
    """
    seen = np.random.default_rng(seed).random(SEARCHES) < share
    traffic = material.mixed(seen, first)
    progress.say(f"score cache, {share:.0%} of the requests seen before")
    with running_gateway(setup) as gateway:
        warm = Job(
            *(gateway.target, DEADLINE_S, CALLERS),
            max_requests=len(material.bases),
        )
        run_load(warm, Traffic.of(material.bases).payloads(NO_SCHEDULE))
        trials = Trials(f"{share:.0%} seen", gateway.target, traffic, progress, seed, sizes)
        speed_up = min(MOST_SPEED_UP, 1 / (1 - share))
        found = trials.goodput(
            start=speed_up * goodput_pairs_s / traffic.pairs_a_request,
            slo=slo,
            tolerance=TOLERANCE,
            max_trials=TRIALS,
        )
    return CachePoint(
        seen_share=share,
        cached_share=cached_share(joined([trial.run.records for trial in trials.history])),
        pairs_s=found.pairs_s,
        times_uncached=found.pairs_s / goodput_pairs_s,
        confirmed=found.confirmed,
        verdict=str(found.judgement) if found.judgement else "not held",
        p99_ms=found.figures.p99_ms if found.figures else math.inf,
    )
