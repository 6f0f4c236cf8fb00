"""Runs one load in generator processes and brings back what they recorded."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ctr_bench.errors import BenchError
from ctr_bench.figures import defects
from ctr_bench.job import JOB_FILE, RECORDS_FILE, REPORT_FILE, write_payloads
from ctr_bench.record import merged, read_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

    from ctr_bench.job import Job, Payloads
    from ctr_bench.record import Records

    Event: TypeAlias = dict[str, object]
    Watch: TypeAlias = Callable[[float, str], None]

OVERHEAD_S = 120.0
"""Beyond the load itself: start, connection, warm-up, the last answers."""
STOP_S = 30.0
"""After Ctrl-C: the last answers, and writing what there is."""
AHEAD_S = 0.1
"""All generators hear of the begin before it comes."""
LAST_WORDS = 2_000


@dataclass(frozen=True, slots=True)
class GeneratorReport:
    """What one generator took."""

    wall_s: float
    cpu_s: float
    watched_cpu_s: float

    @property
    def cpu_share(self) -> float:
        """CPU time over wall time; near 1 it limits."""
        return self.cpu_s / self.wall_s if self.wall_s else 0.0


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
                stack.enter_context(_Generator(share, folder, folder / str(index)))
                for index, share in enumerate(jobs)
            ]
            if started is not None:
                started([generator.pid for generator in fleet])
            partial = _Conductor(fleet, watch, keep_partial=keep_partial).run(
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


class _Generator:
    """One process; a thread of this one reads what it says."""

    def __init__(self, job: Job, payloads: Path, out: Path) -> None:
        self._out = out
        out.mkdir()
        (out / JOB_FILE).write_text(json.dumps(asdict(job)))
        self._errors = (out / "stderr").open("w+b")
        command = [sys.executable, "-m", "ctr_bench.generator"]
        # A session of its own: Ctrl-C on the terminal is this process's to handle.
        self._process = subprocess.Popen(  # noqa: S603 -- our own command
            [*command, str(out / JOB_FILE), str(payloads), str(out)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def tell(self, heard: queue.SimpleQueue[Event]) -> None:
        """Read what it says until it ends."""
        for line in self._process.stdout or ():
            heard.put(json.loads(line))
        heard.put({"event": "ended", "code": self._process.wait()})

    def begin(self, begin_ns: int) -> None:
        """Say when."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it ended; its code says why
                self._process.stdin.write(f"{begin_ns}\n")
                self._process.stdin.flush()

    def stop(self) -> None:
        """Let it send no more and write what there is."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def last_words(self) -> str:
        """Return what it said on stderr."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()[-LAST_WORDS:]

    def result(self) -> tuple[Records, GeneratorReport]:
        """Read what it left."""
        report = json.loads((self._out / REPORT_FILE).read_text())
        return read_records(self._out / RECORDS_FILE), GeneratorReport(**report)


class _Conductor:
    """Starts all generators at one moment and waits for them."""

    def __init__(
        self, fleet: Sequence[_Generator], watch: Watch | None, *, keep_partial: bool
    ) -> None:
        self._fleet = fleet
        self._watch = watch
        self._keep_partial = keep_partial
        self._heard: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._starting = self._running = len(fleet)

    def run(self, limit_s: float, target: str) -> bool:
        """Return whether the run was stopped early.

        Raises:
            BenchError: a generator failed or did not end.
        """
        readers = [
            threading.Thread(target=generator.tell, args=(self._heard,), daemon=True)
            for generator in self._fleet
        ]
        for reader in readers:
            reader.start()
        ends_s, stopped = time.monotonic() + limit_s, False
        while self._running:
            try:
                self._take(self._heard.get(timeout=max(0.0, ends_s - time.monotonic())))
            except queue.Empty:
                raise BenchError(f"the load generator did not end; is {target} alive?") from None
            except KeyboardInterrupt:
                if not self._keep_partial or stopped or self._starting:
                    raise
                stopped, ends_s = True, time.monotonic() + STOP_S
                for generator in self._fleet:
                    generator.stop()
        return stopped

    def _take(self, event: Event) -> None:
        if event["event"] == "ready":
            self._starting -= 1
            if not self._starting:
                self._begin()
        elif event["event"] == "live":
            if self._watch is not None:
                self._watch(float(str(event["at_s"])), str(event["answers"]))
        else:
            self._running -= 1
            if event["code"]:
                raise BenchError(self._failure())

    def _begin(self) -> None:
        begin_ns = time.monotonic_ns() + round(AHEAD_S * 1e9)
        for generator in self._fleet:
            generator.begin(begin_ns)

    def _failure(self) -> str:
        said = [words for generator in self._fleet if (words := generator.last_words())]
        return said[0] if said and "\n" not in said[0] else f"the load generator failed: {said}"
