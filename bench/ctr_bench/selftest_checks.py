"""The harness on scripted targets: what it must find, and what must not fool it."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.claims import Check, bound, near
from ctr_bench.figures import summary
from ctr_bench.schedule import poisson
from ctr_bench.scripted_load import CANDIDATES, DEADLINE_S, load_closed, load_open, predict
from ctr_bench.scripted_queue import Script
from ctr_bench.validity import invalid_reasons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_bench.runner import Run

DEADLINE_MS = DEADLINE_S * 1e3
STEADY = Script(kind="lognormal", service_ms=100.0, sigma=0.35, servers=8)
"""Long against the machine's own noise: a late wake-up of 2 ms is 2 % of the median."""
STEADY_LOAD = 0.65
SLO_PERCENT = 90
"""The SLO of the known server is this percentile of the prediction, so goodput decides by it."""
STALLING = Script(
    service_ms=20.0,
    servers=4,
    stall_first_ms=4_000.0,
    stall_every_ms=6_000.0,
    stall_length_ms=1_000.0,
)
STALLING_RATE = 40.0
SHEDDING = Script(kind="lognormal", service_ms=100.0, sigma=0.35, servers=4, max_waiting=2)
SHEDDING_LOAD = 3.0
STARVED_RATE = 100.0
STARVED_S = 4.0
STOPPED_S, RUNNING_S = 0.3, 0.2
"""What a CPU quota does to a process: all of it stands still for a part of each period."""
SLO_MS = 100.0
SLOWEST_SHARE = 0.05
"""A stall shows in one request of a closed loop's caller; its p99 stays below this share of it."""
MAX_GOOD_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Bounds:
    """How near is near enough: shares.

    Attributes:
        known: p50, p99 and goodput of a known server.
        stall: the length of a stall.
        peers: p99 against another harness.
    """

    known: float = 0.05
    stall: float = 0.10
    peers: float = 0.10


def figures(run: Run, slo_ms: float) -> dict[str, float]:
    """Return a run's figures as numbers; a percentile that failures reach is endless."""
    found = summary(
        run.records,
        slo_ms=slo_ms,
        deadline_ms=DEADLINE_MS,
        seconds=float(run.records.scheduled_ns[-1]) / 1e9,
        generator_cpu_share=run.generator_cpu_share,
    )
    return {
        name: float("inf") if value is None else float(value)
        for name, value in found.items()
        if value is None or isinstance(value, int | float)
    }


def reasons(run: Run, slo_ms: float) -> list[str]:
    """Return why an open-loop run is invalid."""
    return invalid_reasons(
        run.records,
        closed=False,
        slo_ms=slo_ms,
        generator_cpu_share=run.generator_cpu_share,
    )


def known_server(seconds: float, seed: int, bounds: Bounds) -> Check:
    """Measure a server of known service times and capacity, by two generators."""
    rate = STEADY_LOAD * STEADY.capacity_requests_s
    schedule_ns = poisson(rate, round(rate * seconds), seed)
    predicted = predict(STEADY, schedule_ns)
    slo_ms = predicted.percentile_ms(SLO_PERCENT)
    run = load_open(STEADY, schedule_ns, generators=2)
    found = figures(run, slo_ms)
    return Check(
        "known server",
        (
            near("p50_ms", found["p50_ms"], predicted.percentile_ms(50), bounds.known),
            near("p99_ms", found["p99_ms"], predicted.percentile_ms(99), bounds.known),
            near(
                "goodput_pairs_s",
                found["goodput_pairs_s"],
                predicted.goodput_pairs_s(slo_ms),
                bounds.known,
            ),
        ),
        {"requests": len(schedule_ns), "slo_ms": slo_ms, "invalid_reasons": reasons(run, slo_ms)},
    )


def stalling_server(seconds: float, seed: int, bounds: Bounds) -> Check:
    """Stall on schedule: the open loop must show it, and the closed one is seen to hide it."""
    schedule_ns = poisson(STALLING_RATE, round(STALLING_RATE * seconds), seed)
    predicted = predict(STALLING, schedule_ns)
    found = figures(load_open(STALLING, schedule_ns), SLO_MS)
    closed = load_closed(STALLING, callers=1, seconds=seconds).records
    closed_p99_ms = float(np.percentile(closed.latency_ms, 99))
    stall_ms = STALLING.stall_length_ms
    return Check(
        "stalling server",
        (
            near("stalls_ms", found["stalls_ms"], stall_ms, bounds.stall),
            near("p99_ms", found["p99_ms"], predicted.percentile_ms(99), bounds.stall),
            bound("closed_loop_p99_ms", closed_p99_ms, "<=", SLOWEST_SHARE * stall_ms),
        ),
        {"requests": len(schedule_ns), "closed_loop_requests": len(closed)},
    )


def shedding_server(seconds: float, seed: int, bounds: Bounds) -> Check:
    """Refuse fast at three times capacity: fast refusals must not look like fast answers."""
    rate = SHEDDING_LOAD * SHEDDING.capacity_requests_s
    schedule_ns = poisson(rate, round(rate * seconds), seed)
    predicted = predict(SHEDDING, schedule_ns)
    slo_ms = 1e3
    found = figures(load_open(SHEDDING, schedule_ns), slo_ms)
    capacity_pairs_s = SHEDDING.capacity_requests_s * CANDIDATES
    return Check(
        "shedding server",
        (
            bound("good_share", found["good_share"], "<=", MAX_GOOD_SHARE),
            bound("p99_ms", found["p99_ms"], ">=", DEADLINE_MS),
            near(
                "goodput_pairs_s",
                found["goodput_pairs_s"],
                predicted.goodput_pairs_s(slo_ms),
                bounds.known,
            ),
            bound(
                "goodput_pairs_s beyond capacity",
                found["goodput_pairs_s"],
                "<=",
                capacity_pairs_s * (1 + bounds.known),
            ),
        ),
        {"requests": len(schedule_ns), "offered_over_capacity": SHEDDING_LOAD},
    )


def starved_generator(seed: int) -> Check:
    """Take the CPU from the generator: its run must be invalid, and say why."""
    schedule_ns = poisson(STARVED_RATE, round(STARVED_RATE * STARVED_S), seed)
    starver = _Starver()
    try:
        run = load_open(Script(service_ms=5.0, servers=8), schedule_ns, started=starver.begin)
    finally:
        starver.end()
    said = reasons(run, SLO_MS)
    return Check(
        "starved generator",
        (bound("invalid_reasons", len(said), ">=", 1),),
        {"invalid_reasons": said, "send_lag_p99_ms": figures(run, SLO_MS)["send_lag_p99_ms"]},
    )


class _Starver:
    """Stops processes for a part of each period."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, pids: Sequence[int]) -> None:
        self._thread = threading.Thread(target=self._starve, args=(pids,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _starve(self, pids: Sequence[int]) -> None:
        while not self._ended.wait(RUNNING_S):
            _signal(pids, signal.SIGSTOP)
            self._ended.wait(STOPPED_S)
            _signal(pids, signal.SIGCONT)


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        # A process that ended stays ours, as a zombie, until it is waited for: no stranger is hit.
        if os.path.exists(f"/proc/{pid}"):  # noqa: PTH110 -- /proc is no file of ours
            os.kill(pid, number)
