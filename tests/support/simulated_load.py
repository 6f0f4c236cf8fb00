"""A load run that never happened: requests through a seeded queue, in simulated time.

Poisson arrivals, first come first served, `slots` at once, scripted stalls, refusals when the queue
is long. It stands for a server in tests of what is made of run files; it is no model of ours.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctr_bench.record import OK, RESOURCE_EXHAUSTED
from ctr_bench.schedule import poisson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Columns = Mapping[str, NDArray[Any]]

DEADLINE_EXCEEDED = 4
LISTS = np.array([10, 16, 16, 24, 48])
"""Candidates of a request, each as likely."""
REFUSAL_MS = 0.6


@dataclass(frozen=True)
class SimulatedServer:
    """What a request costs.

    Attributes:
        start_ms, pair_ms: a list's time is the one, and the other for each candidate.
        spread: sigma of the log-normal factor on it.
        refuse_ms: longest expected wait with which a request is let in.
        degrade_ms: longest wait with which a list is scored whole.
        stalls: (begin in seconds, length in seconds), in which nothing runs.
        hit_share: of the candidates, those that cost nothing.
    """

    slots: int = 2
    start_ms: float = 1.5
    pair_ms: float = 0.8
    spread: float = 0.15
    refuse_ms: float = 400.0
    degrade_ms: float = 300.0
    stalls: tuple[tuple[float, float], ...] = ()
    hit_share: float = 0.0

    @property
    def capacity_requests_s(self) -> float:
        """Where the queue begins to grow without end."""
        pairs = LISTS.mean() * (1 - self.hit_share)
        return float(self.slots * 1e3 / (self.start_ms + self.pair_ms * pairs))


def simulate_load(
    server: SimulatedServer,
    rate: float,
    seconds: float,
    *,
    seed: int = 0,
    deadline_ms: float = 500.0,
    lag_ms: float = 0.08,
) -> dict[str, NDArray[Any]]:
    """Return the columns of a run's rows.

    Args:
        server: who answers.
        rate: requests a second, in the mean.
        seconds: about how long.
        seed: of all that is random.
        deadline_ms: of each request, from its sending.
        lag_ms: how late the generator is, in the mean.
    """
    requests = max(1, round(rate * seconds))
    rng = np.random.default_rng(seed)
    scheduled_ns = poisson(rate, requests, seed)
    sent_ns = scheduled_ns + (rng.exponential(lag_ms, requests) * 1e6).astype(np.int64)
    candidates = rng.choice(LISTS, requests)
    cached = rng.binomial(candidates, server.hit_share)
    model_ms = server.start_ms + server.pair_ms * (candidates - cached)
    model_ms *= rng.lognormal(0, server.spread, requests)
    columns: dict[str, NDArray[Any]] = {
        "scheduled_ns": scheduled_ns,
        "sent_ns": sent_ns,
        "done_ns": np.zeros(requests, dtype=np.int64),
        "candidates": candidates.astype(np.int32),
        "tokens": (27 * candidates).astype(np.int32),
        "code": np.zeros(requests, dtype=np.uint8),
        "degraded": np.zeros(requests, dtype=bool),
        "scored": candidates.astype(np.int32),
        "fallback": np.zeros(requests, dtype=np.int32),
        "invalid": np.zeros(requests, dtype=np.int32),
        "cached": cached.astype(np.int32),
        "features_ns": (rng.lognormal(-1.2, 0.5, requests) * 1e6).astype(np.int64),
        "queue_ns": np.zeros(requests, dtype=np.int64),
        "model_ns": (model_ms * 1e6).astype(np.int64),
    }
    rest_ns = (rng.lognormal(-0.4, 0.4, requests) * 1e6).astype(np.int64)
    free_ns = [0] * server.slots
    for index in range(requests):
        _serve(server, columns, index, free_ns, int(rest_ns[index]), round(deadline_ms * 1e6))
    _forget_unanswered(columns)
    return columns


def _serve(  # noqa: PLR0917 -- the state of one step
    server: SimulatedServer,
    columns: dict[str, NDArray[Any]],
    index: int,
    free_ns: list[int],
    rest_ns: int,
    deadline_ns: int,
) -> None:
    arrival_ns = int(columns["sent_ns"][index] + columns["features_ns"][index])
    begin_ns = _after_stalls(server, max(arrival_ns, free_ns[0]))
    wait_ms = (begin_ns - arrival_ns) / 1e6
    stalled = begin_ns - max(arrival_ns, free_ns[0]) > 0
    if wait_ms > server.refuse_ms and not stalled:
        columns["code"][index] = RESOURCE_EXHAUSTED
        columns["done_ns"][index] = columns["sent_ns"][index] + round(REFUSAL_MS * 1e6)
        return
    end_ns = begin_ns + int(columns["model_ns"][index])
    heapq.heapreplace(free_ns, end_ns)
    columns["queue_ns"][index] = begin_ns - arrival_ns
    columns["done_ns"][index] = end_ns + rest_ns
    latest_ns = int(columns["sent_ns"][index]) + deadline_ns
    if end_ns + rest_ns > latest_ns:
        columns["code"][index] = DEADLINE_EXCEEDED
        columns["done_ns"][index] = latest_ns
    elif wait_ms > server.degrade_ms:
        columns["degraded"][index] = True
        columns["fallback"][index] = columns["candidates"][index] // 2
        columns["scored"][index] -= columns["fallback"][index]


def _after_stalls(server: SimulatedServer, at_ns: int) -> int:
    for begin_s, length_s in server.stalls:
        if begin_s * 1e9 <= at_ns < (begin_s + length_s) * 1e9:
            return round((begin_s + length_s) * 1e9)
    return at_ns


def _forget_unanswered(columns: dict[str, NDArray[Any]]) -> None:
    """No answer, no timings and no counts."""
    lost = columns["code"] != OK
    for name in ("features_ns", "queue_ns", "model_ns", "scored", "cached"):
        columns[name][lost] = 0
