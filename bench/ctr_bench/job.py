"""What a generator process is asked to do, as files: a JSON job and the requests' bytes."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_bench.schedule import Times

JOB_FILE, PAYLOADS_FILE, RECORDS_FILE, REPORT_FILE = (
    *("job.json", "payloads.npz", "records.npz", "report.json"),
)
MAX_UNANSWERED = 20_000
"""An open loop holds at most this many unanswered requests; further ones are recorded NOT_SENT."""

Protocol: TypeAlias = Literal["ctr.v1", "open-inference", "http-json"]
CTR_V1: Literal["ctr.v1"] = "ctr.v1"
OPEN_INFERENCE: Literal["open-inference"] = "open-inference"
HTTP_JSON: Literal["http-json"] = "http-json"


@dataclass(frozen=True, slots=True)
class Job:
    """One load run, or one generator's share of it.

    Attributes:
        target: "host:port", or any gRPC target; "http://host:port/path" for JSON over HTTP.
        deadline_s: each call's deadline.
        callers: of a closed loop; 0 is an open loop, which follows the schedule.
        seconds: how long a closed loop runs; an open loop ends with its schedule.
        max_requests: a closed loop ends after so many requests; 0 is no such end.
        warm_up: requests sent before the run, by a closed loop, and not recorded.
        read_every: look into each n-th answer; 1 is every one.
        core: the CPU that the generator stays on; None leaves it to the system.
        watched_pid: a process whose CPU time, with its children's, is told for the run; 0 is none.
        protocol: how the messages are sent and answers are read.
        connections: of each generator, used in turn; a connection stays with one worker.
        access: the fields of `ctr_client.commands.connection.Connection` beside the target, as
            JSON has them; empty is neither TLS nor token.
        first, step: this generator's share: request `first`, then each `step`-th.
        live: tell what was answered every second, for people.
        attempts: at one call, by the client's own retries; 1 hides no failure.
        late_s: a request that takes longer, or is not answered complete, is late for the two below.
        lost_by, won_after: an open loop sends no more once so many of the ended requests were late
            that its verdict is known (`verdict.Stops`); empty, it follows its schedule to the end.
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
    protocol: Protocol = CTR_V1
    connections: int = 1
    access: Mapping[str, str | bool | None] = field(default_factory=dict)
    first: int = 0
    step: int = 1
    live: bool = False
    attempts: int = 1
    late_s: float = 0.0
    lost_by: Sequence[int] = field(default_factory=list)
    won_after: Sequence[int] = field(default_factory=list)

    def warm_up_indices(self) -> Iterator[int]:
        """Yield which requests this generator sends before the run."""
        return iter(range(self.first, self.warm_up, self.step))

    def closed_indices(self) -> Iterator[int]:
        """Yield which requests a closed loop of this generator sends; endless without a bound."""
        for number in itertools.count(self.first, self.step):
            if self.max_requests and number >= self.max_requests:
                return
            yield self.warm_up + number


@dataclass(frozen=True, slots=True)
class Payloads:
    """Serialised requests, sent in order and from the first again when they run out.

    Attributes:
        messages: the bytes of each.
        candidates: int32 [messages], the items of each.
        schedule_ns: int64 [requests], when requests of an open loop are due; empty for a closed
            loop.
        order: int32 [any], which message is sent first, second ...; None is one after the other.
        tokens: int32 [messages], of the pairs of each; None is unknown.
        priority: uint8 [messages], as ctr.v1 numbers them; None is 0, unspecified.
    """

    messages: Sequence[bytes]
    candidates: NDArray[np.int32]
    schedule_ns: Times
    order: NDArray[np.int32] | None = None
    tokens: NDArray[np.int32] | None = None
    priority: NDArray[np.uint8] | None = None


_OPTIONAL = ("order", "tokens", "priority")


def write_job(folder: Path, job: Job, payloads: Payloads) -> None:
    """Write both files."""
    write_payloads(folder, payloads)
    (folder / JOB_FILE).write_text(json.dumps(asdict(job)))


def write_payloads(folder: Path, payloads: Payloads) -> None:
    """Write the messages alone; several jobs may share them."""
    ends = np.cumsum([len(message) for message in payloads.messages])
    joined = np.frombuffer(b"".join(payloads.messages), dtype=np.uint8)
    columns = {name: getattr(payloads, name) for name in _OPTIONAL}
    with (folder / PAYLOADS_FILE).open("wb") as file:
        np.savez(
            file,
            joined=joined,
            ends=ends,
            candidates=payloads.candidates,
            schedule_ns=payloads.schedule_ns,
            **{name: column for name, column in columns.items() if column is not None},
        )


def read_job(folder: Path) -> tuple[Job, Payloads]:
    """Read both files of one folder."""
    return Job(**json.loads((folder / JOB_FILE).read_text())), read_payloads(folder)


def read_payloads(folder: Path) -> Payloads:
    """Read what `write_payloads` wrote."""
    with np.load(folder / PAYLOADS_FILE, allow_pickle=False) as columns:
        joined, ends = columns["joined"].tobytes(), columns["ends"].tolist()
        candidates, schedule_ns = columns["candidates"], columns["schedule_ns"]
        optional = {name: columns[name] for name in _OPTIONAL if name in columns}
    begins = [0, *ends[:-1]]
    messages = [joined[begin:end] for begin, end in zip(begins, ends, strict=True)]
    return Payloads(messages, candidates, schedule_ns, **optional)
