"""What a Redis that is healthy, dead or slow does to p99, against the same gateway without one.

Two gateways serve the same distinct searches in turn: one without Redis, and one that reads users'
features, scores and token ids from Redis over a cable. A fault begins just before its load, while
the gateway believes in Redis, so the run holds what finding out costs. Each run with Redis is
compared with the run without it just before.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_bench.ask import ask
from ctr_bench.cable_thread import cable_in_a_thread
from ctr_bench.errors import BenchError
from ctr_bench.figures import endless_ms, percentile_ms
from ctr_bench.gateway_process import ZERO_COST, GatewaySetup, metrics_port_of, running_gateway
from ctr_bench.goodput import NO_SCHEDULE, Traffic
from ctr_bench.job import Job
from ctr_bench.metrics_page import read_page, total_of
from ctr_bench.redis_process import running_redis
from ctr_bench.runner import run_load
from ctr_bench.schedule import poisson
from ctr_bench.searches import Search
from ctr_bench.users import by_user_id, load_users, with_user_ids
from ctr_bench.workload import SearchMaker, Shape
from ctr_client.messages import Item

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ctr_bench.bound.rows import RowMaker
    from ctr_bench.cable_thread import CableThread
    from ctr_bench.catalogue import Catalogue
    from ctr_bench.child import Child
    from ctr_bench.progress import Progress
    from ctr_bench.record import Records
    from ctr_bench.results import Results
    from ctr_bench.runner import Run

STATES = ("healthy", "dead", "slow")
CANDIDATES = 16
SLOW_S = 0.05
DEADLINE_S = 1.0
"""The contract's default."""
WARM_UP_REQUESTS = 200
WARM_CALLERS = 4
RECOVERY_S = 30.0
LOOK_EVERY_S = 0.05
BREAKER = "ctr_remote_breaker_state"


@dataclass(frozen=True, slots=True)
class RedisPlan:
    """What to measure.

    Attributes:
        bundle: folder of the bundle.
        repeats: of everything.
        seconds: of one load run.
        rate: requests a second.
        zero_cost: an engine without a model, so that a model's noise does not cover what Redis
            does; else the bundle's.
        budget_s: `--feature-budget-s` of the gateway, what a search may wait for features.
        flags: further flags of `ctr-service serve`, for both gateways.
    """

    bundle: Path
    repeats: int
    seconds: float
    rate: float
    zero_cost: bool = True
    budget_s: float = 0.005
    flags: tuple[str, ...] = ()
    seed: int = 0

    @property
    def requests(self) -> int:
        """Requests of one load run."""
        return max(1, round(self.rate * self.seconds))


def measure_failing_redis(
    plan: RedisPlan,
    rows: RowMaker,
    catalogue: Catalogue,
    progress: Progress,
    results: Results,
) -> None:
    """Run each state of Redis in turn, a run without Redis before each.

    Raises:
        BenchError: a server or the generator failed, or a gateway did not recover by itself.
    """
    results.facts |= {
        "bundle": str(plan.bundle),
        "catalogue": catalogue.source,
        "feature_budget_ms": plan.budget_s * 1e3,
        "slow_ms": SLOW_S * 1e3,
        "requests_a_run": plan.requests,
    }
    runs = plan.repeats * len(STATES)
    wanted = WARM_UP_REQUESTS + runs * plan.requests
    progress.say(f"making {wanted:,} distinct searches from {catalogue.source}")
    maker = SearchMaker(catalogue.titles, rows, Shape(CANDIDATES, rows.features), plan.seed)
    searches = with_user_ids(maker.distinct(wanted))
    engine = ZERO_COST if plan.zero_cost else ()
    plain = GatewaySetup(plan.bundle, (*engine, *plan.flags))
    with (
        running_redis() as redis_port,
        cable_in_a_thread(redis_port, delay_s=SLOW_S) as cable,
    ):
        load_users(plan.bundle, searches, redis_port)
        redis = _redis_flags(plan, cable.port)
        with (
            running_gateway(plain) as without,
            running_gateway(GatewaySetup(plan.bundle, (*plain.flags, *redis))) as shared,
        ):
            bench = _Bench(plan, without, shared, cable, progress)
            bench.warm_up(searches[:WARM_UP_REQUESTS])
            for repeat in range(plan.repeats):
                progress.say(f"repeat {repeat + 1} of {plan.repeats}")
                for place, state in enumerate(STATES):
                    begin = WARM_UP_REQUESTS + (repeat * len(STATES) + place) * plan.requests
                    results.add(bench.state(state, searches[begin : begin + plan.requests]))


