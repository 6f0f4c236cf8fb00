"""The telemetry bench's loads: a closed loop and an open one on a gateway, and their figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.errors import BenchError
from ctr_bench.figures import endless_ms, percentile_ms
from ctr_bench.goodput import NO_SCHEDULE
from ctr_bench.job import Job
from ctr_bench.runner import run_load
from ctr_bench.schedule import poisson
from ctr_bench.telemetry_sides import scraped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctr_bench.goodput import Traffic
    from ctr_bench.telemetry_sides import Side

CALLERS = 16
DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class Load:
    """What one side did in one turn: a closed loop, and an open one's latencies in ms."""

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


class Loader:
    """Loads one side at a time; the n-th turn asks every side the same at the same moments."""

    def __init__(self, traffic: Traffic, *, seconds: float, seed: int) -> None:
        """Take what to ask, the length of one load and the schedules' seed."""
        self._traffic = traffic
        self._seconds = seconds
        self._seed = seed

    def closed(self, side: Side) -> Load:
        """Run a closed loop.

        Raises:
            BenchError: not every answer was complete.
        """
        job = Job(
            target=side.gateway.target,
            deadline_s=DEADLINE_S,
            callers=CALLERS,
            seconds=self._seconds,
            warm_up=CALLERS,
            watched_pid=side.gateway.pid,
        )
        run = run_load(job, self._traffic.payloads(NO_SCHEDULE))
        if not run.records.complete.all():
            raise BenchError(f"{side.name}: not every request was answered whole; see its log")
        return Load(len(run.records), run.wall_s, run.watched_cpu_s, np.empty(0))

    def open(self, side: Side, rate: float, turn: int) -> Load:
        """Run an open loop of `rate` requests a second while the side's metrics are scraped."""
        requests = max(1, round(rate * self._seconds))
        schedule_ns = poisson(rate, requests, self._seed + turn)
        job = Job(target=side.gateway.target, deadline_s=DEADLINE_S, warm_up=CALLERS)
        with scraped(side):
            records = run_load(job, self._traffic.payloads(schedule_ns)).records
        return Load(0, 0.0, 0.0, endless_ms(records))

    def both(self, side: Side, rate: float, turn: int) -> Load:
        """Run a closed loop and then an open one."""
        with scraped(side):
            most = self.closed(side)
        return Load(most.answered, most.wall_s, most.cpu_s, self.open(side, rate, turn).latency_ms)
