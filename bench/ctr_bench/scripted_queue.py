"""A server of known behaviour, as arithmetic: first come, first served, by a script. Pure.

The scripted target serves by it, and the selftest predicts by it what the harness must measure.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ctr_bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

NS_PER_MS = 1_000_000
DRAWS = 1 << 16
"""Service times that are drawn; request number n has the n-th, and again from the first."""
KINDS = ("constant", "exponential", "lognormal")


class Served(NamedTuple):
    """When a request starts and ends."""

    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Script:
    """How the server behaves.

    Attributes:
        kind: of the service times: constant, exponential or lognormal.
        service_ms: their constant, mean or median.
        sigma: of the lognormal's logarithm.
        servers: requests in service at a time.
        max_waiting: requests that wait; one more is refused at once. None is no limit.
        stall_first_ms, stall_every_ms, stall_length_ms: no work goes on in these stretches, the
            first of which begins so long after the first arrival; a length of 0 is no stall, an
            every of 0 only one.
        seed: of the service times.
    """

    kind: str = "constant"
    service_ms: float = 0.0
    sigma: float = 0.3
    servers: int = 1
    max_waiting: int | None = None
    stall_first_ms: float = 0.0
    stall_every_ms: float = 0.0
    stall_length_ms: float = 0.0
    seed: int = 0

    def service_ns(self) -> NDArray[np.int64]:
        """Return int64 [DRAWS]: the service time of each request by its number.

        Raises:
            BenchError: the kind is unknown.
        """
        rng = np.random.default_rng(self.seed)
        match self.kind:
            case "constant":
                drawn = np.full(DRAWS, self.service_ms)
            case "exponential":
                drawn = rng.exponential(self.service_ms, DRAWS)
            case "lognormal":
                drawn = self.service_ms * rng.lognormal(0.0, self.sigma, DRAWS)
            case _:
                raise BenchError(f"service times are {', '.join(KINDS)}, not {self.kind!r}")
        service_ns: NDArray[np.int64] = np.rint(drawn * NS_PER_MS).astype(np.int64)
        return service_ns

    @property
    def capacity_requests_s(self) -> float:
        """Requests a second that it can do without stalls."""
        return self.servers / (float(self.service_ns().mean()) / 1e9)


class ScriptedQueue:
    """Says of each arrival when it will be answered. Arrivals must come in order of time."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._free_ns = [0] * script.servers
        self._starts_ns: deque[int] = deque()
        self._first_ns: int | None = None

    def arrive(self, now_ns: int, service_ns: int) -> Served | None:
        """Take an arrival; None is a refusal.

        Args:
            now_ns: on any clock, not before the arrival before it.
            service_ns: the work.
        """
        if self._first_ns is None:
            self._first_ns = now_ns
        while self._starts_ns and self._starts_ns[0] <= now_ns:
            self._starts_ns.popleft()
        start_ns = self._after_stall(max(now_ns, self._free_ns[0]))
        most = self._script.max_waiting
        if start_ns > now_ns:
            if most is not None and len(self._starts_ns) >= most:
                return None
            self._starts_ns.append(start_ns)
        end_ns = self._end(start_ns, service_ns)
        heapq.heapreplace(self._free_ns, end_ns)
        return Served(start_ns, end_ns)

    def _end(self, start_ns: int, work_ns: int) -> int:
        now_ns = start_ns
        while (stall := self._next_stall(now_ns)) is not None:
            begin_ns, end_ns = stall
            if begin_ns - now_ns >= work_ns:
                break
            work_ns -= begin_ns - now_ns
            now_ns = end_ns
        return now_ns + work_ns

    def _after_stall(self, now_ns: int) -> int:
        stall = self._next_stall(now_ns)
        return stall[1] if stall is not None and stall[0] <= now_ns else now_ns

    def _next_stall(self, now_ns: int) -> tuple[int, int] | None:
        """Return the stall at a moment, or the next one after it; None when there is none."""
        script = self._script
        if not script.stall_length_ms or self._first_ns is None:
            return None
        begin_ns = self._first_ns + round(script.stall_first_ms * NS_PER_MS)
        length_ns = round(script.stall_length_ms * NS_PER_MS)
        every_ns = round(script.stall_every_ms * NS_PER_MS)
        if now_ns >= begin_ns + length_ns:
            if not every_ns:
                return None
            begin_ns += -(-(now_ns - begin_ns - length_ns + 1) // every_ns) * every_ns
        return begin_ns, begin_ns + length_ns


def simulate(script: Script, arrivals_ns: Sequence[int]) -> list[Served | None]:
    """Return when each arrival is served; its number is its place. None is a refusal."""
    scripted, service_ns = ScriptedQueue(script), script.service_ns().tolist()
    return [
        scripted.arrive(now_ns, service_ns[number % DRAWS])
        for number, now_ns in enumerate(arrivals_ns)
    ]