class _Bench:
    """Both gateways, and the cable to Redis."""

    def __init__(
        self,
        plan: RedisPlan,
        without: Child,
        shared: Child,
        cable: CableThread,
        progress: Progress,
    ) -> None:
        self._plan = plan
        self._without = without
        self._shared = shared
        self._cable = cable
        self._metrics_port = metrics_port_of(shared)
        self._progress = progress
        self._seeds = itertools.count(plan.seed + 1)
        self._probes = _probes()

    def warm_up(self, searches: Sequence[Search]) -> None:
        """Let both gateways make their connections and first objects."""
        for gateway, sent in ((self._without, searches), (self._shared, by_user_id(searches))):
            job = Job(gateway.target, DEADLINE_S, callers=WARM_CALLERS, max_requests=len(sent))
            run_load(job, Traffic.of(sent).payloads(NO_SCHEDULE))
        self._recovered()

    def state(self, state: str, searches: Sequence[Search]) -> dict[str, float]:
        """Measure one state of Redis and leave it healthy."""
        seed = next(self._seeds)
        without = self._run(self._without, searches, seed)
        if state == "dead":
            self._cable.cut()
        elif state == "slow":
            self._cable.slow()
        shared = self._run(self._shared, by_user_id(searches), seed)
        found = compared(state, without, shared)
        if state != "healthy":
            self._cable.heal()
            found[f"recovery_s_{state}"] = self._recovered()
        self._progress.say(
            f"Redis {state}: p99 {found[f'p99_ms_{state}']:.2f} ms, without it "
            f"{found[f'p99_ms_without_{state}']:.2f} ms, {found[f'failed_{state}']:.0f} failed"
        )
        return found

    def _run(self, gateway: Child, searches: Sequence[Search], seed: int) -> Run:
        schedule_ns = poisson(self._plan.rate, len(searches), seed)
        job = Job(gateway.target, DEADLINE_S, watched_pid=gateway.pid)
        return run_load(job, Traffic.of(searches).payloads(schedule_ns))

    def _recovered(self) -> float:
        """Search now and then until both breakers are closed; return the seconds it took."""
        began_s = time.monotonic()
        while (took_s := time.monotonic() - began_s) < RECOVERY_S:
            ask(self._shared.target, [next(self._probes)])
            if not total_of(read_page(self._metrics_port), BREAKER):
                return took_s
            time.sleep(LOOK_EVERY_S)
        raise BenchError(f"the gateway did not use Redis again within {RECOVERY_S:.0f} s")


def compared(state: str, without: Run, shared: Run) -> dict[str, float]:
    """Return the figures of one state: latencies, and how far above the run without Redis.

    Args:
        state: ends the names.
        without: the same searches by the same schedule, to the gateway without Redis.
        shared: to the gateway with it.
    """
    records = shared.records
    p99_ms, base_ms = _p99_ms(records), _p99_ms(without.records)
    return {
        f"p99_rise_ms_{state}": p99_ms - base_ms,
        f"p99_ms_{state}": p99_ms,
        f"p99_ms_without_{state}": base_ms,
        f"p50_ms_{state}": percentile_ms(records.latency_ms, 50),
        f"worst_ms_{state}": percentile_ms(records.latency_ms, 100),
        f"failed_{state}": float((~records.complete).sum()),
        f"cpu_ms_a_request_{state}": shared.watched_cpu_s / len(records) * 1e3,
        f"cpu_ms_a_request_without_{state}": without.watched_cpu_s / len(records) * 1e3,
    }


def _p99_ms(records: Records) -> float:
    """Return p99 from the scheduled time; a request that failed counts as endless."""
    return percentile_ms(endless_ms(records), 99)


def _probes() -> Iterator[bytes]:
    """Yield searches that no cache has seen, so that each reads Redis and writes to it."""
    for number in itertools.count():
        probe = Search(f"probe {number}", [Item("i", "lamp")], user_id=f"probe{number}")
        yield probe.serialise()


def _redis_flags(plan: RedisPlan, port: int) -> tuple[str, ...]:
    url = f"redis://127.0.0.1:{port}/0"
    return ("--redis-url", url, "--redis-features", "--feature-budget-s", str(plan.budget_s))
