"""`ctr-bench run` without its command line: one load, its rows, its figures, its verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.access import security_of
from ctr_bench.built import Wire, build
from ctr_bench.errors import BenchError
from ctr_bench.figures import summary
from ctr_bench.fingerprint import fingerprint
from ctr_bench.lengths import EstimatedLengths
from ctr_bench.preflight import ask_target
from ctr_bench.run_folder import check_name, write_run
from ctr_bench.runner import drive
from ctr_bench.validity import invalid_reasons

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ctr_bench.arrivals import Arrivals
    from ctr_bench.job import Job
    from ctr_bench.preflight import Served
    from ctr_bench.progress import Progress
    from ctr_bench.runner import Run
    from ctr_bench.schedule import Times
    from ctr_bench.searches import FeatureNames, Lengths
    from ctr_bench.sources import Source

CLOSED_LOOP_DRAWS = 50_000
"""A closed loop's number of requests is not known; after so many it begins again."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What to run.

    Attributes:
        runs: folder of all runs.
        job: target, deadline, protocol, access, callers, seconds, connections, warm-up.
        arrivals: of an open loop; a closed one ignores it.
        rate: requests a second, for arrivals that need one.
        lengths: how long texts are; a bundle's or an estimate.
        features: sent with synthetic searches; None sends those that the target's model knows.
    """

    runs: Path
    name: str
    command: Sequence[str]
    job: Job
    arrivals: Arrivals
    source: Source
    wire: Wire = field(default_factory=lambda: Wire("ctr.v1"))
    rate: float = 0.0
    slo_ms: float | None = None
    generators: int = 1
    seed: int = 0
    lengths: Lengths = field(default_factory=EstimatedLengths)
    features: FeatureNames | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run that was written: its folder, and what run.json says."""

    folder: Path
    content: Mapping[str, object]
    valid: bool
    partial: bool


def execute(plan: RunPlan, progress: Progress) -> Outcome:
    """Check everything, run, and write the run's folder.

    Raises:
        BenchError: a check failed, and nothing was sent or written; or the run could not be kept.
        KeyboardInterrupt: stopped before the first answer.
    """
    check_name(plan.runs, plan.name)
    job = plan.job
    schedule_ns = _schedule(plan)
    served = ask_target(job.target, plan.wire.protocol, plan.wire.model, security_of(job))
    progress.say(f"{job.target} serves {served.model_name or 'a model'} {served.model_version}")
    requests = len(schedule_ns) or CLOSED_LOOP_DRAWS
    features = served.features if plan.features is None else plan.features
    drawn = plan.source.draw(requests, features, plan.lengths, plan.seed)
    payloads, facts = build(drawn, plan.wire, plan.lengths, schedule_ns, plan.seed)
    progress.say(_announcement(plan, schedule_ns))
    started = datetime.now(UTC)
    with progress.live(plan.slo_ms) as line:
        run = drive(job, payloads, generators=plan.generators, watch=line.watch, keep_partial=True)
    if not len(run.records):
        if run.partial:
            raise KeyboardInterrupt
        raise BenchError("no request was sent; give a longer --seconds or a higher --rate")
    content = _content(plan, served, run, {**plan.source.facts, **facts}, schedule_ns)
    content = {"started": started.isoformat(timespec="seconds"), **content}
    folder = write_run(plan.runs, plan.name, content, run.records)
    return Outcome(folder, content, bool(content["valid"]), run.partial)


def _schedule(plan: RunPlan) -> Times:
    if plan.job.callers:
        return np.empty(0, dtype=np.int64)
    return plan.arrivals.times(
        rate=plan.rate,
        seconds=plan.job.seconds,
        seed=plan.seed,
        recorded_s=plan.source.recorded_s,
    )


def _announcement(plan: RunPlan, schedule_ns: Times) -> str:
    if plan.job.callers:
        return (
            f"closed loop: {plan.job.callers} callers for {plan.job.seconds:g} s (the next request "
            "waits for an answer, so a stall hides; it finds the most that a server does)"
        )
    return (
        f"open loop, {plan.arrivals.kind}: {len(schedule_ns):,} requests in "
        f"{schedule_ns[-1] / 1e9:.0f} s, by {plan.generators} generator process(es)"
    )


def _content(
    plan: RunPlan,
    served: Served,
    run: Run,
    workload: Mapping[str, object],
    schedule_ns: Times,
) -> dict[str, object]:
    """Return run.json; docs/planner.md describes it."""
    job, records, closed = plan.job, run.records, bool(plan.job.callers)
    seconds = run.wall_s if closed else max(float(records.scheduled_ns[-1]) / 1e9, 1e-9)
    reasons = invalid_reasons(
        records,
        closed=closed,
        slo_ms=plan.slo_ms,
        generator_cpu_share=run.generator_cpu_share,
    )
    figures = summary(
        records,
        slo_ms=plan.slo_ms,
        deadline_ms=job.deadline_s * 1e3,
        seconds=seconds,
        generator_cpu_share=run.generator_cpu_share,
    )
    return {
        "command": list(plan.command),
        "target": job.target,
        "protocol": plan.wire.protocol,
        "loop": "closed" if closed else "open",
        "arrivals": {"kind": "closed"} if closed else plan.arrivals.as_json(),
        "callers": job.callers,
        "workload": dict(workload),
        "offered_requests_s": None if closed else offered_requests_s(schedule_ns),
        "deadline_ms": job.deadline_s * 1e3,
        "slo": None if plan.slo_ms is None else {"p99_ms": plan.slo_ms},
        "seconds": seconds,
        "seed": plan.seed,
        "valid": not reasons,
        "invalid_reasons": reasons,
        "partial": run.partial,
        "figures": figures,
        "generators": [{"cpu_share": r.cpu_share, "wall_s": r.wall_s} for r in run.generators],
        "server": {"model_name": served.model_name, "model_version": served.model_version},
        "fingerprint": fingerprint(),
    }


def offered_requests_s(schedule_ns: Times) -> float:
    """Return what a schedule asks for: requests over the time of its last one."""
    return len(schedule_ns) / max(float(schedule_ns[-1]) / 1e9, 1e-9)
