"""Goodput of one server at an SLO: search by short open-loop trials, then a confirming one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.figures import figures_of
from ctr_bench.job import Job, Payloads
from ctr_bench.runner import run_load
from ctr_bench.schedule import poisson
from ctr_bench.search import MAX_TRIALS, TOLERANCE, highest_rate
from ctr_bench.workload import serialise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from ctr_bench.figures import Figures
    from ctr_bench.progress import Progress
    from ctr_bench.runner import Run
    from ctr_bench.schedule import Times
    from ctr_bench.searches import Search

DEADLINE_FACTOR = 2.5
"""A caller waits so many times the SLO."""
STEP_DOWN = 0.95
"""When the confirming trial fails, the next one is at so much of its rate."""
MAX_CONFIRMATIONS = 3
NO_SCHEDULE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Serialised requests that are sent in order, and the items of each."""

    messages: Sequence[bytes]
    candidates: Sequence[int]

    @classmethod
    def of(cls, searches: Sequence[Search]) -> Self:
        """Serialise searches."""
        return cls(serialise(searches), [len(search.items) for search in searches])

    @property
    def pairs_a_request(self) -> float:
        """The mean length of a list."""
        return sum(self.candidates) / len(self.candidates)

    def part(self, begin: int, end: int) -> Traffic:
        """Return a slice of it."""
        return Traffic(self.messages[begin:end], self.candidates[begin:end])

    def payloads(self, schedule_ns: Times) -> Payloads:
        """Return them with a schedule."""
        return Payloads(self.messages, np.asarray(self.candidates, dtype=np.int32), schedule_ns)


@dataclass(frozen=True, slots=True)
class Goodput:
    """What held.

    Attributes:
        pairs_s: goodput of the confirming trial; 0.0 when no rate held.
        requests_s: the rate that was asked for.
        figures: of the confirming trial; None when no rate held.
        generator_cpu_share: in it.
    """

    pairs_s: float
    requests_s: float
    figures: Figures | None
    generator_cpu_share: float


class Trials:
    """Runs open-loop trials against one server; every trial has a schedule of its own."""

    def __init__(
        self, name: str, target: str, traffic: Traffic, progress: Progress, seed: int
    ) -> None:
        """Take the server's name for messages, its "host:port", and what to ask."""
        self._name = name
        self._target = target
        self._traffic = traffic
        self._progress = progress
        self._seed = seed

    def run(self, rate: float, seconds: float, slo_ms: float) -> tuple[Figures, Run]:
        """Offer `rate` requests a second for about `seconds`."""
        self._seed += 1
        requests = max(1, round(rate * seconds))
        job = Job(target=self._target, deadline_s=DEADLINE_FACTOR * slo_ms / 1e3)
        run = run_load(job, self._traffic.payloads(poisson(rate, requests, self._seed)))
        figures = figures_of(run.records, slo_ms)
        verdict = "held" if figures.holds(slo_ms) else "not held"
        pairs_s = rate * self._traffic.pairs_a_request
        self._progress.say(
            f"{self._name}: {pairs_s:,.0f} pairs/s for {seconds:.0f} s: "
            f"p99 {figures.p99_ms:.0f} ms of {slo_ms:.0f}, good {figures.good_share:.2%}, {verdict}"
            + ("" if figures.valid else f" (generator late: {figures.send_lag_p99_ms:.1f} ms)")
        )
        return figures, run

    def goodput(  # noqa: PLR0913 -- each bounds the search in its own way
        self,
        *,
        start: float,
        slo_ms: float,
        trial_s: float,
        confirm_s: float,
        tolerance: float = TOLERANCE,
        max_trials: int = MAX_TRIALS,
    ) -> Goodput:
        """Find the highest rate that holds and confirm it.

        Args:
            start: the first rate, requests a second.
            slo_ms: what p99 must keep.
            trial_s: length of a trial of the search.
            confirm_s: length of the confirming trial; what it measured is what is returned.
            tolerance: see `search.highest_rate`.
            max_trials: see `search.highest_rate`.
        """
        rate = highest_rate(
            lambda rate: self.run(rate, trial_s, slo_ms)[0].holds(slo_ms),
            start,
            tolerance=tolerance,
            max_trials=max_trials,
        )
        for _ in range(MAX_CONFIRMATIONS):
            if not rate:
                break
            figures, run = self.run(rate, confirm_s, slo_ms)
            if figures.holds(slo_ms):
                return Goodput(figures.goodput_pairs_s, rate, figures, run.generator_cpu_share)
            rate *= STEP_DOWN
        return Goodput(0.0, 0.0, None, 0.0)


def saturate(target: str, traffic: Traffic, *, callers: int, seconds: float) -> tuple[float, Run]:
    """Return pairs a second of a closed loop: the most that the server does, whatever the latency.

    Args:
        target: "host:port".
        traffic: what to ask.
        callers: each has one request at a time.
        seconds: how long.
    """
    job = Job(target=target, deadline_s=10.0, callers=callers, seconds=seconds, warm_up=callers)
    run = run_load(job, traffic.payloads(NO_SCHEDULE))
    records = run.records
    return float(records.candidates[records.complete].sum()) / run.wall_s, run
