"""What the gateway itself costs: an engine without a model, against a bare echo of the same bytes.

The server stays on one core and the generator on the other. "Requests a second a core" divides by
the CPU seconds that the server's process took, so a generator that cannot fill the echo's core does
not make the echo look slow.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.ask import ask
from ctr_bench.child import running_child
from ctr_bench.errors import BenchError
from ctr_bench.figures import failures, percentile_ms
from ctr_bench.gateway_process import NO_SCORE_CACHE, ZERO_COST, GatewaySetup, running_gateway
from ctr_bench.job import Job, Payloads
from ctr_bench.runner import run_load
from ctr_bench.searches import FeatureNames
from ctr_bench.workload import SearchMaker, Shape, serialise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_bench.bound.rows import RowMaker
    from ctr_bench.catalogue import Catalogue
    from ctr_bench.child import Child
    from ctr_bench.progress import Progress
    from ctr_bench.results import Results
    from ctr_bench.runner import Run

SIZES = (16, 64, 200)
CALLERS = 32
DISTINCT_REQUESTS = 256
READ_EVERY = 64
DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True)
class GatewayPlan:
    """What to measure.

    Attributes:
        seconds: of one load run.
        callers: of the closed loop.
        distinct_requests: sent over and over, so that every text is in the token cache; more than
            callers, so that no two in flight are equal.
        features: send the features that the model knows, beside titles.
        pinned: keep server and generator on cores of their own, where there are two.
        profile: profile the gateway into this file.
        flags: further flags of `ctr-service serve`.
    """

    bundle: Path
    seconds: float
    repeats: int
    sizes: Sequence[int] = SIZES
    callers: int = CALLERS
    distinct_requests: int = DISTINCT_REQUESTS
    features: bool = True
    pinned: bool = True
    profile: Path | None = None
    flags: tuple[str, ...] = ()
    seed: int = 0

    @property
    def cores(self) -> tuple[int | None, int | None]:
        """The CPUs of the server and of the generator; None leaves it to the system."""
        allowed = sorted(os.sched_getaffinity(0))
        return (allowed[0], allowed[1]) if self.pinned and len(allowed) > 1 else (None, None)


def measure_gateway(
    plan: GatewayPlan,
    rows: RowMaker,
    catalogue: Catalogue,
    progress: Progress,
    results: Results,
) -> None:
    """Measure every size in turn, gateway then echo, as often as the plan repeats.

    Raises:
        BenchError: a server failed, or a request did.
    """
    results.facts |= {"bundle": str(plan.bundle), "catalogue": catalogue.source}
    names = rows.features if plan.features else FeatureNames()
    payloads = {}
    for size in plan.sizes:
        progress.say(f"making {plan.distinct_requests} requests of {size} candidates")
        maker = SearchMaker(catalogue.titles, rows, Shape(size, names), plan.seed)
        messages = serialise(maker.distinct(plan.distinct_requests))
        sizes = np.full(plan.distinct_requests, size, dtype=np.int32)
        payloads[size] = Payloads(messages, sizes, np.empty(0, dtype=np.int64))
        results.facts[f"request_bytes_{size}"] = round(float(np.mean([len(m) for m in messages])))
    setup = GatewaySetup(
        plan.bundle,
        (*ZERO_COST, *NO_SCORE_CACHE, *plan.flags),
        core=plan.cores[0],
        profile=plan.profile,
    )
    for repeat in range(plan.repeats):
        with running_gateway(setup) as gateway:
            for size in plan.sizes:
                progress.say(f"repeat {repeat + 1} of {plan.repeats}: {size} candidates")
                results.add(_one_size(plan, gateway, size, payloads[size]))


def _one_size(plan: GatewayPlan, gateway: Child, size: int, payloads: Payloads) -> dict[str, float]:
    served = _load(plan, gateway, payloads)
    with tempfile.TemporaryDirectory(prefix="ctr-bench-") as folder:
        response = Path(folder) / "response"
        response.write_bytes(ask(gateway.target, payloads.messages[:1])[0])
        arguments = ("-m", "ctr_bench.echo", str(response))
        with running_child("echo", arguments, core=plan.cores[0]) as echo:
            echoed = _load(plan, echo, payloads)
    gateway_rate, echo_rate = _rates(served), _rates(echoed)
    return {
        f"echo_ratio_{size}": gateway_rate["requests_s_core"] / echo_rate["requests_s_core"],
        f"pairs_s_{size}": gateway_rate["requests_s"] * size,
        **{f"gateway_{name}_{size}": value for name, value in gateway_rate.items()},
        **{f"echo_{name}_{size}": value for name, value in echo_rate.items()},
    }


def _load(plan: GatewayPlan, server: Child, payloads: Payloads) -> Run:
    job = Job(
        target=server.target,
        deadline_s=DEADLINE_S,
        callers=plan.callers,
        seconds=plan.seconds,
        warm_up=2 * len(payloads.messages),
        read_every=READ_EVERY,
        core=plan.cores[1],
        watched_pid=server.pid,
    )
    run = run_load(job, payloads)
    whole = int(run.records.complete.sum())
    if whole < len(run.records):
        raise BenchError(
            f"{len(run.records) - whole} of {len(run.records)} requests were not answered whole "
            f"({failures(run.records)} failed): the rates would mean nothing"
        )
    return run


def _rates(run: Run) -> Mapping[str, float]:
    answered = len(run.records)
    return {
        "requests_s": answered / run.wall_s,
        "requests_s_core": answered / run.watched_cpu_s,
        "cpu_share": run.watched_cpu_s / run.wall_s,
        "generator_cpu_share": run.generator_cpu_share,
        "p50_ms": percentile_ms(run.records.latency_ms, 50),
    }
