"""What a server is asked in a load run, and what it does at most."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.job import CTR_V1, Job, Payloads
from ctr_bench.runner import run_load
from ctr_bench.workload import serialise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from ctr_bench.job import Protocol
    from ctr_bench.record import Records
    from ctr_bench.runner import Run
    from ctr_bench.schedule import Times
    from ctr_bench.searches import Search

DEADLINE_FACTOR = 2.5
"""A caller waits so many times the SLO."""
NO_SCHEDULE = np.empty(0, dtype=np.int64)
RAMP_S = 1.0
"""A closed loop's first second is not counted, nor is what it answers after its end: a server that
fills up or empties has slots without work."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests serialised for a protocol, sent in order, and the items of each."""

    messages: Sequence[bytes]
    candidates: Sequence[int]
    protocol: Protocol = CTR_V1

    @classmethod
    def of(cls, searches: Sequence[Search]) -> Self:
        """Serialise searches."""
        return cls(serialise(searches), [len(search.items) for search in searches])

    @property
    def pairs_a_request(self) -> float:
        """The mean length of a list."""
        return sum(self.candidates) / len(self.candidates)

    def part(self, begin: int, end: int) -> Traffic:
        """Return a slice of it."""
        return replace(
            self, messages=self.messages[begin:end], candidates=self.candidates[begin:end]
        )

    def from_request(self, number: int) -> Traffic:
        """Return it beginning with another request, the ones before that at the end."""
        begin = number % len(self.messages)
        return replace(
            self,
            messages=[*self.messages[begin:], *self.messages[:begin]],
            candidates=[*self.candidates[begin:], *self.candidates[:begin]],
        )

    def payloads(self, schedule_ns: Times) -> Payloads:
        """Return them with a schedule."""
        return Payloads(self.messages, np.asarray(self.candidates, dtype=np.int32), schedule_ns)


def saturate(target: str, traffic: Traffic, *, callers: int, seconds: float) -> tuple[float, Run]:
    """Return pairs a second of a closed loop: the most that the server does, whatever the latency.

    Args:
        target: where it serves; see `Job`.
        traffic: what to ask.
        callers: each has one request at a time.
        seconds: how long it is counted, once it is under way.
    """
    job = Job(
        target=target,
        deadline_s=10.0,
        callers=callers,
        seconds=RAMP_S + seconds,
        warm_up=callers,
        protocol=traffic.protocol,
    )
    run = run_load(job, traffic.payloads(NO_SCHEDULE))
    return steady_pairs_s(run.records, RAMP_S, RAMP_S + seconds), run


def steady_pairs_s(records: Records, begin_s: float, end_s: float) -> float:
    """Return the pairs a second of the complete answers within a window of a closed loop.

    Args:
        records: of the loop.
        begin_s: of the window, since the loop's begin; the server is full by then.
        end_s: of the window; callers must send until then.
    """
    done_s = records.done_ns / 1e9
    counted = records.complete & (done_s > begin_s) & (done_s <= end_s)
    return float(records.candidates[counted].sum()) / (end_s - begin_s)
