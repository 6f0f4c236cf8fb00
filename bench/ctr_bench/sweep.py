"""The knee of a server: the highest rate that keeps an SLO, found several times."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.errors import BenchError
from ctr_bench.figures import median_and_spread
from ctr_bench.goodput import saturate
from ctr_bench.pool import joined, judge
from ctr_bench.sweep_points import Knee, cached_share, point
from ctr_bench.trial import Sizes
from ctr_bench.trials import Trials

if TYPE_CHECKING:
    from ctr_bench.goodput import Traffic
    from ctr_bench.pool import Judgement
    from ctr_bench.progress import Progress
    from ctr_bench.record import Records
    from ctr_bench.slo import Slo
    from ctr_bench.trial import Goodput, Trial

CALLERS = 16
PROBE_S = 3.0
START_SHARE = 0.5
"""The search begins at this share of what a closed loop gets."""
CURVE_SHARES = (0.5, 0.8, 1.2)
"""Of the knee: what is also measured, so that the curve has a flat part and a steep one."""
CACHED_NOTE = 0.02
"""With more cached scores than this the output says that the knee is not the model's alone."""


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """What to find.

    Attributes:
        slo: what must be kept.
        repeats: searches; each begins where the one before it ended.
        sizes: of the trials.
        start: first rate in requests a second; 0 asks a closed loop.
        curve: measure at `CURVE_SHARES` of the knee too.
        seed: of the schedules.
    """

    slo: Slo
    repeats: int = 3
    sizes: Sizes = field(default_factory=Sizes)
    start: float = 0.0
    curve: bool = True
    seed: int = 0


