"""The capacity plan: everything that is measured for it, and what follows. See decision 0021."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from ctr_bench.cache_sensitivity import measure_cache
from ctr_bench.capacity import by_time, cost_of, size
from ctr_bench.cold_start import measure_start
from ctr_bench.gateway_process import NO_SCORE_CACHE, GatewaySetup, running_gateway
from ctr_bench.goodput import saturate
from ctr_bench.material import SEARCHES
from ctr_bench.queue_watch import QueueWatch
from ctr_bench.replica_runs import ReplicaBench
from ctr_bench.sweep import Sweep, SweepPlan
from ctr_bench.trials import Trials
from ctr_bench.usl import fit_usl

if TYPE_CHECKING:
    from ctr_bench.cache_sensitivity import CachePoint
    from ctr_bench.capacity import ByTime, Cost, Sizing
    from ctr_bench.child import Child
    from ctr_bench.cold_start import Start
    from ctr_bench.goodput import Traffic
    from ctr_bench.material import Material
    from ctr_bench.plan_order import PlanOrder
    from ctr_bench.progress import Progress
    from ctr_bench.replica_runs import ReplicaRun
    from ctr_bench.usl import Usl

CALLERS = (1, 2, 4, 8, 16, 32)
CALLERS_S = 3.0
FIRST_OF_CACHE = 100_000_000
"""Searches are numbered; those for the caches begin here."""


class Plan:
    """Measures, then concludes. What was found so far stays when it is stopped half-way."""

    def __init__(self, order: PlanOrder, material: Material, progress: Progress) -> None:
        self.order = order
        self._material = material
        self._progress = progress
        self._setup = GatewaySetup(order.bundle, (*NO_SCORE_CACHE, *order.flags))
        self._runs = 0
        self.start: Start | None = None
        self.sweep: Sweep | None = None
        self.goodput_pairs_s = order.goodput_pairs_s
        self.queue: dict[str, dict[str, float]] = {}
        self.usl: Usl | None = None
        self.cache: list[CachePoint] = []
        self.loss: ReplicaRun | None = None
        self.verified: list[tuple[str, bool, ReplicaRun]] = []

    def run(self) -> None:
        """Measure all that was asked for.

        Raises:
            BenchError: the SLO is kept at no rate, or a server or the generator failed.
        """
        order = self.order
        if "start" in order.parts:
            self.start = measure_start(self._setup, self._material, self._progress)
        one_gateway = not order.goodput_pairs_s or order.parts & {"queue", "callers"}
        if one_gateway:
            traffic = self._material.unseen(SEARCHES)
            with running_gateway(self._setup) as gateway:
                if not order.goodput_pairs_s:
                    self._measure_goodput(gateway, traffic)
                if "queue" in order.parts:
                    self._measure_queue(gateway, traffic)
                if "callers" in order.parts:
                    self._measure_callers(gateway, traffic)
        if "cache" in order.parts:
            self._measure_cache()
        if "loss" in order.parts:
            self._measure_loss()
        if order.verify:
            self._verify()

    @property
    def material_facts(self) -> dict[str, object]:
        """Of the bundle and the searches."""
        return self._material.facts

    @property
    def sizing(self) -> Sizing:
        """Replicas for the peak."""
        peak = self.order.forecast.peak_pairs_s
        return size(peak, self.goodput_pairs_s, self.order.policy)

    @property
    def lead_s(self) -> float:
        """The longest start that was seen; 0 when none was measured."""
        return max(self.start.serving_s) if self.start else 0.0

    @property
    def following(self) -> ByTime:
        """Replicas that follow the forecast."""
        order = self.order
        return by_time(order.forecast, self.goodput_pairs_s, order.policy, self.lead_s)

    @property
    def cost(self) -> Cost:
        """What scores cost."""
        return cost_of(
            *(self.order.price, self.sizing.replicas, self.goodput_pairs_s),
            *(self.order.forecast, self.following),
        )

    def autoscaling(self) -> dict[str, object]:
        """Return thresholds for an HPA or KEDA, each a mean over replicas."""
        found: dict[str, object] = {
            "min_replicas": self.following.least,
            "max_replicas": self.sizing.replicas,
            "lead_s": self.lead_s,
            "admitted_rows_s_a_replica": self.order.policy.headroom * self.goodput_pairs_s,
        }
        if self.queue:
            planned, knee = (self.queue[name]["mean_tokens"] for name in ("planned", "knee"))
            found["queued_tokens_a_replica"] = round((planned + knee) / 2)
        return found

    def as_json(self) -> dict[str, object]:
        """Return what plan.json holds of it."""
        order = self.order
        content: dict[str, object] = {
            "slo": order.slo.as_json(),
            "forecast": {
                "source": order.forecast.source,
                "peak_pairs_s": order.forecast.peak_pairs_s,
                "mean_pairs_s": order.forecast.mean_pairs_s,
                "times_s": order.forecast.times_s,
                "pairs_s": order.forecast.pairs_s,
            },
            "policy": asdict(order.policy),
            "flags": order.flags,
            "seed": order.seed,
            "start": asdict(self.start) if self.start else None,
            "goodput_pairs_s": self.goodput_pairs_s or None,
            "goodput_given": bool(order.goodput_pairs_s),
            "sweep": self.sweep.as_json() if self.sweep else None,
            "queue": self.queue,
            "usl": asdict(self.usl) | {"best_number": self.usl.best_number} if self.usl else None,
            "cache": [asdict(point) for point in self.cache],
            "loss": self.loss.as_json() if self.loss else None,
            "verification": [
                {"claim": claim, "true": true, **run.as_json()}
                for claim, true, run in self.verified
            ],
        }
        if self.goodput_pairs_s:
            content |= {
                "replicas": self.sizing.replicas,
                "sizing": asdict(self.sizing) | {"decided_by": self.sizing.decided_by},
                "replicas_by_time": self.following.replicas,
                "cost_a_million": asdict(self.cost) if order.price else None,
                "autoscaling": self.autoscaling(),
            }
        return content

    def _measure_goodput(self, gateway: Child, traffic: Traffic) -> None:
        order = self.order
        plan = SweepPlan(order.slo, order.repeats, order.sizes, order.start, False, order.seed)
        self.sweep = Sweep(plan)
        self.sweep.run("one replica", gateway.target, traffic, self._progress)
        self.goodput_pairs_s = self.sweep.knee().goodput_pairs_s

    def _measure_queue(self, gateway: Child, traffic: Traffic) -> None:
        order = self.order
        trials = Trials(
            *("queue", gateway.target, traffic, self._progress, order.seed + 50, order.sizes)
        )
        knee = self.goodput_pairs_s / traffic.pairs_a_request
        for name, rate in (("planned", order.policy.headroom * knee), ("knee", knee)):
            watch = QueueWatch(gateway)
            with watch.watching():
                requests = order.sizes.at(rate, order.slo, at_length=False)
                trials.valid_run(rate, requests, order.slo, to_the_end=True)
            self.queue[name] = watch.figures() | {"requests_s": rate}

    def _measure_callers(self, gateway: Child, traffic: Traffic) -> None:
        pairs_s = []
        for callers in CALLERS:
            found, _ = saturate(gateway.target, traffic, callers=callers, seconds=CALLERS_S)
            self._progress.say(f"closed loop of {callers} callers: {found:,.0f} pairs/s")
            pairs_s.append(found)
        if min(pairs_s) > 0:
            self.usl = fit_usl(CALLERS, pairs_s)

    def _measure_cache(self) -> None:
        order = self.order
        for number, share in enumerate(order.cache_shares):
            self.cache.append(
                measure_cache(
                    GatewaySetup(order.bundle, order.flags),
                    self._material,
                    share,
                    slo=order.slo,
                    sizes=order.sizes,
                    goodput_pairs_s=self.goodput_pairs_s,
                    first=FIRST_OF_CACHE * (number + 1),
                    progress=self._progress,
                    seed=order.seed + 60 + number,
                )
            )

    def _measure_loss(self) -> None:
        """One replica's planned load on two, one of which is killed: N + 1 with N = 1."""
        rate = self.order.policy.headroom * self.goodput_pairs_s / self._pairs_a_request
        self.loss = self._replica_run(2, rate, kill=1)

    def _verify(self) -> None:
        policy, sizing = self.order.policy, self.sizing
        rate = self.order.forecast.peak_pairs_s / self._pairs_a_request
        kill = min(policy.failures, sizing.replicas - 1)
        run = self._replica_run(sizing.replicas, rate, kill=kill)
        survived = run.judgement.held and run.killed == kill
        words = f" with {kill} killed on the way" if kill else ""
        self.verified.append(
            (f"{sizing.replicas} replicas hold the forecast's peak{words}", survived, run)
        )
        fewer = sizing.replicas - 1
        # With headroom or failures tolerated, one fewer may hold as well.
        if policy.headroom == 1 and not policy.failures and sizing.decided_by == "peak" and fewer:
            run = self._replica_run(fewer, rate)
            failed = run.judgement.figures.valid and not run.judgement.held
            self.verified.append((f"{fewer} of them do not", failed, run))

    def _replica_run(self, replicas: int, rate: float, *, kill: int = 0) -> ReplicaRun:
        self._runs += 1
        order = self.order
        bench = ReplicaBench(
            *(self._setup, self._material, order.slo, order.sizes, self._progress, order.seed)
        )
        return bench.run(replicas, rate, kill=kill, number=self._runs)

    @property
    def _pairs_a_request(self) -> float:
        bases = self._material.bases
        return sum(len(search.items) for search in bases) / len(bases)
