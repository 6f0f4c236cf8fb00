"""The event loop's lag."""

from __future__ import annotations

import asyncio

import pytest

from ctr_service.clock import ManualClock
from ctr_service.limits import NS_PER_S
from ctr_service.telemetry import lag
from ctr_service.telemetry.lag import LoopLagProbe

PERIOD_NS = 1_000_000


class Rings:
    """Remembers each lag, and says when there are enough."""

    def __init__(self, wanted: int) -> None:
        self.lags_s: list[float] = []
        self.done = asyncio.Event()
        self._wanted = wanted

    def loop_lagged(self, seconds: float) -> None:
        """Note it."""
        self.lags_s.append(seconds)
        if len(self.lags_s) == self._wanted:
            self.done.set()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lag, "PROBE_EVERY_S", PERIOD_NS / NS_PER_S)


async def test_the_lag_is_what_passed_beyond_the_period() -> None:
    """A ring 7 ms after its time is 7 ms of lag; an early one is none; each starts afresh."""
    clock = ManualClock()
    rings = Rings(3)
    probe = LoopLagProbe(rings, clock)
    probe.start()
    clock.advance_ns(PERIOD_NS + 7_000_000)
    await asyncio.wait_for(rings.done.wait(), 10)
    probe.close()
    assert rings.lags_s == [0.007, 0.0, 0.0]


async def test_a_closed_probe_rings_no_more() -> None:
    """Nothing is left in the loop."""
    rings = Rings(1)
    probe = LoopLagProbe(rings, ManualClock())
    probe.close()  # before the start it does nothing
    probe.start()
    probe.close()
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(5 * PERIOD_NS / NS_PER_S, later.set)
    await later.wait()
    assert rings.lags_s == []