@dataclass(slots=True)
class Sweep:
    """What was found so far.

    Attributes:
        plan: what was asked for.
        trials: all of them; `owners` has the repeat of each from 1, 0 for the curve's.
        knees: one a repeat.
    """

    plan: SweepPlan
    trials: list[Trial] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    knees: list[Goodput] = field(default_factory=list)

    def run(self, name: str, target: str, traffic: Traffic, progress: Progress) -> None:
        """Find the knee as often as the plan says, then measure round it.

        What was found is in `trials` and `knees` even when this ends by an exception.

        Raises:
            BenchError: the SLO is kept at no rate, or the server or the generator failed.
        """
        plan = self.plan
        start = plan.start or self._probe(target, traffic, progress)
        trials = Trials(name, target, traffic, progress, plan.seed, plan.sizes)
        for repeat in range(plan.repeats):
            progress.say(f"search {repeat + 1} of {plan.repeats} for {plan.slo}")
            try:
                found = trials.goodput(start=start, slo=plan.slo)
            finally:
                self._take(trials, repeat + 1)
            if not found.found:
                raise BenchError(self._unreachable())
            self.knees.append(found)
            start = found.requests_s
        for share in CURVE_SHARES if plan.curve else ():
            rate = share * self.knee_requests_s
            requests = plan.sizes.at(rate, plan.slo, at_length=False)
            try:
                trials.valid_run(rate, requests, plan.slo, to_the_end=True)
            finally:
                self._take(trials, 0)

    @property
    def knee_requests_s(self) -> float:
        """Median of the repeats."""
        return float(np.median([knee.requests_s for knee in self.knees]))

    def by_rate(self) -> list[tuple[float, Judgement, Records]]:
        """Return rate, judgement and records of each rate, all its valid trials together."""
        rates: dict[float, list[Trial]] = {}
        for trial in self.trials:
            if trial.judgement.figures.valid:
                rates.setdefault(trial.rate, []).append(trial)
        found = []
        for rate, own in sorted(rates.items()):
            records = joined([trial.run.records for trial in own])
            found.append((rate, judge(records, self.plan.slo), records))
        return found

    def as_json(self) -> dict[str, object]:
        """Return plan, trials, rates and knee as sweep.json holds them."""
        return {
            "slo": self.plan.slo.as_json(),
            "repeats": self.plan.repeats,
            "trial_requests": self.plan.sizes.requests,
            "confirm_requests": self.plan.sizes.confirm_requests,
            "seed": self.plan.seed,
            "trials": [
                {
                    "search": owner,
                    **point(trial.rate, trial.judgement, trial.run.records),
                    "planned_requests": trial.planned,
                    "generator_cpu_share": trial.run.generator_cpu_share,
                    "send_lag_p99_ms": trial.judgement.figures.send_lag_p99_ms,
                }
                for trial, owner in zip(self.trials, self.owners, strict=True)
            ],
            "rates": [point(*rate) for rate in self.by_rate()],
            "knee": asdict(self.knee()) if self.knees else None,
        }

    def knee(self) -> Knee:
        """Return the knee over the repeats.

        Raises:
            ValueError: no search has ended.
        """
        pairs_s, pairs_spread = median_and_spread([knee.pairs_s for knee in self.knees])
        requests_s, requests_spread = median_and_spread([knee.requests_s for knee in self.knees])
        nearest = min(self.knees, key=lambda knee: abs(knee.pairs_s - pairs_s))
        figures = nearest.figures
        return Knee(
            goodput_pairs_s=pairs_s,
            goodput_pairs_s_spread=pairs_spread,
            requests_s=requests_s,
            requests_s_spread=requests_spread,
            p50_ms=figures.p50_ms if figures else math.inf,
            p99_ms=figures.p99_ms if figures else math.inf,
            good_share=figures.good_share if figures else 0.0,
            verdict=str(nearest.judgement),
            confirmed=all(knee.confirmed for knee in self.knees),
            failed_requests_s=min(knee.failed_requests_s for knee in self.knees),
        )

    def notes(self) -> list[str]:
        """Return what a reader must know of these figures."""
        notes = []
        if self.knees and not all(knee.confirmed for knee in self.knees):
            notes.append("a search's answer was not confirmed at length: give more requests")
        if self.knees and all(knee.failed_requests_s == float("inf") for knee in self.knees):
            notes.append("no rate failed: the knee lies above what was tried, give --start")
        shares = [cached_share(trial.run.records) for trial in self.trials]
        if shares and max(shares) > CACHED_NOTE:
            notes.append(
                f"up to {max(shares):.0%} of the scores came from a cache: without it the knee is "
                "lower (--score-cache-bytes 0)"
            )
        invalid = sum(not trial.judgement.figures.valid for trial in self.trials)
        if invalid:
            notes.append(
                f"{invalid} of {len(self.trials)} trials are invalid, because the generator was "
                "late, and count for nothing: is the machine busy with something else?"
            )
        return notes

    def _probe(self, target: str, traffic: Traffic, progress: Progress) -> float:
        pairs_s, _ = saturate(target, traffic, callers=CALLERS, seconds=PROBE_S)
        progress.say(f"closed loop of {CALLERS} callers: {pairs_s:,.0f} pairs/s, to begin with")
        if not pairs_s:
            raise BenchError(f"{target} answered nothing complete in {PROBE_S:.0f} s")
        return START_SHARE * pairs_s / traffic.pairs_a_request

    def _take(self, trials: Trials, owner: int) -> None:
        new = trials.history[len(self.trials) :]
        self.trials += new
        self.owners += [owner] * len(new)

    def _unreachable(self) -> str:
        lowest = min(self.trials, key=lambda trial: trial.rate)
        judged = lowest.judgement
        late = (
            f"{self.plan.slo.name} is {judged.slow_ms:.0f} ms"
            if np.isfinite(judged.slow_ms)
            else f"{judged.late} of {judged.requests} requests were late or not answered well"
        )
        if not judged.figures.valid:
            late += f" (the generator itself was {judged.figures.send_lag_p99_ms:.1f} ms late)"
        return (
            f"{self.plan.slo} is kept at no rate: even at {lowest.rate:.3g} requests/s {late}. "
            "Give a longer limit, shorter lists or a faster engine"
        )
