"""A load on several replicas, with some of them killed on the way: does the SLO survive it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.replicas import Killer, running_replicas
from ctr_bench.trials import INVALID_AGAIN, Trials

if TYPE_CHECKING:
    from ctr_bench.gateway_process import GatewaySetup
    from ctr_bench.material import Material
    from ctr_bench.pool import Judgement
    from ctr_bench.progress import Progress
    from ctr_bench.slo import Slo
    from ctr_bench.trial import Sizes

ATTEMPTS = 4
"""Of the client at one call, as `ctr_client` has it by default: a frontend retries elsewhere."""
SEARCHES_APART = 1_000_000
"""Searches are numbered; each run begins so many behind the one before it."""
KILL_AT = 0.4
"""Of the load; what is left shows the time after it."""


@dataclass(frozen=True, slots=True)
class ReplicaRun:
    """What a load on replicas found.

    Attributes:
        replicas: at the begin.
        killed: of these, on the way.
        after_requests: how many requests had been admitted by then, about.
        requests_s: offered to all together.
        judgement: of all requests.
        late_before, late_after: before and after the kill.
        failed: requests without a good answer.
    """

    replicas: int
    killed: int
    after_requests: int
    requests_s: float
    judgement: Judgement
    late_before: int
    late_after: int
    failed: int

    def as_json(self) -> dict[str, object]:
        """Return it as plan.json holds it."""
        figures = self.judgement.figures
        return {
            "replicas": self.replicas,
            "killed": self.killed,
            "killed_after_requests": self.after_requests,
            "requests_s": self.requests_s,
            "offered_pairs_s": figures.offered_pairs_s,
            "requests": self.judgement.requests,
            "p50_ms": figures.p50_ms,
            "p99_ms": figures.p99_ms,
            "late": self.judgement.late,
            "late_before_kill": self.late_before,
            "late_after_kill": self.late_after,
            "failed": self.failed,
            "good_share": figures.good_share,
            "goodput_pairs_s": figures.goodput_pairs_s,
            "held": self.judgement.held,
            "verdict": str(self.judgement),
            "valid": figures.valid,
        }


@dataclass(frozen=True, slots=True)
class ReplicaBench:
    """Starts replicas and loads them."""

    setup: GatewaySetup
    material: Material
    slo: Slo
    sizes: Sizes
    progress: Progress
    seed: int = 0

    def run(
        self, replicas: int, requests_s: float, *, kill: int = 0, number: int = 0
    ) -> ReplicaRun:
        """Offer a rate to replicas behind the client's round robin.

        Args:
            replicas: at least 1, and more than are killed.
            requests_s: to all together.
            kill: replicas that are killed half-way.
            number: of this run; each has searches of its own.

        Raises:
            BenchError: a gateway or the generator failed.
        """
        for again in range(1 + INVALID_AGAIN):
            found = self._once(replicas, requests_s, kill, 10 * number + again)
            if found.judgement.figures.valid:
                break
        return found

    def _once(self, replicas: int, requests_s: float, kill: int, number: int) -> ReplicaRun:
        requests = self.sizes.at(requests_s, self.slo, at_length=False)
        traffic = self.material.unseen(requests, first=(number + 1) * SEARCHES_APART)
        name = f"{replicas} replica{'s' if replicas > 1 else ''}" + (
            f", {kill} killed half-way" if kill else ""
        )
        self.progress.say(f"starting {name}")
        with running_replicas(self.setup, replicas) as running:
            rows = KILL_AT * requests * traffic.pairs_a_request / replicas
            killer = Killer(running, kill, rows)
            trials = Trials(
                *(name, running.target, traffic, self.progress, self.seed + 100 * number),
                attempts=ATTEMPTS,
            )
            with killer.watching():
                trial = trials.run(requests_s, requests, self.slo, to_the_end=True)
        records = trial.run.records
        late = ~records.complete | (records.latency_ms > self.slo.limit_ms)
        after = round(killer.admitted_rows / traffic.pairs_a_request) if kill else len(records)
        return ReplicaRun(
            replicas=replicas,
            killed=kill if killer.admitted_rows else 0,
            after_requests=after,
            requests_s=requests_s,
            judgement=trial.judgement,
            late_before=int(np.count_nonzero(late[:after])),
            late_after=int(np.count_nonzero(late[after:])),
            failed=int(np.count_nonzero(~records.complete)),
        )
