"""The generator process: `python -m ctr_bench.generator FOLDER` runs the job in that folder.

A process of its own, so that the load it makes costs the bench's own code nothing, and so that its
CPU time can be told. Requests are serialised before it starts; a call is bytes in and bytes out.
It asks for a higher priority: callers stand on machines of their own, so a server that is busy must
not make them late.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # -- ships no types
import uvloop

from ctr_bench.driving import Driver
from ctr_bench.job import RECORDS_FILE, REPORT_FILE, Job, Payloads, read_job
from ctr_bench.record import Records, write_records
from ctr_bench.senders.opening import open_sender

PRIORITY = -10


async def drive(job: Job, payloads: Payloads) -> tuple[Records, dict[str, float]]:
    """Connect, warm up, run, and say what the generator itself took.

    Raises:
        TimeoutError: nothing listens at the target.
    """
    async with open_sender(job.target) as sender:
        driver = Driver(sender, job, payloads)
        await driver.warm_up()
        gc.collect()
        gc.freeze()
        gc.disable()  # a collection in the middle of a run would look like the server's
        before = _clocks(job)
        records = await driver.run()
        after = _clocks(job)
    return records, {name: after[name] - before[name] for name in after}


def _clocks(job: Job) -> dict[str, float]:
    """Return wall time, this process's CPU time and the watched one's, in seconds."""
    watched_s = 0.0
    if job.watched_pid:
        watched = psutil.Process(job.watched_pid)
        times = [p.cpu_times() for p in (watched, *watched.children(recursive=True))]
        watched_s = float(sum(t.user + t.system for t in times))
    return {"wall_s": time.monotonic(), "cpu_s": time.process_time(), "watched_cpu_s": watched_s}


def main(folder: Path) -> None:
    """Run the job of a folder and leave the records there."""
    job, payloads = read_job(folder)
    with contextlib.suppress(PermissionError):  # without the right it may be late, and says so
        os.nice(PRIORITY)
    if job.core is not None:
        os.sched_setaffinity(0, {job.core})
    records, report = uvloop.run(drive(job, payloads))
    write_records(records, folder / RECORDS_FILE)
    (folder / REPORT_FILE).write_text(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
