"""Goodput of one server at an SLO: open-loop trials by number of requests, the answer confirmed.

A trial has as many requests as its verdict needs, whatever the rate: of 200 requests two decide a
p99. It also lasts 20 times the SLO, because a queue that grows by 5 % of the time shows only then;
that counts where thousands of requests come in a second.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from ctr_bench.goodput import DEADLINE_FACTOR
from ctr_bench.job import Job
from ctr_bench.pool import joined, judge
from ctr_bench.runner import run_load
from ctr_bench.schedule import poisson
from ctr_bench.search import MAX_TRIALS, TOLERANCE, highest_rate
from ctr_bench.trial import LEAST_SLOS, Goodput, Sizes, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctr_bench.goodput import Traffic
    from ctr_bench.pool import Judgement
    from ctr_bench.progress import Progress
    from ctr_bench.record import Records
    from ctr_bench.schedule import Times
    from ctr_bench.slo import Slo

INVALID_AGAIN = 2
"""A trial whose generator was late says nothing about the server; it is repeated so often."""


class Trials:
    """Runs open-loop trials against one server; every trial has a schedule of its own."""

    def __init__(  # noqa: PLR0913, PLR0917 -- a bench's fixed surroundings, one each
        self,
        name: str,
        target: str,
        traffic: Traffic,
        progress: Progress,
        seed: int,
        sizes: Sizes | None = None,
        schedule: Callable[[float, int, int], Times] = poisson,
        attempts: int = 1,
        before: Callable[[], object] | None = None,
    ) -> None:
        """Take what stays the same from trial to trial.

        Args:
            name: of the server, for messages.
            target: where it serves; see `Job`.
            traffic: what to ask, in turn over all trials.
            progress: hears of each trial.
            seed: of the schedules.
            sizes: of the trials.
            schedule: makes arrivals of a rate, a number of requests and a seed.
            attempts: of the client at one call; 1 hides no failure.
            before: called before each trial, to see what the machine does meanwhile.
        """
        self._name = name
        self._target = target
        self._traffic = traffic
        self._progress = progress
        self._seed = seed
        self._sizes = sizes or Sizes()
        self._schedule = schedule
        self._attempts = attempts
        self._before = before
        self._sent = 0
        self.history: list[Trial] = []
        """All trials, in order."""

    def run(self, rate: float, requests: int, slo: Slo, *, to_the_end: bool = False) -> Trial:
        """Offer `rate` requests a second until the verdict is known, or the requests are sent.

        Args:
            rate: requests a second.
            requests: most of them.
            slo: what must be kept.
            to_the_end: send all of them, whatever the verdict.

        Raises:
            BenchError: the server or the generator failed.
        """
        if self._before is not None:
            self._before()
        self._seed += 1
        pairs_s = rate * self._traffic.pairs_a_request
        load = f"{self._name}: {pairs_s:,.0f} pairs/s ({rate:,.4g} requests/s)"
        self._progress.say(f"{load}: {requests:,} requests, about {requests / rate:,.0f} s")
        job = Job(
            target=self._target,
            deadline_s=DEADLINE_FACTOR * slo.limit_ms / 1e3,
            attempts=self._attempts,
            protocol=self._traffic.protocol,
        )
        if not to_the_end:
            job = self._ending_early(job, rate, requests, slo)
        traffic = self._traffic.from_request(self._sent)
        run = run_load(job, traffic.payloads(self._schedule(rate, requests, self._seed)))
        self._sent += len(run.records)
        judgement = judge(run.records, slo)
        trial = Trial(rate, requests, judgement, run)
        self.history.append(trial)
        figures = judgement.figures
        ended = "" if judgement.requests == requests else f" (ended after {judgement.requests:,})"
        self._progress.say(
            f"{load}{ended}: {slo.name} {judgement.slow_ms:.0f} ms of {slo.limit_ms:.0f}, "
            f"{judgement.late} late of {judgement.requests:,}, good {figures.good_share:.2%}: "
            f"{judgement}"
            + ("" if figures.valid else f", lag p99 {figures.send_lag_p99_ms:.1f} ms")
        )
        return trial

    def valid_run(self, rate: float, requests: int, slo: Slo, *, to_the_end: bool = False) -> Trial:
        """Do the same, again while the generator is late; the last trial may be invalid still."""
        for _ in range(1 + INVALID_AGAIN):
            done = self.run(rate, requests, slo, to_the_end=to_the_end)
            if done.judgement.figures.valid:
                break
        return done

    def goodput(
        self,
        *,
        start: float,
        slo: Slo,
        tolerance: float = TOLERANCE,
        max_trials: int = MAX_TRIALS,
    ) -> Goodput:
        """Find the highest rate that holds and confirm it.

        Args:
            start: the first rate, requests a second.
            slo: what must be kept.
            tolerance: see `search.highest_rate`.
            max_trials: see `search.highest_rate`.

        Raises:
            BenchError: the server or the generator failed.
        """
        seen: dict[float, list[Trial]] = {}

        def trial(rate: float, at_length: bool) -> Judgement:  # noqa: FBT001 -- the search's signature
            done = self.valid_run(rate, self._sizes.at(rate, slo, at_length=at_length), slo)
            if done.judgement.figures.valid:
                seen.setdefault(rate, []).append(done)
            if rate not in seen:
                return done.judgement
            return judge(_records(seen[rate]), slo)

        found = highest_rate(trial, start, tolerance=tolerance, max_trials=max_trials)
        if not found.rate:
            return Goodput(failed_requests_s=found.failed)
        judgement = judge(_records(seen[found.rate]), slo)
        self._progress.say(
            f"{self._name}: {judgement.figures.goodput_pairs_s:,.0f} pairs/s within {slo}, "
            f"{judgement} by {judgement.requests:,} requests"
            + ("" if found.confirmed else "; not confirmed at length")
        )
        return Goodput(
            judgement.figures.goodput_pairs_s,
            found.rate,
            found.confirmed,
            judgement,
            found.failed,
            seen[found.rate][-1].run.generator_cpu_share,
        )

    def _ending_early(self, job: Job, rate: float, requests: int, slo: Slo) -> Job:
        least = math.ceil(rate * LEAST_SLOS * slo.limit_ms / 1e3)
        stops = slo.claim.stops(requests, least)
        return replace(
            job,
            late_s=slo.limit_ms / 1e3,
            lost_by=list(stops.lost_by),
            won_after=list(stops.won_after),
        )


def _records(trials: list[Trial]) -> Records:
    return joined([trial.run.records for trial in trials])
