"""The scripted server's arithmetic, which the selftest's predictions stand on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_bench.claims import Check, bound, near
from ctr_bench.errors import BenchError
from ctr_bench.scripted_queue import NS_PER_MS, Script, ScriptedQueue, simulate

GAPS_MS = st.lists(st.integers(0, 60), min_size=1, max_size=60)
TEN = 10 * NS_PER_MS


def arrivals(gaps_ms: list[int]) -> list[int]:
    """Times from gaps."""
    times: list[int] = (np.cumsum(gaps_ms) * NS_PER_MS).tolist()
    return times


@given(GAPS_MS, st.integers(1, 4), st.integers(0, 3))
def test_one_after_the_other_on_so_many_servers(
    gaps_ms: list[int], servers: int, seed: int
) -> None:
    """At no time are more in service than servers; nobody starts early, waits idly, or is lost."""
    script = Script(kind="exponential", service_ms=20, servers=servers, seed=seed)
    times = arrivals(gaps_ms)
    served = simulate(script, times)
    found = [s for s in served if s is not None]
    assert len(found) == len(times)
    starts = [s.start_ns for s in found]
    assert starts == sorted(starts)
    for index, (start, arrival) in enumerate(zip(starts, times, strict=True)):
        busy = sum(s.start_ns <= start < s.end_ns for s in found[:index])
        assert start >= arrival
        assert busy < servers
        if start > arrival:  # it waited for a server to be free
            assert any(s.end_ns == start for s in found[:index])


@given(GAPS_MS, st.integers(0, 3))
def test_one_server_follows_lindleys_recursion(gaps_ms: list[int], seed: int) -> None:
    """The next start is the later of its arrival and the end before it."""
    script = Script(kind="lognormal", service_ms=15, seed=seed)
    times, service_ns = arrivals(gaps_ms), script.service_ns().tolist()
    end_ns = 0
    for number, served in enumerate(simulate(script, times)):
        end_ns = max(end_ns, times[number]) + service_ns[number]
        assert served is not None
        assert served.end_ns == end_ns


def test_a_stall_stops_what_is_running_and_what_would_start() -> None:
    """Work of 10 ms begun 5 ms before a stall of 100 ms ends 5 ms after it; then it comes again."""
    script = Script(
        service_ms=10, servers=2, stall_first_ms=50, stall_every_ms=300, stall_length_ms=100
    )
    times = [ms * NS_PER_MS for ms in (0, 45, 100, 200, 345)]
    ends_ms = [s.end_ns / NS_PER_MS for s in simulate(script, times) if s is not None]
    assert ends_ms == [10, 155, 160, 210, 455]


def test_a_full_queue_refuses_and_a_refusal_takes_no_server() -> None:
    """One in service and one waiting; the third is refused, and the fourth finds room again."""
    script = Script(service_ms=10, max_waiting=1)
    ends = simulate(script, [0, 1, 2, 11 * NS_PER_MS])
    assert [None if s is None else s.end_ns / NS_PER_MS for s in ends] == [10, 20, None, 30]


def test_capacity_is_servers_over_the_mean_service_time() -> None:
    """Eight servers of 100 ms do 80 a second; an unknown kind is refused."""
    assert Script(service_ms=100, servers=8).capacity_requests_s == pytest.approx(80)
    with pytest.raises(BenchError, match="constant"):
        Script(kind="normal").service_ns()
    assert ScriptedQueue(Script()).arrive(5, TEN) == (5, 5 + TEN)


def test_a_claim_holds_within_its_share_and_never_on_nothing() -> None:
    """NaN and infinity are near nothing; a check holds when all its claims do."""
    assert near("p99", 104.9, 100, 0.05).holds
    assert not near("p99", 105.1, 100, 0.05).holds
    assert not near("p99", math.nan, 100, 0.05).holds
    assert not near("p99", math.inf, 100, 0.05).holds
    assert bound("share", 0.5, "<=", 0.6).holds
    broken = Check("c", (near("a", 1, 1, 0.1), bound("b", 1, ">=", 2)))
    assert not broken.holds
    claims = broken.as_json()["claims"]
    assert isinstance(claims, list)
    assert [claim["holds"] for claim in claims] == [True, False]
    assert Check("d", absent="not here").as_json()["holds"] is None
