"""A long run at a part of capacity: no error, flat memory, flat p99.

Repeating traffic with both caches on but small, so that they are full before the judged part
begins and evict ever after: memory that still grows then is a leak.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.figures import percentile_ms
from ctr_bench.gateway_process import GatewaySetup, running_gateway
from ctr_bench.goodput import Traffic, saturate
from ctr_bench.job import Job
from ctr_bench.runner import run_load
from ctr_bench.schedule import poisson
from ctr_bench.workload import SearchMaker, Shape
from ctr_bench.zipf import ZipfLaw, ZipfTraffic, draws

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ctr_bench.bound.rows import RowMaker
    from ctr_bench.catalogue import Catalogue
    from ctr_bench.child import Child
    from ctr_bench.progress import Progress
    from ctr_bench.results import Results

CACHE_BYTES = 4 * 1024 * 1024
CACHES = ("--score-cache-bytes", str(CACHE_BYTES), "--token-cache-bytes", str(CACHE_BYTES))
REQUESTS = 15_000
CALLERS = 16
DEADLINE_S = 1.0
"""The contract's default."""
CAPACITY_S = 20.0
WARM_SHARE = 0.1
MAX_RSS_GROWTH = 0.05
MAX_P99_GROWTH = 0.25
"""p99 of the last third over the first: Poisson arrivals alone move a minute's p99 by this much."""


@dataclass(frozen=True, slots=True)
class SoakPlan:
    """How long and how hard.

    Attributes:
        bundle: folder of the bundle.
        minutes: of load.
        load: share of the closed loop's pairs a second.
        segment_s: memory and p99 are taken this often.
        flags: further flags of `ctr-service serve`.
    """

    bundle: Path
    minutes: float
    load: float
    segment_s: float = 60.0
    flags: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of load.

    Attributes:
        failed: requests that were not answered complete and undegraded.
    """

    requests: int
    failed: int
    p50_ms: float
    p99_ms: float
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement; `broken` names what does not hold."""

    requests: int
    failed: int
    rss_growth: float
    p99_growth: float
    broken: tuple[str, ...]


def judge(segments: Sequence[Segment]) -> Verdict:
    """Judge the segments after the warm-up; errors count from the first one on.

    Args:
        segments: at least one.
    """
    judged = segments[round(len(segments) * WARM_SHARE) :]
    third = max(1, len(judged) // 3)
    rss = [segment.rss_bytes for segment in judged]
    p99_ms = [segment.p99_ms for segment in judged]
    rss_growth = max(rss) / rss[0] - 1
    p99_growth = float(np.median(p99_ms[-third:]) / np.median(p99_ms[:third])) - 1
    failed = sum(segment.failed for segment in segments)
    claims = (
        (failed == 0, f"{failed} requests were not answered complete and undegraded"),
        (rss_growth <= MAX_RSS_GROWTH, f"memory grew by {rss_growth:.1%} after the warm-up"),
        (p99_growth <= MAX_P99_GROWTH, f"p99 grew by {p99_growth:.0%} from first to last third"),
    )
    broken = tuple(sentence for holds, sentence in claims if not holds)
    return Verdict(sum(s.requests for s in segments), failed, rss_growth, p99_growth, broken)


def soak(
    plan: SoakPlan, rows: RowMaker, catalogue: Catalogue, progress: Progress, results: Results
) -> None:
    """Find the capacity, hold the load, and judge; the fact `broken` says what does not hold.

    Raises:
        BenchError: the gateway or the generator failed.
    """
    progress.say(f"making {REQUESTS:,} repeating searches from {catalogue.source}")
    law = ZipfLaw()
    maker = SearchMaker(catalogue.titles, rows, Shape(law.page_items, rows.features), plan.seed)
    texts = [name for name, kind in rows.features.user.items() if kind == "text"]
    source = ZipfTraffic(law, maker, texts)
    traffic = Traffic.of(list(source.searches(draws(law, REQUESTS, plan.seed))))
    with running_gateway(GatewaySetup(plan.bundle, (*CACHES, *plan.flags))) as gateway:
        # Twice: the first run fills the caches.
        for _ in range(2):
            capacity, _run = saturate(gateway.target, traffic, callers=CALLERS, seconds=CAPACITY_S)
        rate = plan.load * capacity / traffic.pairs_a_request
        progress.say(f"capacity {capacity:,.0f} pairs/s; holding {rate:.1f} requests/s")
        results.facts |= {
            "bundle": str(plan.bundle),
            "catalogue": catalogue.source,
            "minutes": plan.minutes,
            "load": plan.load,
        }
        results.add({"capacity_pairs_s": capacity, "requests_s": rate})
        segments: list[Segment] = []
        for segment in _hold(plan, gateway, traffic, rate, progress):
            segments.append(segment)
            results.facts |= {
                "segments_rss_bytes": [segment.rss_bytes for segment in segments],
                "segments_p99_ms": [round(segment.p99_ms, 2) for segment in segments],
            }
    verdict = judge(segments)
    results.facts["broken"] = list(verdict.broken)
    results.add(
        {
            "requests": verdict.requests,
            "failed": verdict.failed,
            "rss_growth": verdict.rss_growth,
            "p99_growth": verdict.p99_growth,
        }
    )


def _hold(
    plan: SoakPlan, gateway: Child, traffic: Traffic, rate: float, progress: Progress
) -> Iterator[Segment]:
    count = max(1, round(plan.minutes * 60 / plan.segment_s))
    requests = max(1, round(rate * plan.segment_s))
    for index in range(count):
        # Each segment goes on where the one before it ended, round the traffic.
        rotated = traffic.from_request(index * requests)
        schedule_ns = poisson(rate, requests, plan.seed + index + 1)
        run = run_load(Job(gateway.target, DEADLINE_S), rotated.payloads(schedule_ns))
        latency_ms = run.records.latency_ms
        segment = Segment(
            requests=len(run.records),
            failed=int((~run.records.complete).sum()),
            p50_ms=percentile_ms(latency_ms, 50),
            p99_ms=percentile_ms(latency_ms, 99),
            rss_bytes=gateway.rss_bytes(),
        )
        progress.say(
            f"segment {index + 1} of {count}: p50 {segment.p50_ms:.1f} ms, "
            f"p99 {segment.p99_ms:.1f} ms, failed {segment.failed}, "
            f"memory {segment.rss_bytes / 2**20:.0f} MiB"
        )
        yield segment
