"""What the generator process is asked to do, as files: a JSON job and the requests' bytes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_bench.schedule import Times

JOB_FILE, PAYLOADS_FILE, RECORDS_FILE, REPORT_FILE = (
    *("job.json", "payloads.npz", "records.npz", "report.json"),
)
MAX_UNANSWERED = 20_000
"""An open loop holds at most this many unanswered requests; further ones are recorded NOT_SENT."""


@dataclass(frozen=True, slots=True)
class Job:
    """One load run.

    Attributes:
        target: "host:port" for ctr.v1, or with the scheme of another protocol; see
            `senders.opening`.
        deadline_s: each call's deadline.
        callers: of a closed loop; 0 is an open loop, which follows the schedule.
        seconds: how long a closed loop runs; an open loop ends with its schedule.
        max_requests: a closed loop ends after so many requests; 0 is no such end.
        warm_up: requests sent before the run, by a closed loop, and not recorded.
        read_every: look into each n-th answer; 1 is every one.
        core: the CPU that the generator stays on; None leaves it to the system.
        watched_pid: a process whose CPU time, with its children's, is told for the run; 0 is none.
    """

    target: str
    deadline_s: float
    callers: int = 0
    seconds: float = 0.0
    max_requests: int = 0
    warm_up: int = 0
    read_every: int = 1
    core: int | None = None
    watched_pid: int = 0


@dataclass(frozen=True, slots=True)
class Payloads:
    """Serialised requests, sent in order and from the first again when they run out.

    Attributes:
        messages: the bytes of each.
        candidates: int32 [messages], the items of each.
        schedule_ns: int64 [requests], when requests of an open loop are due; empty for a closed
            loop.
    """

    messages: Sequence[bytes]
    candidates: NDArray[np.int32]
    schedule_ns: Times


def write_job(folder: Path, job: Job, payloads: Payloads) -> None:
    """Write both files."""
    (folder / JOB_FILE).write_text(json.dumps(asdict(job)))
    ends = np.cumsum([len(message) for message in payloads.messages])
    joined = np.frombuffer(b"".join(payloads.messages), dtype=np.uint8)
    with (folder / PAYLOADS_FILE).open("wb") as file:
        np.savez(
            file,
            joined=joined,
            ends=ends,
            candidates=payloads.candidates,
            schedule_ns=payloads.schedule_ns,
        )


def read_job(folder: Path) -> tuple[Job, Payloads]:
    """Read both files."""
    job = Job(**json.loads((folder / JOB_FILE).read_text()))
    with np.load(folder / PAYLOADS_FILE, allow_pickle=False) as columns:
        joined, ends = columns["joined"].tobytes(), columns["ends"].tolist()
        candidates, schedule_ns = columns["candidates"], columns["schedule_ns"]
    begins = [0, *ends[:-1]]
    messages = [joined[begin:end] for begin, end in zip(begins, ends, strict=True)]
    return job, Payloads(messages, candidates, schedule_ns)
