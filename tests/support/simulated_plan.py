"""plan.json of a day's forecast and a simulated server."""

from __future__ import annotations

import math
from typing import Any

from tests.support.simulated_bench import FINGERPRINT, SLO_MS, figures_of_columns, sweep
from tests.support.simulated_load import SimulatedServer, simulate_load

HOURS = 24
PEAK_PAIRS_S = 9_000.0
HEADROOM, FAILURES, PRICE = 0.7, 1, 0.38
CALLERS = (1, 2, 4, 8, 16, 32)
RATE, CONTENTION, COHERENCE = 1_020.0, 0.42, 0.0012
OFF = (0.0, 0.02, -0.03, 0.01, 0.015, -0.01)
CACHED = {0.5: 0.44, 0.9: 0.81}
"""Share of requests seen before -> share of scores that were cached."""


def plan(rates: list[float], *, seconds: float = 8.0) -> dict[str, Any]:
    """Return plan.json: sized as `ctr-bench plan` does, all of its parts measured."""
    found = sweep(SimulatedServer(), rates, seconds=seconds)
    goodput = found["knee"]["goodput_pairs_s"]
    shape = [0.5 - 0.5 * math.cos(2 * math.pi * (hour - 4) / HOURS) for hour in range(HOURS)]
    loads = [PEAK_PAIRS_S * (0.2 + 0.8 * part) / (0.2 + 0.8 * max(shape)) for part in shape]
    by_time = [math.ceil(load / (goodput * HEADROOM)) + FAILURES for load in loads]
    replicas = max(by_time)
    throughputs = [_law(n) * (1 + off) for n, off in zip(CALLERS, OFF, strict=True)]
    run = {"p99_ms": 84.2, "late": 4, "failed": 0, "requests": 1_500, "held": True, "valid": True}
    return {
        "kind": "plan",
        "date": "2026-11-29T12:00:00+00:00",
        "partial": False,
        "error": "",
        "slo": {"percentile": 99.0, "limit_ms": SLO_MS, "text": "p99 <= 100 ms"},
        "forecast": {
            "source": "forecast.csv",
            "peak_pairs_s": PEAK_PAIRS_S,
            "times_s": [3_600.0 * hour for hour in range(HOURS)],
            "pairs_s": loads,
        },
        "policy": {"headroom": HEADROOM, "failures": FAILURES, "surge": 1.0},
        "start": {"serving_s": [6.1, 5.7], "answer_s": [6.2, 5.8], "rss_bytes": 412 * 2**20},
        "goodput_pairs_s": goodput,
        "goodput_given": False,
        "sweep": found,
        "queue": {"planned": {"mean_tokens": 41.0}, "knee": {"mean_tokens": 390.0}},
        "usl": {
            "rate": RATE,
            "contention": CONTENTION,
            "coherence": COHERENCE,
            "numbers": list(CALLERS),
            "throughputs": throughputs,
            "residuals": list(OFF),
            "best_number": 22.0,
        },
        "cache": [_cache(goodput, seen, cached) for seen, cached in CACHED.items()],
        "loss": {"replicas": 2, "killed": 1, **run},
        "verification": [
            {"claim": f"{replicas} replicas hold the peak", "true": True, "replicas": replicas}
            | {"killed": 1, **run},
            {"claim": f"{replicas - 2} do not", "true": True, "replicas": replicas - 2}
            | {"killed": 0, **run, "held": False, "p99_ms": None},
        ],
        "replicas": replicas,
        "sizing": {
            "for_peak": replicas - FAILURES,
            "with_failures": replicas,
            "for_surge": math.ceil(PEAK_PAIRS_S / goodput),
            "decided_by": "peak",
        },
        "replicas_by_time": by_time,
        "cost_a_million": _cost(replicas, goodput, loads, by_time),
        "autoscaling": {"min_replicas": min(by_time), "max_replicas": replicas, "lead_s": 6.1},
        "fingerprint": FINGERPRINT,
    }


def _law(callers: int) -> float:
    slowed = 1 + CONTENTION * (callers - 1) + COHERENCE * callers * (callers - 1)
    return RATE * callers / slowed


def _cost(
    replicas: int, goodput: float, loads: list[float], by_time: list[int]
) -> dict[str, float]:
    millions = sum(loads) * 3_600 / 1e6
    return {
        "an_hour": PRICE * replicas,
        "full": PRICE / (goodput * 3_600 / 1e6),
        "fixed": PRICE * replicas * HOURS / millions,
        "following": PRICE * sum(by_time) / millions,
    }


def _cache(goodput: float, seen: float, cached: float) -> dict[str, object]:
    server = SimulatedServer(hit_share=cached)
    rate = 0.6 * server.capacity_requests_s
    figures = figures_of_columns(simulate_load(server, rate, 10))
    return {
        "seen_share": seen,
        "cached_share": cached,
        "pairs_s": figures["goodput_pairs_s"],
        "times_uncached": figures["goodput_pairs_s"] / goodput,
        "confirmed": True,
        "verdict": "held",
        "p99_ms": figures["p99_ms"],
    }
