"""A load on a scripted target, and what it must measure there, by exact simulation."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.child import running_child
from ctr_bench.figures import percentile_ms
from ctr_bench.job import Job, Payloads
from ctr_bench.runner import drive
from ctr_bench.scripted_queue import simulate
from ctr_bench.searches import Search
from ctr_client.messages import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ctr_bench.child import Child
    from ctr_bench.runner import Run
    from ctr_bench.schedule import Times
    from ctr_bench.scripted_queue import Script

CANDIDATES = 4
DEADLINE_S = 30.0
NO_SCHEDULE = np.empty(0, dtype=np.int64)
WARM_UP = 16


@contextlib.contextmanager
def scripted_server(script: Script, *, core: int | None = None) -> Iterator[Child]:
    """Run a scripted target in its own process.

    Raises:
        BenchError: it did not start or did not stop well.
    """
    arguments = [
        *("-m", "ctr_bench.scripted_target", "--service", script.kind),
        *("--service-ms", str(script.service_ms), "--sigma", str(script.sigma)),
        *("--servers", str(script.servers), "--seed", str(script.seed)),
        *("--stall-first-ms", str(script.stall_first_ms)),
        *("--stall-every-ms", str(script.stall_every_ms)),
        *("--stall-length-ms", str(script.stall_length_ms)),
    ]
    if script.max_waiting is not None:
        arguments += ["--max-waiting", str(script.max_waiting)]
    with running_child("scripted-target", arguments, core=core) as child:
        yield child


def numbered(requests: int) -> list[bytes]:
    """Return requests whose ids are their numbers, so that each has its own service time."""
    items = [Item(f"i{index}", "a title") for index in range(CANDIDATES)]
    return [Search("a query", items).serialise(str(number)) for number in range(requests)]


def payloads_of(schedule_ns: Times, requests: int) -> Payloads:
    """Return numbered requests with a schedule."""
    sizes = np.full(requests, CANDIDATES, dtype=np.int32)
    return Payloads(numbered(requests), sizes, schedule_ns)


def load_open(
    script: Script,
    schedule_ns: Times,
    *,
    generators: int = 1,
    started: Callable[[Sequence[int]], None] | None = None,
) -> Run:
    """Load a fresh scripted target by a schedule.

    Raises:
        BenchError: target or generator failed.
    """
    # A stall counts from the first arrival, so nothing may come before the schedule.
    warm_up = 0 if script.stall_length_ms else WARM_UP
    with scripted_server(script) as server:
        job = Job(server.target, DEADLINE_S, warm_up=warm_up)
        return drive(
            job,
            payloads_of(schedule_ns, len(schedule_ns)),
            generators=generators,
            started=started,
        )


def load_closed(script: Script, *, callers: int, seconds: float) -> Run:
    """Load a fresh scripted target by callers that wait for answers; see `load_open`."""
    with scripted_server(script) as server:
        job = Job(server.target, DEADLINE_S, callers=callers, seconds=seconds)
        return drive(job, payloads_of(NO_SCHEDULE, 1_000))


@dataclass(frozen=True, slots=True)
class Predicted:
    """What an open loop must find.

    Attributes:
        latency_ms: float64 [requests], endless where the target refuses.
        seconds: of the schedule.
    """

    latency_ms: np.ndarray[tuple[int], np.dtype[np.float64]]
    seconds: float

    def percentile_ms(self, percent: float) -> float:
        """Return a percentile."""
        return percentile_ms(self.latency_ms, percent)

    @property
    def answered_share(self) -> float:
        """Requests that are not refused."""
        return float(np.isfinite(self.latency_ms).mean())

    def goodput_pairs_s(self, slo_ms: float) -> float:
        """Pairs a second within an SLO."""
        return float((self.latency_ms <= slo_ms).sum()) * CANDIDATES / self.seconds


def predict(script: Script, schedule_ns: Times) -> Predicted:
    """Simulate the target on a schedule: no network, no other work on the machine."""
    arrivals = schedule_ns.tolist()
    ends = simulate(script, arrivals)
    latency_ms = np.array(
        [
            np.inf if served is None else (served.end_ns - due_ns) / 1e6
            for served, due_ns in zip(ends, arrivals, strict=True)
        ]
    )
    return Predicted(latency_ms, arrivals[-1] / 1e9)
