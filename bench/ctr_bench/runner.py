"""Runs one load in generator processes and brings back what they recorded."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_bench.errors import BenchError
from ctr_bench.figures import defects
from ctr_bench.fleet import Conductor, GeneratorProcess
from ctr_bench.job import write_payloads
from ctr_bench.record import merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ctr_bench.fleet import GeneratorReport, Watch
    from ctr_bench.job import Job, Payloads
    from ctr_bench.record import Records

OVERHEAD_S = 120.0
"""Beyond the load itself: start, connection, warm-up, the last answers."""


@dataclass(frozen=True, slots=True)
class Run:
    """A finished load run.

    Attributes:
        wall_s: from the first request's begin to the last answer.
        generator_cpu_share: CPU time over wall time of the busiest generator.
        watched_cpu_s: CPU time of the watched process in the same time.
        generators: what each took.
        partial: the run was stopped before its end; the rows so far are here.
    """

    records: Records
    wall_s: float
    generator_cpu_share: float
    watched_cpu_s: float
    generators: tuple[GeneratorReport, ...] = ()
    partial: bool = False


def run_load(job: Job, payloads: Payloads, *, generators: int = 1) -> Run:
    """Run a job to its end. Blocks.

    Raises:
        BenchError: a generator failed, or requests ended as no load explains.
    """
    run = drive(job, payloads, generators=generators)
    if broken := defects(run.records):
        raise BenchError(
            f"{broken} of {len(run.records)} requests ended with an error that no load explains "
            f"(codes {sorted(set(run.records.code.tolist()))}); is {job.target} what it should be?"
        )
    return run


def drive(  # noqa: PLR0913 -- each is one way to take part in the run
    job: Job,
    payloads: Payloads,
    *,
    generators: int = 1,
    watch: Watch | None = None,
    keep_partial: bool = False,
    started: Callable[[Sequence[int]], None] | None = None,
) -> Run:
    """Run a job to its end, whatever the requests' ends. Blocks.

    Args:
        job: `first`, `step` and `live` are set here.
        payloads: shared by all generators.
        generators: processes; each sends every n-th request of the schedule, or has its part of the
            callers.
        watch: called with seconds since the begin and what a `Watcher` drained.
        keep_partial: Ctrl-C (KeyboardInterrupt) ends the run and returns what there is; a second
            one gives up.
        started: called with the generators' process ids once they run.

    Raises:
        BenchError: a generator failed; the message holds its last words.
    """
    with tempfile.TemporaryDirectory(prefix="ctr-bench-") as name:
        folder = Path(name)
        try:
            write_payloads(folder, payloads)
        except OSError as error:
            raise BenchError(f"the requests could not be kept in {folder}: {error}") from None
        jobs = _shares(replace(job, live=watch is not None), generators)
        with contextlib.ExitStack() as stack:
            fleet = [
                stack.enter_context(GeneratorProcess(share, folder, folder / str(index)))
                for index, share in enumerate(jobs)
            ]
            if started is not None:
                started([generator.pid for generator in fleet])
            partial = Conductor(fleet, watch, keep_partial=keep_partial).run(
                _limit_s(job, payloads), job.target
            )
            found = [generator.result() for generator in fleet]
    reports = tuple(report for _, report in found)
    return Run(
        merged([records for records, _ in found]),
        max(report.wall_s for report in reports),
        max(report.cpu_share for report in reports),
        sum(report.watched_cpu_s for report in reports),
        reports,
        partial,
    )


def _shares(job: Job, generators: int) -> Iterator[Job]:
    """Yield each generator's part of a job."""
    for index in range(generators):
        callers = len(range(index, job.callers, generators))
        if job.callers and not callers:
            return  # more generators than callers
        watched = 0 if index else job.watched_pid
        yield replace(job, first=index, step=generators, callers=callers, watched_pid=watched)


def _limit_s(job: Job, payloads: Payloads) -> float:
    scheduled_s = payloads.schedule_ns[-1] / 1e9 if len(payloads.schedule_ns) else job.seconds
    # A warm-up or a run bounded by requests may take long; each request has its deadline.
    counted_s = (job.warm_up + job.max_requests) * min(job.deadline_s, 0.1)
    return float(scheduled_s + counted_s + job.deadline_s + OVERHEAD_S)
