"""Runs one load in the generator process and brings back what it recorded."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_bench.errors import BenchError
from ctr_bench.figures import defects
from ctr_bench.job import RECORDS_FILE, REPORT_FILE, write_job
from ctr_bench.record import read_records

if TYPE_CHECKING:
    from ctr_bench.job import Job, Payloads
    from ctr_bench.record import Records

OVERHEAD_S = 120.0
"""Beyond the load itself: start, connection, warm-up, the last answers."""
LAST_WORDS = 2_000


@dataclass(frozen=True, slots=True)
class Run:
    """A finished load run.

    Attributes:
        wall_s: from the first request's begin to the last answer.
        generator_cpu_share: CPU time of the generator over wall time; near 1 it limits.
        watched_cpu_s: CPU time of the watched process in the same time.
    """

    records: Records
    wall_s: float
    generator_cpu_share: float
    watched_cpu_s: float


def run_load(job: Job, payloads: Payloads) -> Run:
    """Run a job to its end. Blocks.

    Raises:
        BenchError: the generator failed; the message holds its last words.
    """
    scheduled_s = payloads.schedule_ns[-1] / 1e9 if len(payloads.schedule_ns) else job.seconds
    # A warm-up or a run bounded by requests may take long; each request has its deadline.
    counted_s = (job.warm_up + job.max_requests) * min(job.deadline_s, 0.1)
    with tempfile.TemporaryDirectory(prefix="ctr-bench-") as name:
        folder = Path(name)
        write_job(folder, job, payloads)
        command = [sys.executable, "-m", "ctr_bench.generator", str(folder)]
        try:
            done = subprocess.run(  # noqa: S603 -- our own command
                command,
                capture_output=True,
                text=True,
                check=False,
                timeout=scheduled_s + counted_s + job.deadline_s + OVERHEAD_S,
            )
        except subprocess.TimeoutExpired:
            raise BenchError(f"the load generator did not end; is {job.target} alive?") from None
        if done.returncode:
            raise BenchError(f"the load generator failed: {done.stderr[-LAST_WORDS:]}")
        records = read_records(folder / RECORDS_FILE)
        report = json.loads((folder / REPORT_FILE).read_text())
    if broken := defects(records):
        raise BenchError(
            f"{broken} of {len(records)} requests ended with an error that no load explains "
            f"(codes {sorted(set(records.code.tolist()))}); is {job.target} what it should be?"
        )
    wall_s = report["wall_s"]
    return Run(records, wall_s, report["cpu_s"] / wall_s, report["watched_cpu_s"])
