"""A generator process: `python -m ctr_bench.generator JOB_FILE PAYLOADS_FOLDER OUT_FOLDER`.

A process of its own, so that the load it makes costs the bench's own code nothing, and so that its
CPU time can be told. Requests are serialised before it starts; a call is bytes in and bytes out.
It asks for a higher priority: callers stand on machines of their own, so a server that is busy must
not make them late.

It says `ready` on stdout, begins at the monotonic time that stdin says (all generators of a run
begin together), and sends no more once stdin closes: it never outlives the bench that started it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]  # -- ships no types

from ctr_bench.access import security_of
from ctr_bench.connecting import connected
from ctr_bench.driving import Driver
from ctr_bench.errors import BenchError
from ctr_bench.job import RECORDS_FILE, REPORT_FILE, Job, Payloads, read_payloads
from ctr_bench.live import Watcher
from ctr_bench.protocols import reader_of
from ctr_bench.record import write_records

if TYPE_CHECKING:
    from ctr_client.security import Security

PRIORITY = -10
SWITCH_S = 1e-4
"""A thread that wants to send waits no longer than this for the one that takes an answer."""
TELL_EVERY_S = 1.0
KEPT_GENERATIONS = (2_000, 10, 1_000_000)
"""Young garbage is collected on the way; a collection of all would look like the server's doing."""


class Generator:
    """Connects, warms up, waits for the word, runs, and leaves records and a report."""

    def __init__(self, job: Job, payloads: Payloads, security: Security) -> None:
        self._job = job
        self._payloads = payloads
        self._security = security
        self._told = threading.Lock()

    def run(self, out: Path) -> None:
        """Do all of it.

        Raises:
            BenchError: nothing serves at the target.
        """
        with contextlib.ExitStack() as stack:
            methods = stack.enter_context(connected(self._job, self._security))
            watcher = Watcher() if self._job.live else None
            driver = Driver(
                methods,
                self._job,
                self._payloads,
                read=reader_of(self._job.protocol),
                metadata=self._security.metadata,
                watcher=watcher,
            )
            driver.warm_up()
            gc.collect()
            gc.freeze()
            gc.set_threshold(*KEPT_GENERATIONS)
            self._say({"event": "ready"})
            begin_ns = int(sys.stdin.readline() or 0)
            if not begin_ns:
                return  # the bench ended before it began
            threading.Thread(target=_stop_at_the_end_of_stdin, args=(driver,), daemon=True).start()
            ended = threading.Event()
            teller = threading.Thread(target=self._tell, args=(watcher, begin_ns, ended))
            teller.start()
            before = _clocks(self._job)
            records = driver.run(begin_ns)
            after = _clocks(self._job)
            ended.set()
            teller.join()
            report = {name: after[name] - before[name] for name in after}
            report["wall_s"] = after["wall_s"] - begin_ns / 1e9
            write_records(records, out / RECORDS_FILE)
            (out / REPORT_FILE).write_text(json.dumps(report))

    def _tell(self, watcher: Watcher | None, begin_ns: int, ended: threading.Event) -> None:
        while watcher is not None:
            last = ended.wait(TELL_EVERY_S)
            at_s = (time.monotonic_ns() - begin_ns) / 1e9
            self._say({"event": "live", "at_s": at_s, "answers": watcher.drain()})
            if last:
                return

    def _say(self, event: dict[str, object]) -> None:
        with self._told, contextlib.suppress(BrokenPipeError):
            sys.stdout.write(json.dumps(event) + "\n")
            sys.stdout.flush()


def _stop_at_the_end_of_stdin(driver: Driver) -> None:
    sys.stdin.read()
    driver.stop()


def _clocks(job: Job) -> dict[str, float]:
    """Return wall time, this process's CPU time and the watched one's, in seconds."""
    watched_s = 0.0
    if job.watched_pid:
        watched = psutil.Process(job.watched_pid)
        times = [p.cpu_times() for p in (watched, *watched.children(recursive=True))]
        watched_s = float(sum(t.user + t.system for t in times))
    return {"wall_s": time.monotonic(), "cpu_s": time.process_time(), "watched_cpu_s": watched_s}


def main(job_file: Path, payloads_folder: Path, out: Path) -> None:
    """Run a job and leave the records; exit code 1 with a line on stderr when it cannot."""
    job = Job(**json.loads(job_file.read_text()))
    with contextlib.suppress(PermissionError):  # without the right it may be late, and says so
        os.nice(PRIORITY)
    if job.core is not None:
        os.sched_setaffinity(0, {job.core})
    sys.setswitchinterval(SWITCH_S)
    try:
        Generator(job, read_payloads(payloads_folder), security_of(job)).run(out)
    except BenchError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"the rows could not be kept: {error}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
