"""The sweep on a scripted target: the knee that it finds, against where simulation has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.claims import Check, near
from ctr_bench.figures import percentile_ms
from ctr_bench.goodput import Traffic
from ctr_bench.schedule import poisson
from ctr_bench.scripted_load import CANDIDATES, numbered, predict, scripted_server
from ctr_bench.scripted_queue import Script
from ctr_bench.slo import Slo
from ctr_bench.sweep import Sweep, SweepPlan
from ctr_bench.trial import Sizes

if TYPE_CHECKING:
    from ctr_bench.progress import Progress
    from ctr_bench.selftest_checks import Bounds

SCRIPT = Script(kind="lognormal", service_ms=40.0, sigma=0.1, servers=16)
"""Many servers and even service times make a sharp knee: near it 5 % of load are 18 % of p99, so
that the 5 % of some thousand requests' p99 are 1.5 % of the knee."""
SLO = Slo(limit_ms=80.0)
REQUESTS_A_SECOND, CONFIRM_A_SECOND = 25, 100
"""Of a trial and of a confirming one, for each second that loads of the selftest take."""
REPEATS = 3
START_SHARE = 0.6
"""Of capacity: the search begins below the knee and does not know it."""
MESSAGES = 4_096
SIMULATED, SEEDS = 20_000, (101, 102, 103, 104)
STEPS = 10


def simulated_knee() -> float:
    """Return the highest rate, requests a second, at which the simulated p99 keeps the SLO."""
    low, high = 0.5 * SCRIPT.capacity_requests_s, SCRIPT.capacity_requests_s
    for _ in range(STEPS):
        middle = (low + high) / 2
        latency_ms = np.concatenate(
            [predict(SCRIPT, poisson(middle, SIMULATED, seed)).latency_ms for seed in SEEDS]
        )
        if percentile_ms(latency_ms, SLO.percent) <= SLO.limit_ms:
            low = middle
        else:
            high = middle
    return low


def knee(
    seconds: float, seed: int, bounds: Bounds, progress: Progress, *, repeats: int = REPEATS
) -> Check:
    """Sweep a server of known capacity: its knee and the goodput there, medians of `repeats`."""
    expected = simulated_knee()
    sizes = Sizes(round(REQUESTS_A_SECOND * seconds), round(CONFIRM_A_SECOND * seconds))
    start = START_SHARE * SCRIPT.capacity_requests_s
    sweep = Sweep(SweepPlan(SLO, repeats, sizes, start, curve=False, seed=seed))
    with scripted_server(SCRIPT) as server:
        traffic = Traffic(numbered(MESSAGES), [CANDIDATES] * MESSAGES)
        sweep.run("scripted", server.target, traffic, progress)
    found = sweep.knee()
    return Check(
        "knee",
        (
            near("knee_requests_s", found.requests_s, expected, bounds.known),
            near(
                "goodput_pairs_s",
                found.goodput_pairs_s,
                expected * CANDIDATES,
                bounds.known,
            ),
        ),
        {
            "slo": str(SLO),
            "capacity_requests_s": SCRIPT.capacity_requests_s,
            "spread_requests_s": found.requests_s_spread,
            "trials": len(sweep.trials),
            "confirmed": found.confirmed,
        },
    )
